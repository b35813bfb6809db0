"""Pages that need JavaScript, rendered by a Chromium that has no network of its own.

The contract that must not break: whatever a page asks for is fetched by the spider's own downloader (address guard,
host map, robots.txt, pace, size limit) and handed to Chromium, which by itself can resolve no name.
"""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path
from typing import Any

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page, Route
from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http.request import NO_CALLBACK
from scrapy_playwright.page import PageMethod

logger = logging.getLogger(__name__)

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# What a page asks for is answered by `serve` before it would reach the network. For what is not a request of a page
# (WebSocket, Chromium's own calls) no name resolves and the proxy is a closed port.
_NO_NETWORK = (
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--proxy-server=http://127.0.0.1:9",
    "--proxy-bypass-list=<-loopback>",
    "--disable-background-networking",
    "--disable-quic",
)
# Chromium has no switch that keeps WebRTC from sending UDP to addresses that a page names.
_NO_PEERS = "for (const name of ['RTCPeerConnection', 'webkitRTCPeerConnection', 'WebTransport']) delete window[name];"
_WANTED = frozenset({"document", "script", "xhr", "fetch"})
# A page may ask for a great deal; its product information takes a handful of calls.
_MAX_DOWNLOADS = 60
# Scrapy's slots limit requests per host; the page itself must not hold the slot that its own calls need.
_SLOT = "lookbook-browser"


def find_chromium() -> str | None:
    """The Chromium to use: Debian's or another on PATH, else one that Playwright installed; None when there is none."""
    for name in _NAMES:
        if path := shutil.which(name):
            return path
    browsers = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache" / "ms-playwright")
    return next((str(path) for path in sorted(browsers.glob("chromium-*/chrome-linux*/chrome"), reverse=True)), None)


def launch_options(executable: str) -> dict[str, Any]:
    """How Chromium is started: headless, without network, and as root without the sandbox that root can't have."""
    args = [*_NO_NETWORK, "--disable-dev-shm-usage"]
    if os.geteuid() == 0:
        args.append("--no-sandbox")
    return {"executable_path": executable, "headless": True, "args": args}


def browser_meta() -> dict[str, Any]:
    """The meta of a request that Chromium shall open: everything it loads goes through `serve`."""
    return {
        "playwright": True,
        "playwright_page_init_callback": serve,
        "playwright_page_methods": [PageMethod("wait_for_load_state", "networkidle")],
        "download_slot": _SLOT,
    }


async def serve(page: Page, request: Request) -> None:
    """Answer every request of the page with what the spider's downloader fetched; called before the page navigates."""
    crawler: Crawler = request.meta["crawler"]
    downloads = 0

    async def answer(route: Route) -> None:
        nonlocal downloads
        wanted = route.request
        if wanted.resource_type not in _WANTED or wanted.method != "GET" or downloads >= _MAX_DOWNLOADS:
            await _abort(route)
            return
        downloads += 1
        try:
            response = await _download(
                crawler, wanted.url, (request.headers.get("User-Agent") or b"").decode("latin-1")
            )
        except Exception as error:
            logger.debug("the browser does not get %s: %s: %s", wanted.url, type(error).__name__, error)
            await _abort(route)
            return
        kind = (response.headers.get("Content-Type") or b"text/html").decode("latin-1")
        try:
            await route.fulfill(status=response.status, body=response.body, headers={"content-type": kind})
        except PlaywrightError:
            logger.debug("the page was closed before it got %s", wanted.url)

    await page.add_init_script(_NO_PEERS)
    await page.route("**/*", answer)


async def _download(crawler: Crawler, url: str, agent: str) -> Any:
    engine = crawler.engine
    assert engine is not None
    return await engine.download_async(Request(url, headers={"User-Agent": agent}, callback=NO_CALLBACK))


async def _abort(route: Route) -> None:
    try:
        await route.abort()
    except PlaywrightError:
        logger.debug("the page was closed before %s was refused", route.request.url)
