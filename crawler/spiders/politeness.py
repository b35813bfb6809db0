"""Downloader middlewares that keep the crawl welcome: robots.txt, Crawl-delay, Retry-After, stopping when refused."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Self
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response
from scrapy.http.request import NO_CALLBACK

from crawler.config import user_agent
from crawler.errors import AddressRefused
from crawler.robots import RobotsRules, rules_for_answer
from crawler.spiders.failures import RobotsForbidden
from crawler.spiders.work import REFUSED, RETRY_LATER, CrawlWork

logger = logging.getLogger(__name__)

_REFUSALS = frozenset({403, 429})
_PAUSES = frozenset({429, 503})


def _host(request: Request) -> str:
    return urlsplit(request.url).hostname or ""


class _Middleware:
    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    @property
    def work(self) -> CrawlWork:
        work: CrawlWork = self.crawler.spider.work  # type: ignore[union-attr]
        return work


class RobotsMiddleware(_Middleware):
    """Obeys each host's robots.txt as RFC 9309 says: unreachable or failing means that everything is forbidden.

    Stands in for Scrapy's own middleware, which takes an unreachable robots.txt for leave to crawl. A host that the
    shop's permission covers is not asked for leave, but its Crawl-delay still counts.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._rules: dict[str, asyncio.Task[RobotsRules]] = {}

    async def process_request(self, request: Request) -> None:
        # Before any question to a host, even for its robots.txt: a redirect may point anywhere.
        self.work.guard.check_url(request.url)
        if request.meta.get("is_robots_txt"):
            return
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(request.url))
        if origin not in self._rules:
            self._rules[origin] = asyncio.ensure_future(self._fetch(origin))
        rules = await asyncio.shield(self._rules[origin])
        if not rules.allowed(request.url) and not self.work.permitted(_host(request)):
            raise RobotsForbidden(_host(request), whole_host=not rules.allowed(f"{origin}/"))

    async def _fetch(self, origin: str) -> RobotsRules:
        agent = user_agent(self.work.settings)
        request = Request(f"{origin}/robots.txt", priority=1000, meta={"is_robots_txt": True}, callback=NO_CALLBACK)
        engine = self.crawler.engine
        assert engine is not None
        try:
            response = await engine.download_async(request)
        except (IgnoreRequest, AddressRefused) as error:
            logger.warning("robots.txt of %s is out of reach: %s", origin, error)
            rules = rules_for_answer(None, b"", agent)
        except Exception as error:
            logger.warning("robots.txt of %s failed (%s: %s); nothing is fetched", origin, type(error).__name__, error)
            rules = rules_for_answer(None, b"", agent)
        else:
            rules = rules_for_answer(response.status, response.body, agent)
        if rules.crawl_delay:
            self.crawler.spider.pace.set_interval(urlsplit(origin).hostname or "", rules.crawl_delay)  # type: ignore[union-attr]
        return rules


class Pace:
    """When each host may be asked next: Crawl-delay is its interval, Retry-After a pause. Clock: time.monotonic."""

    def __init__(self) -> None:
        self._interval: dict[str, float] = {}
        self._next_turn: dict[str, float] = {}
        self._paused_until: dict[str, float] = {}

    def set_interval(self, host: str, seconds: float) -> None:
        self._interval[host] = seconds
        self._next_turn[host] = time.monotonic() + seconds

    def pause(self, host: str, seconds: float) -> None:
        self._paused_until[host] = max(self._paused_until.get(host, 0.0), time.monotonic() + seconds)

    async def turn(self, host: str) -> None:
        """Take the host's next turn and wait for it; a pause that begins meanwhile is waited for too."""
        now = time.monotonic()
        turn = max(now, self._next_turn.get(host, now))
        self._next_turn[host] = turn + self._interval.get(host, 0.0)
        while (wait := self._until(host, turn) - time.monotonic()) > 0:  # noqa: ASYNC110 - time is what is waited for
            await asyncio.sleep(wait)

    def _until(self, host: str, turn: float) -> float:
        return max(turn, self._paused_until.get(host, 0.0))


class PaceMiddleware(_Middleware):
    """Waits for a host's turn (Crawl-delay, Retry-After) and ends the crawl when a host refuses again and again."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._refusals: dict[str, int] = {}

    async def process_request(self, request: Request) -> None:
        await self._pace.turn(_host(request))

    @property
    def _pace(self) -> Pace:
        pace: Pace = self.crawler.spider.pace  # type: ignore[union-attr]
        return pace

    def process_response(self, request: Request, response: Response) -> Response:
        host = _host(request)
        if response.status in _PAUSES:
            self._pause(host, response)
        if response.status in _REFUSALS and not request.meta.get("is_robots_txt"):
            self._refusals[host] = self._refusals.get(host, 0) + 1
            if self._refusals[host] >= self.work.settings.refusals:
                self._stop(REFUSED, f"{host} answered {response.status} {self._refusals[host]} times in a row")
        else:
            self._refusals[host] = 0
        return response

    def _pause(self, host: str, response: Response) -> None:
        seconds = retry_after(response.headers.get("Retry-After"))
        if seconds is None:
            return
        if seconds > self.work.settings.max_retry_after:
            self._stop(RETRY_LATER, f"{host} asks to come back in {seconds:.0f} s")
        else:
            self._pace.pause(host, seconds)

    def _stop(self, reason: str, detail: str) -> None:
        self.crawler.spider.stop(reason, detail)  # type: ignore[union-attr]


def retry_after(header: bytes | None) -> float | None:
    """Seconds from a Retry-After header, given in seconds or as an HTTP date; None when absent or nonsense."""
    if not header:
        return None
    text = header.decode("latin-1").strip()
    if text.isdigit():
        return float(text)
    try:
        when: Any = parsedate_to_datetime(text)
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    seconds: float = (when - datetime.now(UTC)).total_seconds()
    return max(0.0, seconds)
