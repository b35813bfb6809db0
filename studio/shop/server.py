"""The demo shop's server: both shops by their Host headers, and its own pages and controls under any other host.

The contract that must not break: controls and the page for people are never at a shop's host, where a crawl goes.
"""

from __future__ import annotations

import asyncio
import logging

from studio.demo_catalogue import DemoCatalogue
from studio.shop import robots
from studio.shop.answers import NOT_FOUND, Answer, Request, plain
from studio.shop.control import Control, picture_answer
from studio.shop.demo import DemoShop, PictureFile, check_files
from studio.shop.http_server import HttpServer, send
from studio.shop.sites import SITE_OF_HOST, SITES, Site
from studio.shop.stock import Stocks

logger = logging.getLogger(__name__)


class DemoServer(HttpServer):
    """Serves a catalogue as both shops. Raises ValueError where the catalogue names a picture that is not there."""

    def __init__(self, catalogue: DemoCatalogue, host: str = "127.0.0.1", port: int = 0) -> None:
        super().__init__(host, port)
        check_files(catalogue)
        stocks = Stocks(catalogue)
        self._shops = {code: DemoShop(code, catalogue, stocks) for code in SITES}
        self._control = Control(catalogue, stocks, self._shops)

    async def respond(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        answer = await self._answer(request)
        logger.debug("%s %s%s %s", request.method, request.host, request.target, answer.status)
        await send(writer, answer, body=request.method != "HEAD")
        return True

    async def _answer(self, request: Request) -> Answer:
        site = SITE_OF_HOST.get(request.host)
        if site is None:
            return await asyncio.to_thread(self._control.answer, request, self.url)
        if request.method not in ("GET", "HEAD"):
            return plain("only GET and HEAD\n", 405)
        if request.path == "/robots.txt":
            return robots.answer(request.host)
        if request.host in site.page_hosts:
            return site.answer(self._shops[site.code], request)
        return await self._picture(site, request)

    async def _picture(self, site: Site, request: Request) -> Answer:
        """The catalogue's own file, whatever width is asked for."""
        found = site.picture(self._shops[site.code], request)
        if found is None or not isinstance(found[0], PictureFile):
            return NOT_FOUND
        return picture_answer(await asyncio.to_thread(found[0].read), found[0].extension)
