"""Whose turn it is: per host the requests in flight, the pauses, the robots.txt, and when to stop asking.

The contract that must not break: no picture is asked for before its host's robots.txt was, and none after the host
refused too often. A host that the shop's permission covers is not asked for leave, but its Crawl-delay counts.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from urllib.parse import urljoin

from crawler.addresses import parse_address
from crawler.config import CrawlSettings, ImageSettings, ShopSettings
from crawler.images.tasks import Outcome, Task
from crawler.robots import RobotsRules, rules_for_answer

_MAX_HOPS = 5
_NO_KEY = -1
_QUEUE = 256
HostKey = tuple[str, str]


@dataclass
class Host:
    """One host of one shop. Times are `time.monotonic()` seconds."""

    shop: str
    name: str
    permitted: bool
    rules: RobotsRules | None = None
    ready: deque[Task] = field(default_factory=deque)
    in_flight: int = 0
    next_at: float = 0.0
    asking: bool = False
    robots_url: str = ""
    robots_hops: int = 0
    robots_failures: int = 0
    refusals: int = 0
    stopped: str | None = None

    @property
    def key(self) -> HostKey:
        return self.shop, self.name

    @property
    def full(self) -> bool:
        return len(self.ready) >= _QUEUE


class Hosts:
    """All hosts of a run, and the next request that may be made to any of them."""

    def __init__(
        self, shops: Mapping[str, ShopSettings], crawl: CrawlSettings, images: ImageSettings, today: date
    ) -> None:
        self._shops = shops
        self._crawl = crawl
        self._images = images
        self._today = today
        self._hosts: dict[HostKey, Host] = {}
        self._waiting: dict[HostKey, Host] = {}
        self.queued = 0
        self.refused: dict[str, str] = {}
        self._released: list[int] = []

    def of(self, shop: str, url: str) -> Host:
        """The host of an address, which must be one that the shop's guard accepted."""
        address = parse_address(url)
        key = shop, address.host
        if key not in self._hosts:
            permission = self._shops.get(shop, ShopSettings()).permission
            permitted = permission is not None and permission.covers(address.host, self._today)
            robots_url = f"{address.origin}/robots.txt"
            self._hosts[key] = Host(shop, address.host, permitted, robots_url=robots_url)
        return self._hosts[key]

    def add(self, host: Host, task: Task, *, first: bool = False) -> None:
        """Queue a request; with `first` before all others (a redirect has been waited for long enough)."""
        (host.ready.appendleft if first else host.ready.append)(task)
        self.queued += 1
        self._waiting[host.key] = host

    def has_room(self, key: HostKey) -> bool:
        """Whether it is worth reading more addresses of this host."""
        return len(self._hosts[key].ready) <= _QUEUE // 2

    def take_released(self) -> list[int]:
        """Keys of requests that were dropped because their host refused; they stay waiting. Empties the list."""
        released, self._released = self._released, []
        return released

    def next_task(self) -> Task | None:
        """The next request that may leave now; hosts take turns. Robots.txt comes first where it is wanted."""
        now = time.monotonic()
        for key, host in list(self._waiting.items()):
            if host.in_flight >= self._images.per_host or host.asking or now < host.next_at:
                continue
            task = self._robots_task(host) if host.rules is None else self._allowed(host)
            if not host.ready:
                del self._waiting[key]
            if task is not None:
                if host.ready:  # to the end of the line
                    self._waiting[key] = self._waiting.pop(key)
                host.in_flight += 1
                delay = (host.rules.crawl_delay if host.rules else None) or 0.0
                host.next_at = max(host.next_at, now + max(self._images.delay, delay))
                return task
        return None

    def next_moment(self) -> float | None:
        """Seconds until a pause ends that holds a request back; None where none does."""
        now = time.monotonic()
        moments = [host.next_at - now for host in self._waiting.values() if not host.asking and host.next_at > now]
        return min(moments, default=None)

    def came_back(self, task: Task) -> Host:
        """Count a request out; returns its host."""
        host = self._hosts[task.shop, task.host]
        host.in_flight -= 1
        return host

    def answered(self, host: Host) -> None:
        """The host served a request as it should: refusals before this one were no run."""
        host.refusals = 0

    def refuse(self, host: Host, outcome: Outcome, pause: float) -> None:
        """Count a 403, 429 or 503: the host rests for `pause` seconds, or for the whole run after too many in a row."""
        host.next_at = max(host.next_at, time.monotonic() + pause)
        if outcome.status in {403, 429}:
            host.refusals += 1
        if host.refusals >= self._crawl.refusals:
            self.stop(host, f"{host.refusals} refusals in a row, the last with HTTP {outcome.status}")
        elif pause > self._crawl.max_retry_after:
            self.stop(host, f"Retry-After of {pause:.0f} s")

    def robots_answer(self, host: Host, outcome: Outcome) -> None:
        """Take the answer to a robots.txt request; one that can't be had forbids everything."""
        host.asking = False
        if outcome.kind == "moved" and outcome.location is not None and host.robots_hops < _MAX_HOPS:
            host.robots_hops += 1
            host.robots_url = urljoin(outcome.task.url, outcome.location)
        elif outcome.kind == "temporary" and not host.permitted and host.robots_failures < self._images.attempts - 1:
            host.next_at = time.monotonic() + self._images.backoff * 2**host.robots_failures
            host.robots_failures += 1
        elif outcome.kind in {"robots", "moved"} and outcome.status is not None:
            # RFC 9309 section 2.3.1.2: after five redirects the file counts as unavailable.
            status = 404 if outcome.kind == "moved" else outcome.status
            host.rules = rules_for_answer(status, outcome.body, self._crawl.user_agent)
        elif host.permitted:
            host.rules = RobotsRules.parse(b"", self._crawl.user_agent)
        else:
            self.stop(host, f"robots.txt can't be read ({outcome.reason})")

    def stop(self, host: Host, reason: str) -> None:
        """Ask nothing more of the host in this run; its addresses stay as they are."""
        host.stopped = reason
        self.refused[host.name] = reason
        self._released.extend(task.key for task in host.ready)
        self.queued -= len(host.ready)
        host.ready.clear()
        self._waiting.pop(host.key, None)

    def _robots_task(self, host: Host) -> Task:
        host.asking = True
        return Task(_NO_KEY, host.shop, host.name, host.robots_url, robots=True)

    def _allowed(self, host: Host) -> Task | None:
        """The next of the host's requests that its robots.txt allows; the others are released, still waiting."""
        while host.ready:
            task = host.ready.popleft()
            self.queued -= 1
            if host.permitted or host.rules is None or host.rules.allowed(task.url):
                return task
            self.refused[host.name] = "robots.txt"
            self._released.append(task.key)
        return None
