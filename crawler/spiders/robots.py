"""The downloader middleware that asks each host's robots.txt for leave and for its Crawl-delay."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http.request import NO_CALLBACK

from crawler.config import user_agent
from crawler.robots import RobotsRules, rules_for_answer
from crawler.spiders.failures import RobotsForbidden
from crawler.spiders.pace import Stopped
from crawler.spiders.shop import ShopSpider
from crawler.spiders.work import RETRY_LATER

logger = logging.getLogger(__name__)

# RFC 9309 section 2.4: a robots.txt should not be relied on for longer.
_RULES_HOLD_S = 24 * 3600
_ROBOTS_TRIES = 2


def _host(request: Request) -> str:
    return urlsplit(request.url).hostname or ""


@dataclass(frozen=True, slots=True)
class _HostRules:
    """A host's rules; `unread` says why its robots.txt could not be read, which forbids everything for now."""

    rules: RobotsRules
    unread: str | None = None


class RobotsMiddleware:
    """Obeys each host's robots.txt as RFC 9309 says: unreachable or failing means that everything is forbidden.

    Stands in for Scrapy's own middleware, which takes an unreachable robots.txt for leave to crawl. A host that the
    shop's permission covers is not asked for leave, but its Crawl-delay still counts.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._rules: dict[str, tuple[float, asyncio.Task[_HostRules]]] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    @property
    def spider(self) -> ShopSpider:
        assert isinstance(self._crawler.spider, ShopSpider)
        return self._crawler.spider

    async def process_request(self, request: Request) -> None:
        # Before any question to a host, even for its robots.txt: a redirect may point anywhere.
        self.spider.work.guard.check_url(request.url)
        if request.meta.get("is_robots_txt"):
            return
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(request.url))
        found = await asyncio.shield(self._rules_of(origin))
        if found.rules.allowed(request.url) or self.spider.work.permitted(_host(request)):
            return
        if found.unread is not None:
            self.spider.stop(RETRY_LATER, f"robots.txt of {_host(request)} can't be read ({found.unread})")
        raise RobotsForbidden(_host(request), whole_host=not found.rules.allowed(f"{origin}/"))

    def _rules_of(self, origin: str) -> asyncio.Task[_HostRules]:
        known = self._rules.get(origin)
        if known is None or time.monotonic() > known[0] + _RULES_HOLD_S:
            known = time.monotonic(), asyncio.ensure_future(self._fetch(origin))
            self._rules[origin] = known
        return known[1]

    async def _fetch(self, origin: str) -> _HostRules:
        host = urlsplit(origin).hostname or ""
        agent = user_agent(self.spider.work.settings)
        status, body, cause = None, b"", ""
        for attempt in range(_ROBOTS_TRIES):
            if attempt:
                self.spider.pace.pause(host, self.spider.work.settings.backoff)
            status, body, cause = await self._ask(f"{origin}/robots.txt")
            if status is not None and status != 429 and status < 500:
                break
        rules = rules_for_answer(status, body, agent)
        if rules.crawl_delay and rules.crawl_delay > self.spider.work.settings.max_retry_after:
            self.spider.stop(RETRY_LATER, f"{host} asks for {rules.crawl_delay:.0f} s between two requests")
        elif rules.crawl_delay:
            self.spider.pace.set_interval(host, rules.crawl_delay)
        unread = status is None or status == 429 or status >= 500
        return _HostRules(rules, cause if unread else None)

    async def _ask(self, url: str) -> tuple[int | None, bytes, str]:
        """(status, body, what went wrong); the status is None when no answer came."""
        request = Request(url, priority=1000, meta={"is_robots_txt": True}, callback=NO_CALLBACK)
        engine = self._crawler.engine
        assert engine is not None
        try:
            response = await engine.download_async(request)
        except Stopped:
            raise
        except Exception as error:
            logger.warning("%s: %s: %s", url, type(error).__name__, error)
            return None, b"", type(error).__name__
        return response.status, response.body, f"HTTP {response.status}"
