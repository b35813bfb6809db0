"""Each product's best worn photo and best packshot, from the artifacts that are there.

The contract that must not break: a choice is a function of the product's pictures and their artifacts alone, made when
all of them are there; making it again changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, bindparam, select, update
from sqlalchemy.orm import Session

from db import queries
from db.models import Artifact, Choice, ProductImage, utcnow
from db.queries import Gallery
from db.session import make_sessions
from db.upsert import upsert
from preprocess.gates.choice import Candidate, Fingerprint, best, near_duplicates
from preprocess.gates.verdict import Verdict
from preprocess.run.plan import gallery_pages
from preprocess.run.work import ATTEMPTS, Recipe
from preprocess.shots import ShotKind

_SIDES = {"worn": ShotKind.WORN, "packshot": ShotKind.FLAT}
_COMPARED = ("garment_class", "state", "reason", "figure", "limit", "detail", "worn_key", "packshot_key", "facts")
_NO_REASON: dict[str, Any] = dict.fromkeys(("reason", "figure", "limit", "detail"))
_ALIKE = (Verdict("near-duplicate", 1, 0),)


@dataclass
class Choices:
    """Products by what became of them; the `waiting` ones have pictures without a final artifact."""

    ready: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    waiting: int = 0
    changed: int = 0
    """Rows that were written: 0 when nothing is new."""

    def count(self, row: Mapping[str, Any]) -> None:
        if row["state"] == "ready":
            self.ready += 1
        else:
            self.rejected[row["reason"]] += 1


def choose(engine: Engine, recipe: Recipe, garment_classes: Sequence[str], shard: tuple[int, int] = (0, 1)) -> Choices:
    """Make the choices of a share's products and fill in their pictures' shot kinds; writes only what changes."""
    result = Choices()
    for page in gallery_pages(make_sessions(engine, read_only=True), garment_classes, shard):
        with Session(engine) as session, session.begin():
            _choose_page(session, recipe, page, result)
    return result


def _choose_page(session: Session, recipe: Recipe, page: Sequence[Gallery], result: Choices) -> None:
    keys = {gallery.product_id: [work.key for work in recipe.work(gallery)] for gallery in page}
    found = queries.artifacts(session, sorted({key for some in keys.values() for key in some}))
    rows = []
    for gallery in page:
        artifacts = [found[key] for key in keys[gallery.product_id] if key in found]
        if len(artifacts) < len(keys[gallery.product_id]) or any(map(_may_change, artifacts)):
            result.waiting += 1
            continue
        rows.append(choice_row(gallery.product_id, recipe.version, gallery.garment_class, artifacts))
        result.count(rows[-1])
    result.changed += _write(session, recipe.version, rows)
    _fill_in_shot_kinds(session, page, found.values())


def _may_change(artifact: Artifact) -> bool:
    """Whether another run will try again."""
    return artifact.state == "failed" and artifact.attempts < ATTEMPTS


def choice_row(product_id: int, version: str, garment_class: str, artifacts: Sequence[Artifact]) -> dict[str, Any]:
    """The `choice` row of a product whose pictures, in page order, have these artifacts."""
    worn, packshot = (_Side.of(name, kind, artifacts) for name, kind in _SIDES.items())
    if worn.best is not None and packshot.best is not None:
        end = _NO_REASON | {"state": "ready"}
    elif not artifacts:
        end = _NO_REASON | {"state": "rejected", "reason": "no-pictures"}
    else:
        end = {"state": "rejected"} | (worn if worn.best is None else packshot).why_none()
    return {
        **end, "product_id": product_id, "version": version, "garment_class": garment_class,
        "worn_key": worn.best and worn.best.key, "packshot_key": packshot.best and packshot.best.key,
        "facts": {"pictures": len(artifacts), "worn": worn.facts, "packshot": packshot.facts},
        "made_at": utcnow(),
    }  # fmt: skip


@dataclass(frozen=True)
class _Side:
    """A product's worn photos, or its packshots."""

    name: str
    best: Artifact | None
    fit: int
    near_duplicates: int
    rejected: tuple[Artifact, ...]

    @classmethod
    def of(cls, name: str, kind: ShotKind, artifacts: Sequence[Artifact]) -> _Side:
        shots = [artifact for artifact in artifacts if artifact.shot_kind == kind]
        fit = [artifact for artifact in shots if artifact.state == "done"]
        # Of pictures that are alike the best one stays, wherever it is on the page.
        ranked = sorted(range(len(fit)), key=lambda place: (-(fit[place].score or 0), place))
        alike = near_duplicates([_fingerprint(fit[place]) for place in ranked])
        chosen = best(
            Candidate(fit[place].sha256, place, fit[place].score or 0, _ALIKE if like is not None else ())
            for place, like in zip(ranked, alike, strict=True)
        )
        return cls(
            name, None if chosen is None else fit[chosen.position], len(fit), sum(like is not None for like in alike),
            tuple(artifact for artifact in shots if artifact.state == "rejected"),
        )  # fmt: skip

    @property
    def reasons(self) -> Counter[str]:
        return Counter(artifact.reason or "" for artifact in self.rejected)

    @property
    def facts(self) -> dict[str, Any]:
        return {
            "fit": self.fit,
            "near_duplicates": self.near_duplicates,
            "rejected": dict(sorted(self.reasons.items())),
        }

    def why_none(self) -> dict[str, Any]:
        """That there is no such picture, or the commonest reason, with the figures of the first that has it."""
        if not self.rejected:
            return _NO_REASON | {"reason": f"no-{self.name}"}
        reason, count = self.reasons.most_common(1)[0]
        first = next(artifact for artifact in self.rejected if artifact.reason == reason)
        said = f"{count} of {len(self.rejected)} {self.name} pictures" + (f"; {first.detail}" if first.detail else "")
        return {"reason": f"{self.name}-{reason}", "figure": first.figure, "limit": first.limit, "detail": said}


def _fingerprint(artifact: Artifact) -> Fingerprint:
    assert artifact.phash is not None and artifact.thumbnail is not None
    return Fingerprint(artifact.phash, artifact.thumbnail)


def _write(session: Session, version: str, rows: Sequence[dict[str, Any]]) -> int:
    """Write the rows that say something new; how many."""
    ids = [row["product_id"] for row in rows]
    query = select(Choice).where(Choice.version == version, Choice.product_id.in_(ids))
    known = {choice.product_id: choice for choice in session.scalars(query)}
    changed = [
        row
        for row in rows
        if (there := known.get(row["product_id"])) is None
        or any(getattr(there, name) != row[name] for name in _COMPARED)
    ]
    upsert(session, Choice, changed, key=["product_id", "version"], update=[*_COMPARED, "made_at"])
    return len(changed)


def _fill_in_shot_kinds(session: Session, page: Iterable[Gallery], artifacts: Iterable[Artifact]) -> None:
    """`product_image.shot_kind` of whole pictures; the pieces of a sheet have kinds of their own, in `artifact`."""
    kinds = {one.sha256: one.shot_kind for one in artifacts if one.rows is None and one.shot_kind is not None}
    rows = [
        {"_id": picture.id, "_kind": kinds[picture.sha256]}
        for gallery in page
        for picture in gallery.pictures
        if picture.shot_kind != kinds.get(picture.sha256, picture.shot_kind)
    ]
    if rows:
        table = ProductImage.__table__
        statement = update(table).where(table.c.id == bindparam("_id")).values(shot_kind=bindparam("_kind"))  # type: ignore[arg-type]
        session.connection().execute(statement, rows)
