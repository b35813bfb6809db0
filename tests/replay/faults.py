"""Which requests go wrong and how: a fault follows from (seed, host, target) and the attempt, so runs can be repeated.

What a fault does on the wire is in `tests.replay.wire`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


class Fault(StrEnum):
    """The kinds of faults; the value is what fault files and the server's log say."""

    SLOW = "slow"  # the whole answer after FaultPlan.delay
    SLOW_BODY = "slow-body"  # the body in 50 pieces, FaultPlan.delay apart
    TOO_MANY = "429"  # with Retry-After in seconds
    TOO_MANY_DATE = "429-date"  # with Retry-After as an HTTP date
    UNAVAILABLE = "503"
    UNAVAILABLE_LATER = "503-retry-after"
    RESET = "reset"  # a TCP reset in place of an answer
    TRUNCATED = "truncated"  # half the body, then the end of the connection
    WRONG_LENGTH = "wrong-length"  # the whole body behind a Content-Length of half of it
    CHUNKED_CUT = "chunked-cut"  # the connection ends in the middle of a chunk
    ENDLESS = "endless"  # a body without length that goes on until the client leaves
    REDIRECT_LOCAL = "redirect-local"  # to this server's own http://127.0.0.1:port/stolen
    REDIRECT_METADATA = "redirect-metadata"  # to http://169.254.169.254/latest/meta-data
    REDIRECT_LOOP = "redirect-loop"  # to the same address
    WRONG_CHARSET = "wrong-charset"  # the right bytes, said to be euc-kr
    GZIP_BOMB = "gzip-bomb"  # 256 KiB that unpack to 256 MiB
    WRONG_TYPE = "wrong-type"  # a page as image/png, a picture as text/html
    NOAI = "noai"  # X-Robots-Tag: noai, noimageai
    EMPTY = "empty"  # 200 without a body
    FORBIDDEN = "403"


TRANSIENT = {
    Fault.SLOW: 0.01,
    Fault.TOO_MANY: 0.005,
    Fault.TOO_MANY_DATE: 0.003,
    Fault.UNAVAILABLE: 0.006,
    Fault.UNAVAILABLE_LATER: 0.006,
    Fault.RESET: 0.01,
    Fault.TRUNCATED: 0.01,
    Fault.WRONG_LENGTH: 0.005,
    Fault.WRONG_CHARSET: 0.005,
}
PERMANENT = {Fault.ENDLESS: 0.004, Fault.REDIRECT_LOCAL: 0.003, Fault.REDIRECT_METADATA: 0.003}
# Never robots.txt. What is always faulty is never a list: a crawl could not even learn of what it missed.
ANYTHING_BUT_ROBOTS = r"[^/]+/(?!robots\.txt)"
PRODUCTS_AND_PICTURES = (
    r"(?:www\.musinsa\.com/products/|www\.ssfshop\.com/[^/]+/[A-Z0-9]+/good"
    r"|(?:image\.msscdn\.net|image\.musinsa\.com|img\.ssfshop\.com)/)"
)


@dataclass(frozen=True)
class FaultPlan:
    """Rates per kind over addresses; the first `times` attempts at a faulty address fail, every one for None.

    `only` is a regular expression that `host/path?query` must start with. Of `also`, further plans, one that never
    heals goes before the others. `delay` and `retry_after` are seconds.
    """

    seed: int = 7
    rates: Mapping[Fault, float] = field(default_factory=dict)
    times: int | None = 2
    only: str = ANYTHING_BUT_ROBOTS
    also: tuple[FaultPlan, ...] = ()
    delay: float = 0.2
    retry_after: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "rates", {Fault(kind): rate for kind, rate in self.rates.items()})
        if sum(self.rates.values()) > 1 + 1e-9:
            raise ValueError(f"fault rates add up to {sum(self.rates.values()):.3f}, more than 1")

    @classmethod
    def mix(cls, seed: int = 7, times: int = 2, *, delay: float = 0.2, retry_after: int = 1) -> FaultPlan:
        """6% of addresses fail `times` times and then answer; 1% of product pages and pictures never can be fetched."""
        permanent = cls(seed + 1, PERMANENT, None, PRODUCTS_AND_PICTURES, delay=delay, retry_after=retry_after)
        return cls(seed, TRANSIENT, times, also=(permanent,), delay=delay, retry_after=retry_after)

    @classmethod
    def always(cls, kind: Fault, only: str = ANYTHING_BUT_ROBOTS, times: int | None = None, **more: Any) -> FaultPlan:
        """One kind for every address that matches."""
        return cls(rates={kind: 1.0}, times=times, only=only, **more)

    @classmethod
    def read(cls, path: Path) -> FaultPlan:
        """A plan from JSON with this class's field names; `also` is a list of such objects."""
        return cls._from(json.loads(path.read_text("utf-8")))

    @classmethod
    def _from(cls, data: dict[str, Any]) -> FaultPlan:
        return cls(**{**data, "also": tuple(cls._from(each) for each in data.get("also", ()))})

    def fault(self, host: str, target: str, attempt: int) -> Fault | None:
        """The fault of the n-th attempt (from 1) at an address, None if it is answered properly."""
        kinds = {plan.times: kind for plan in reversed(self._plans()) if (kind := plan._own(host, target))}
        if None in kinds:
            return kinds[None]
        return next((kind for times, kind in kinds.items() if times is not None and attempt <= times), None)

    def expected_rejections(self, urls: Iterable[str]) -> dict[str, Fault]:
        """Those of the addresses that can never be fetched, and why."""
        found: dict[str, Fault] = {}
        for url in urls:
            parts = urlsplit(url)
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            for plan in self._plans():
                if plan.times is None and (kind := plan._own(parts.netloc, target)):
                    found.setdefault(url, kind)
        return found

    def _plans(self) -> tuple[FaultPlan, ...]:
        return (self, *(plan for other in self.also for plan in other._plans()))

    def _own(self, host: str, target: str) -> Fault | None:
        if not self.rates or not re.match(self.only, host + target):
            return None
        digest = hashlib.blake2b(f"{self.seed} {host} {target}".encode(), digest_size=8).digest()
        share = int.from_bytes(digest) / 2**64
        for kind, rate in self.rates.items():
            if (share := share - rate) < 0:
                return kind
        return None
