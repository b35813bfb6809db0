"""The download handlers and the resolver through which every request goes, redirects and robots.txt included.

The contract that must not break: nothing is contacted that the AddressGuard refuses, at the moment of connecting.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.core.downloader.handlers.http11 import HTTP11DownloadHandler
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.resolver import CachingThreadedResolver
from scrapy_playwright.handler import ScrapyPlaywrightDownloadHandler
from twisted.internet.base import ReactorBase
from twisted.internet.defer import Deferred

from crawler.addresses import AddressGuard
from crawler.spiders.shop import ShopSpider

Download = Callable[[Request], Awaitable[Response]]


async def download_guarded(crawler: Crawler, request: Request, download: Download) -> Response:
    """Check the address, wait for its host's turn, and download it, from its host-map target if it has one.

    The answer carries the shop's own address. The turn is taken here, behind Scrapy's slots, and the answer is noted
    here, so that no request that waits in a slot can overtake a pause.
    """
    guard: AddressGuard = crawler.settings["LOOKBOOK_GUARD"]
    guard.check_url(request.url)
    assert isinstance(crawler.spider, ShopSpider)
    pace, host = crawler.spider.pace, urlsplit(request.url).hostname or ""
    async with pace.turn(host):
        response = await _download_mapped(guard, request, download)
        if not request.meta.get("is_robots_txt"):
            pace.answered(host, response.status, response.headers.get("Retry-After"))
        return response


async def _download_mapped(guard: AddressGuard, request: Request, download: Download) -> Response:
    target = guard.mapped(request.url)
    if target is None:
        return await download(request)
    headers = request.headers.copy()
    headers["Host"] = urlsplit(request.url).netloc
    mapped = request.replace(url=target, headers=headers)
    response = await download(mapped)
    request.meta["download_latency"] = mapped.meta.get("download_latency")
    return response.replace(url=request.url)


class GuardedHandler(HTTP11DownloadHandler):
    """Scrapy's own handler behind the guard."""

    lazy = False

    async def download_request(self, request: Request) -> Response:
        return await download_guarded(self._crawler, request, super().download_request)


class GuardedBrowserHandler(ScrapyPlaywrightDownloadHandler):  # type: ignore[misc]
    """The same, and on demand a page of a Chromium whose every request comes back to this handler."""

    lazy = False

    async def download_request(self, request: Request) -> Response:
        if not request.meta.get("playwright"):
            return await download_guarded(self._crawler, request, super().download_request)
        self._crawler.settings["LOOKBOOK_GUARD"].check_url(request.url)
        request.meta["crawler"] = self._crawler
        response: Response = await super().download_request(request)
        return response


class GuardedResolver(CachingThreadedResolver):
    """Refuses a name that resolves to an address that must not be contacted: Twisted connects to what this returns."""

    def __init__(self, reactor: ReactorBase, timeout: float, guard: AddressGuard) -> None:
        super().__init__(reactor, cache_size=0, timeout=timeout)
        self._guard = guard

    @classmethod
    def from_crawler(cls, crawler: Crawler, reactor: ReactorBase) -> GuardedResolver:
        return cls(reactor, crawler.settings.getfloat("DNS_TIMEOUT"), crawler.settings["LOOKBOOK_GUARD"])

    def getHostByName(self, name: str, timeout: Any = ()) -> Deferred[str]:
        resolved: Deferred[str] = super().getHostByName(name, timeout)
        return resolved.addCallback(self._checked, name)

    def _checked(self, ip: str, name: str) -> str:
        self._guard.check_ip(ip, name)
        return ip
