"""From the release in the working tree to a published one: checked, pushed, committed, tagged, noted in the catalogue.

The contract that must not break: a tag names bytes that were verified and that are on the remote.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, delete, select

from db.models import Pair, ReleaseItem
from db.models import Release as Published
from db.session import make_sessions
from db.upsert import upsert
from releases.build import Report
from releases.dvc_repo import DvcRepo
from releases.errors import ReleaseError
from releases.git_repo import GitRepo
from releases.names import Home, Tag, data_set
from releases.places import DATASETS, of_class
from releases.release import Release
from releases.validation import verdict_of
from releases.verification import verify
from vitonhd.garment_classes import GarmentClass

STAGES = ("snapshot", "build", "validate", "card")
_FILES = ("dvc.yaml", "dvc.lock", "params.yaml", ".dvc/config", f"{DATASETS}/.gitignore")


@dataclass(frozen=True)
class Publication:
    tag: Tag
    items: int
    new: bool
    """False where the newest tag names the same bytes: nothing was done then."""


def stages_of(garment_class: GarmentClass) -> list[str]:
    """Names of the class's stages in `dvc.yaml`."""
    return [f"{stage}@{garment_class}" for stage in STAGES]


def publish(
    project: Path,
    garment_class: GarmentClass,
    engine: Engine,
    day: date,
    *,
    remote: str | None = None,
    workers: int = 1,
    on_progress: Report = lambda done, total: None,
) -> Publication:
    """Publish the class's release as it is in the project's folder; the same one again changes nothing.

    Raises ReleaseError for a release that is not validated, unsound or stale, ReleaseCorrupt for one whose bytes have
    changed, ToolFailed where git or DVC do.
    """
    home, git, dvc = Home.of(project / DATASETS, garment_class), GitRepo(project), DvcRepo(project)
    place = of_class(garment_class, project)
    release = place.open()
    known = [tag for tag in git.tags() if tag.garment_class is garment_class]
    stats = release.stats()
    items = sum(stats["items"].values())
    if known and git.message(known[-1])["identity"] == release.identity:
        note(engine, known[-1], release)
        return Publication(known[-1], items, new=False)
    if not items:
        raise ReleaseError(f"{data_set(garment_class)} holds no item; `lookbook release snapshot` says why")
    if not verdict_of(home.validation, release.identity)["sound"]:
        raise ReleaseError(f"{data_set(garment_class)} is not sound; {home.validation} says why")
    if stale := dvc.stale(stages_of(garment_class)[1:]):
        raise ReleaseError(f"{', '.join(stale)} of {data_set(garment_class)} is stale; run `dvc repro`")
    verify(place, workers=workers, on_progress=on_progress)
    dvc.push(stages_of(garment_class), remote)
    tag = Tag.following(garment_class, day, known)
    # What `dvc repro` leaves for git, and nothing else that may lie about.
    git.commit([*_FILES, *_of_home(home, project)], f"Release {tag}: {items:,} items")
    git.tag(tag, f"{tag}: {items:,} items", _facts(release, stats))
    note(engine, tag, release)
    return Publication(tag, items, new=True)


def _of_home(home: Home, project: Path) -> list[str]:
    return [str(path.relative_to(project)) for path in (home.card, home.validation, home.folder / ".gitignore")]


def _facts(release: Release, stats: dict[str, Any]) -> dict[str, Any]:
    return {"identity": release.identity, "items": stats["items"], "withdrawn": sum(stats["withdrawn"].values())}


def note(engine: Engine, tag: Tag, release: Release) -> None:
    """Record in the catalogue which pairs the release holds, so that a render can be traced to them; idempotent."""
    sessions = make_sessions(engine)
    with sessions.begin() as session:
        row = session.scalars(select(Published).filter_by(tag=str(tag))).one_or_none()
        if row is not None and row.identity == release.identity:
            return
        if row is None:
            row = Published(tag=str(tag), garment_class=tag.garment_class)
            session.add(row)
        row.identity = release.identity
        session.flush()
        session.execute(delete(ReleaseItem).where(ReleaseItem.release_id == row.id))
        pairs = select(Pair.number, Pair.id).where(Pair.garment_class == tag.garment_class)
        ids = {number: pair_id for number, pair_id in session.execute(pairs).tuples()}  # noqa: C416 - a typed dict
        upsert(session, ReleaseItem, _rows(release, row.id, ids), key=("release_id", "pair_id"))


def _rows(release: Release, release_id: int, ids: dict[int, int]) -> Iterator[dict[str, Any]]:
    """Items that this catalogue does not know (another one made the release) have no row."""
    for id, _, _, content in release.places():
        pair_id = ids.get(int(id.partition("_")[0]))
        if pair_id is not None:
            yield {"release_id": release_id, "pair_id": pair_id, "content": content}
