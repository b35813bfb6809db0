"""When each host may be asked next: Crawl-delay is its interval, Retry-After and refusals are pauses."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from crawler.config import CrawlSettings
from crawler.spiders.work import REFUSED, RETRY_LATER


class Stopped(Exception):
    """The crawl is ending; what waits for its turn is not fetched any more."""


_REFUSALS = frozenset({403, 429})
_PAUSES = frozenset({429, 503})


class Pace:
    """Hands out turns and takes note of answers. The clock is time.monotonic; one instance serves one crawl.

    `on_stop` is called with a reason and a sentence when a host refuses on and on, or wants to be left alone for long.
    """

    def __init__(self, settings: CrawlSettings, on_stop: Callable[[str, str], None]) -> None:
        self._settings = settings
        self._on_stop = on_stop
        self._refusals: Counter[str] = Counter()
        self._interval: dict[str, float] = {}
        self._next_turn: dict[str, float] = {}
        self._paused_until: dict[str, float] = {}
        self._one_at_a_time: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._stop = asyncio.Event()

    def set_interval(self, host: str, seconds: float) -> None:
        self._interval[host] = seconds
        self._next_turn[host] = time.monotonic() + seconds

    def pause(self, host: str, seconds: float) -> None:
        self._paused_until[host] = max(self._paused_until.get(host, 0.0), time.monotonic() + seconds)

    def answered(self, host: str, status: int, retry_after_header: bytes | None) -> None:
        """Leave the host alone that asks for it (Retry-After) or refuses: longer with each refusal in a row."""
        refused = status in _REFUSALS
        self._refusals[host] = self._refusals[host] + 1 if refused else 0
        if self._refusals[host] >= self._settings.refusals:
            self._on_stop(REFUSED, f"{host} answered {status} {self._refusals[host]} times in a row")
        seconds = retry_after(retry_after_header) if status in _PAUSES else None
        if seconds is None and refused:
            seconds = self._settings.backoff * 2 ** (self._refusals[host] - 1)
        if seconds is not None and seconds > self._settings.max_retry_after:
            self._on_stop(RETRY_LATER, f"{host} asks to come back in {seconds:.0f} s")
        elif seconds is not None:
            self.pause(host, seconds)

    def stop(self) -> None:
        """Let nobody wait any longer."""
        self._stop.set()

    @asynccontextmanager
    async def turn(self, host: str) -> AsyncIterator[None]:
        """Wait for the host's next turn and hold it while the block asks; raises Stopped.

        After a refusal a host is asked one thing at a time, until it answers again.
        """
        await self._wait(host)
        if not self._refusals[host]:
            yield
            return
        async with self._one_at_a_time[host]:
            await self._wait(host)
            yield

    async def _wait(self, host: str) -> None:
        """Until the host's next turn, and through pauses that begin meanwhile."""
        now = time.monotonic()
        turn = max(now, self._next_turn.get(host, now))
        self._next_turn[host] = turn + self._interval.get(host, 0.0)
        while not self._stop.is_set() and (wait := self._until(host, turn) - time.monotonic()) > 0:
            try:
                await asyncio.wait_for(self._stop.wait(), wait)
            except TimeoutError:
                continue
        if self._stop.is_set():
            raise Stopped

    def _until(self, host: str, turn: float) -> float:
        return max(turn, self._paused_until.get(host, 0.0))


def retry_after(header: bytes | None) -> float | None:
    """Seconds from a Retry-After header, given in seconds or as an HTTP date; None when absent or nonsense."""
    text = (header or b"").decode("latin-1").strip()
    if text.isascii() and text.isdigit():
        return float(text[:12])
    try:
        when: Any = parsedate_to_datetime(text)
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    seconds: float = (when - datetime.now(UTC)).total_seconds()
    return max(0.0, seconds)
