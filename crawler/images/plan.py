"""Which addresses still wait for their picture: read in key order, a page at a time, in constant memory.

Addresses that can't be taken now (their host's queue is full, their next try is later) are not kept: where they begin
is, and the reading starts there again when their time has come.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import Engine, func, select

from crawler.images.hosts import HostKey
from db.models import ProductImage

PAGE = 500
_BEGIN = -1


class Waiting(NamedTuple):
    """One distinct address; the values are over all products that show it."""

    key: int
    url: str
    shop: str
    attempts: int
    next_at: datetime | None


class Plan:
    """The waiting addresses of a shop (or all shops) whose key is `shard[0]` modulo `shard[1]`."""

    def __init__(self, engine: Engine, *, shop: str | None, shard: tuple[int, int], limit: int | None) -> None:
        self._engine = engine
        self._shop = shop
        self._shard = shard
        self._limit = limit
        self._cursor = _BEGIN
        self._seen_to = _BEGIN
        self._last_key: int | None = None
        self._ended = False
        self._skipped: dict[HostKey, int] = {}
        self._later: dict[HostKey, datetime] = {}
        self.taken = 0

    def page(self) -> list[Waiting]:
        """The next addresses; empty at the end, and then until `restart` finds a reason to read again."""
        if self._ended:
            return []
        rows = ProductImage
        query = (
            select(
                rows.url_key, func.min(rows.url), func.min(rows.shop), func.max(rows.attempts), func.max(rows.next_at)
            )
            .where(rows.state == "waiting", rows.removed_at.is_(None), rows.url_key > self._cursor)
            .group_by(rows.url_key)
            .order_by(rows.url_key)
            .limit(PAGE)
        )
        if self._shop is not None:
            query = query.where(rows.shop == self._shop)
        if self._shard[1] > 1:
            query = query.where(rows.url_key % self._shard[1] == self._shard[0])
        if self._last_key is not None:
            query = query.where(rows.url_key <= self._last_key)
        with self._engine.connect() as connection:
            found = [Waiting(*row) for row in connection.execute(query)]
        self._ended = len(found) < PAGE
        if found:
            self._cursor = found[-1].key
        return found

    def known(self, keys: Sequence[int]) -> dict[int, str]:
        """Addresses whose picture another product brought already: their content's SHA-256."""
        rows = ProductImage
        query = select(rows.url_key, func.min(rows.sha256)).where(
            rows.url_key.in_(keys), rows.state == "stored", rows.sha256.is_not(None)
        )
        with self._engine.connect() as connection:
            found = connection.execute(query.group_by(rows.url_key)).all()
        return {key: sha256 for key, sha256 in found if sha256 is not None}

    def take(self, key: int) -> bool:
        """Count an address in; False where the limit leaves it out, which ends the reading."""
        if key <= self._seen_to:
            return True
        if self._limit is not None and self.taken >= self._limit:
            self._ended, self._last_key = True, self._seen_to
            return False
        self._seen_to = key
        self.taken += 1
        return True

    def skip(self, host: HostKey, key: int) -> None:
        """This host's queue was full at this address: read from there when it has room."""
        self._skipped[host] = min(key, self._skipped.get(host, key))

    def later(self, host: HostKey, moment: datetime) -> None:
        """An address of this host is due at a moment."""
        self._later[host] = min(moment, self._later.get(host, moment))

    def forget(self, host: HostKey) -> None:
        """Nothing more is asked of this host in this run."""
        self._skipped.pop(host, None)
        self._later.pop(host, None)

    @property
    def ended(self) -> bool:
        """Whether the last page was read."""
        return self._ended

    @property
    def finished(self) -> bool:
        return self._ended and not self._skipped and not self._later

    @property
    def due_in(self) -> float | None:
        """Seconds until an address is due; None where none is."""
        moment = min(self._later.values(), default=None)
        return None if moment is None else max(0.0, (moment - datetime.now(UTC)).total_seconds())

    def restart_from(self, roomy: Sequence[HostKey]) -> bool:
        """Read again from where there is something to take now, if the reading has ended; tells whether it will."""
        if not self._ended:
            return False
        if self.due_in == 0.0:
            self._later.clear()
            self._skipped.clear()
            self._cursor = _BEGIN
        elif starts := [self._skipped.pop(host) for host in roomy if host in self._skipped]:
            self._cursor = min(starts) - 1
        else:
            return False
        self._ended = False
        return True

    @property
    def skipped_hosts(self) -> list[HostKey]:
        return list(self._skipped)
