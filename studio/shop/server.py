"""The demo shop's server: both shops by their Host headers, and its own pages and controls under its own name.

The contract that must not break: controls and the page for people are never at a shop's host, where a crawl goes, nor
at a name that somebody else's DNS leads here, where a browser would let that site's pages read and change them.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging

from studio.demo_catalogue import DemoCatalogue
from studio.shop import robots
from studio.shop.answers import NOT_FOUND, Answer, Request, host_name, plain
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
            # A proxy's request may name two hosts: in its target, which goes first, and in its header.
            if not all(map(self._is_own, (request.host, host_name(request.headers.get("host", ""))))):
                return plain("ask by address, as localhost or by the name of --host\n", 421)
            return await asyncio.to_thread(self._control.answer, request)
        if request.method not in ("GET", "HEAD"):
            return plain("only GET and HEAD\n", 405)
        if request.path == "/robots.txt":
            return robots.answer(request.host)
        if request.host in site.page_hosts:
            return site.answer(self._shops[site.code], request)
        return await self._picture(site, request)

    def _is_own(self, name: str) -> bool:
        """An IP address, localhost, or the name that the server was started with: names that nobody else gives out."""
        return name in ("localhost", self._host.lower().rstrip(".")) or _is_address(name)

    async def _picture(self, site: Site, request: Request) -> Answer:
        """The catalogue's own file, whatever width is asked for."""
        found = site.picture(self._shops[site.code], request)
        if found is None or not isinstance(found[0], PictureFile):
            return NOT_FOUND
        return picture_answer(await asyncio.to_thread(found[0].read), found[0].extension)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True
