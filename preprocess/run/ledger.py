"""What became of each picture, written to the catalogue in batches: one transaction for all rows of a batch.

The contract that must not break: a row's blobs are complete before the row is there; a row that says more than
`failed` is never replaced; a batch that is lost with the process is done again with the same result.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from typing import Any

from sqlalchemy import Engine, delete
from sqlalchemy.orm import Session

from db.models import Artifact, utcnow
from db.upsert import upsert
from preprocess.chain.assess import Assessed
from preprocess.run.finishing import Made
from preprocess.run.work import ATTEMPTS, STAGE, Recipe

_BATCH = 64
_SECONDS = 2.0


class Ledger:
    """Counts of what is done, by state and reason, and the rows still to be written."""

    def __init__(self, engine: Engine, recipe: Recipe) -> None:
        self._engine = engine
        self._recipe = recipe
        self._rows: dict[str, dict[str, Any]] = {}
        self._flushed_at = time.monotonic()
        self.done = 0
        self.rejected: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.retriable = 0
        """Of the failed ones: with tries left."""

    def add(self, made: Made) -> None:
        if made.verdict is None:
            self.done += 1
        elif made.failed:
            self.failed[made.verdict.reason] += 1
            self.retriable += made.work.attempts + 1 < ATTEMPTS
        else:
            self.rejected[made.verdict.reason] += 1
        self._rows[made.work.key] = artifact_row(self._recipe, made)

    def flush_due(self) -> bool:
        return len(self._rows) >= _BATCH or (bool(self._rows) and time.monotonic() - self._flushed_at >= _SECONDS)

    def flush(self) -> None:
        """Write what was added."""
        if self._rows:
            with Session(self._engine) as session, session.begin():
                session.execute(
                    delete(Artifact).where(Artifact.key.in_(sorted(self._rows)), Artifact.state == "failed")
                )
                upsert(session, Artifact, self._rows.values(), key=["key"])
        self._rows.clear()
        self._flushed_at = time.monotonic()


def artifact_row(recipe: Recipe, made: Made) -> dict[str, Any]:
    """The columns of an `artifact` row."""
    work, verdict, assessed = made.work, made.verdict, made.assessed
    return {
        "key": work.key, "sha256": work.sha256, "rows": None if work.rows is None else list(work.rows),
        "garment_class": work.garment_class, "stage": STAGE, "version": recipe.version, "state": made.state,
        "reason": None if verdict is None else verdict.reason,
        "figure": None if verdict is None else _finite(verdict.figure),
        "limit": None if verdict is None else _finite(verdict.limit),
        "detail": None if verdict is None else _text(verdict.detail) or None,
        "shot_kind": None if assessed is None else str(assessed.shot.kind),
        "score": None if assessed is None else _finite(assessed.score),
        "phash": None if assessed is None else assessed.fingerprint.phash,
        "thumbnail": None if assessed is None else assessed.fingerprint.thumbnail,
        "files": dict(made.files), "facts": {} if assessed is None else facts(assessed),
        "attempts": work.attempts + 1, "seconds": round(made.seconds, 3), "made_at": utcnow(),
    }  # fmt: skip


def facts(assessed: Assessed) -> dict[str, Any]:
    """All that was measured, as plain JSON."""
    framed = assessed.framed
    frame = None if framed is None else [framed.frame.left, framed.frame.top, framed.frame.unit]
    return {
        "size": list(assessed.size),
        "shot": [assessed.shot.reason, _finite(assessed.shot.figure)],
        "figures": {name: _finite(figure) for name, figure in sorted(assessed.figures.items())},
        "verdicts": [
            [one.reason, _finite(one.figure), _finite(one.limit), _text(one.detail)] for one in assessed.verdicts
        ],
        "frame": frame,
        "warnings": list(assessed.warnings),
    }


def _finite(figure: float) -> float | None:
    """JSON of databases knows no infinity."""
    return round(float(figure), 6) if math.isfinite(figure) else None


def _text(detail: str) -> str:
    """PostgreSQL's text knows no NUL, and files may put one into an error's message."""
    return detail.replace("\0", "")
