"""What became of each address, written to the catalogue in batches: one transaction for pictures and their addresses.

The contract that must not break: an address is `stored` only together with its `image` row, whose blob is complete by
then; a batch that is lost with the process leaves its addresses waiting, to be done again with the same result.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, bindparam, func, select, update
from sqlalchemy.orm import Session

from crawler.images.tasks import Outcome, StoredImage
from db.models import Image, ProductImage, utcnow
from db.upsert import upsert

_BATCH = 100
_SECONDS = 1.0


class Ledger:
    """Counts of what is done, and the rows still to be written; `pending` are the keys of these."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._rows: dict[int, dict[str, Any]] = {}
        self._images: dict[str, StoredImage] = {}
        self._flushed_at = time.monotonic()
        self.stored = 0
        self.known = 0
        self.gone = 0
        self.failed = 0
        self.exact_duplicates = 0
        self.bytes = 0
        self.rejected: Counter[str] = Counter()

    @property
    def done(self) -> int:
        return self.stored + self.known + self.gone + self.failed + self.rejected.total()

    def store(self, outcome: Outcome, image: StoredImage) -> None:
        self.stored += 1
        self.bytes += outcome.received
        if image.sha256 in self._images:
            self.exact_duplicates += 1
        self._images[image.sha256] = image
        self._write(outcome.task.key, "stored", outcome, sha256=image.sha256)

    def know(self, key: int, sha256: str) -> None:
        """The address's picture is in the catalogue already."""
        self.known += 1
        self._write(key, "stored", None, sha256=sha256)

    def reject(self, key: int, reason: str, outcome: Outcome | None = None) -> None:
        self.rejected[reason] += 1
        self._write(key, "rejected", outcome, reason=reason)

    def lose(self, outcome: Outcome) -> None:
        """The shop says that the picture is gone."""
        self.gone += 1
        self._write(outcome.task.key, "gone", outcome, reason=outcome.reason)

    def fail(self, outcome: Outcome, attempts: int) -> None:
        """No further try."""
        self.failed += 1
        self._write(outcome.task.key, "failed", outcome, reason=outcome.reason, attempts=attempts)

    def postpone(self, outcome: Outcome, attempts: int, next_at: datetime) -> None:
        """Another try is due at `next_at`."""
        self._write(outcome.task.key, "waiting", outcome, reason=outcome.reason, attempts=attempts, next_at=next_at)

    def flush_due(self) -> bool:
        return len(self._rows) >= _BATCH or (bool(self._rows) and self._age >= _SECONDS)

    @property
    def _age(self) -> float:
        return time.monotonic() - self._flushed_at

    def flush(self) -> Iterable[int]:
        """Write everything; returns the keys whose rows are written."""
        keys = list(self._rows)
        if keys:
            with Session(self._engine) as session, session.begin():
                known = set(session.scalars(select(Image.sha256).where(Image.sha256.in_(list(self._images)))))
                self._write_images(session)
                self._write_addresses(session)
            self.exact_duplicates += len(known)
        self._rows.clear()
        self._images.clear()
        self._flushed_at = time.monotonic()
        return keys

    def _write_images(self, session: Session) -> None:
        rows = [
            {
                "sha256": image.sha256,
                "size": image.size,
                "format": image.format,
                "width": image.width,
                "height": image.height,
                "phash": image.phash,
                "thumbnail": image.thumbnail,
                "segments": None if image.segments is None else [list(cut) for cut in image.segments],
                "fitted_sha256": image.fitted_sha256,
                "stored_at": utcnow(),
            }
            for image in self._images.values()
        ]
        # A picture that is there already can only gain a rendition, where it was first stored without one.
        fitted = [row for row in rows if row["fitted_sha256"] is not None]
        plain = [row for row in rows if row["fitted_sha256"] is None]
        upsert(session, Image, fitted, key=["sha256"], update=["fitted_sha256"])
        upsert(session, Image, plain, key=["sha256"])

    def _write_addresses(self, session: Session) -> None:
        names = ("state", "reason", "attempts", "next_at", "fetched_at", "http_status", "sha256")
        statement = (
            update(ProductImage.__table__)  # type: ignore[arg-type]
            .where(ProductImage.url_key == bindparam("_key"), ProductImage.state == "waiting")
            .values({name: bindparam(f"_{name}") for name in names})
        )
        session.connection().execute(statement, sorted(self._rows.values(), key=lambda row: int(row["_key"])))

    def _write(
        self,
        key: int,
        state: str,
        outcome: Outcome | None,
        *,
        reason: str | None = None,
        attempts: int | None = None,
        next_at: datetime | None = None,
        sha256: str | None = None,
    ) -> None:
        asked = 0 if outcome is None else outcome.task.attempts + 1
        self._rows[key] = {
            "_key": key,
            "_state": state,
            "_reason": reason,
            "_attempts": asked if attempts is None else attempts,
            "_next_at": next_at,
            "_fetched_at": None if outcome is None else utcnow(),
            "_http_status": None if outcome is None else outcome.status,
            "_sha256": sha256,
        }


def count_waiting(engine: Engine, *, shop: str | None, shard: tuple[int, int]) -> int:
    """Distinct addresses that wait for their picture."""
    rows = ProductImage
    query = select(func.count(rows.url_key.distinct())).where(rows.state == "waiting", rows.removed_at.is_(None))
    if shop is not None:
        query = query.where(rows.shop == shop)
    if shard[1] > 1:
        query = query.where(rows.url_key % shard[1] == shard[0])
    with engine.connect() as connection:
        return int(connection.execute(query).scalar_one())
