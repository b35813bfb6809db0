"""The replay server: synthetic shops, captures, robots.txt and faults behind one local port.

Requests are told apart by their Host: a client keeps the shop's host name and connects to `url` in its place. Every
request is in the log before its answer leaves.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from studio.shop.answers import NOT_FOUND, Answer, Request, html
from studio.shop.http_server import HttpServer, send
from studio.shop.sites import SITE_OF_HOST
from tests.replay import pictures, wire
from tests.replay import robots as robots_txt
from tests.replay.captures import Captures
from tests.replay.catalogue import SyntheticShop
from tests.replay.faults import Fault, FaultPlan
from tests.replay.products import SyntheticPicture

_ENDING = {Fault.RESET, Fault.TRUNCATED, Fault.WRONG_LENGTH, Fault.CHUNKED_CUT, Fault.ENDLESS}


@dataclass(frozen=True, slots=True)
class Served:
    """One request and how it is answered: `time` of arrival (Unix), `status` 0 for a reset, `fault` None for none."""

    time: float
    host: str
    path: str
    status: int
    fault: str | None
    user_agent: str
    referer: str


class ReplayServer(HttpServer):
    """Serves like every HttpServer, and keeps a log.

    `robots` is a policy of `tests.replay.robots`, for all hosts or by host; `captures` go before the synthetic shops.
    `hosts` is for the settings' host map; `log` grows with every request.
    """

    def __init__(
        self,
        *shops: SyntheticShop,
        faults: FaultPlan | None = None,
        robots: robots_txt.Robots = "allow",
        captures: Path | None = None,
        port: int = 0,
        log_file: Path | None = None,
    ) -> None:
        super().__init__(port=port)
        robots_txt.check(robots)
        self._shops = {shop.shop: shop for shop in shops}
        self.faults = faults or FaultPlan()
        self.robots = robots
        self.log: list[Served] = []
        self._captures = Captures(captures) if captures else None
        self._log_file = log_file.open("a", encoding="utf-8") if log_file else None
        self._attempts: Counter[tuple[str, str]] = Counter()
        self._pictures = pictures.PictureCache()

    @property
    def hosts(self) -> dict[str, str]:
        """Every page and picture host of both shops -> this server."""
        return dict.fromkeys(SITE_OF_HOST, self.url)

    def show(self, shop: SyntheticShop) -> None:
        """Puts another state of a shop in place of the present one, e.g. `shop.change(1)`."""
        self._shops = {**self._shops, shop.shop: shop}

    def requests(self, host: str | None = None) -> list[Served]:
        """The log so far, of one host if named."""
        return [each for each in list(self.log) if host in (None, each.host)]

    # One request

    async def respond(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        arrived, key = time.time(), (request.host, request.target)
        self._attempts[key] += 1
        fault = self.faults.fault(*key, self._attempts[key]) if request.host in SITE_OF_HOST else None
        answer = await self._answer(request)
        if fault is not None:
            answer = wire.changed(answer, fault, request, self.url, self.faults.retry_after)
        # Noted before the answer leaves: whoever has the answer finds the request in the log.
        self._note(arrived, request, answer, fault)
        await self._send(writer, answer, fault, request.method != "HEAD")
        return fault not in _ENDING

    async def _send(self, writer: asyncio.StreamWriter, answer: Answer, fault: Fault | None, body: bool) -> None:
        if fault in _ENDING:
            await wire.break_off(writer, answer, fault)
        elif fault is Fault.SLOW_BODY and body:
            await wire.trickle(writer, answer, self.faults.delay)
        else:
            if fault is Fault.SLOW:
                await asyncio.sleep(self.faults.delay)
            await send(writer, answer, body=body)

    def _note(self, arrived: float, request: Request, answer: Answer, fault: Fault | None) -> None:
        status = 0 if fault is Fault.RESET else answer.status
        host = request.host if request.host in SITE_OF_HOST else request.authority
        agent, referer = request.headers.get("user-agent", ""), request.headers.get("referer", "")
        served = Served(arrived, host, request.target, status, fault and fault.value, agent, referer)
        self.log.append(served)
        if self._log_file:
            self._log_file.write(json.dumps(asdict(served)) + "\n")
            self._log_file.flush()

    # Answers

    async def _answer(self, request: Request) -> Answer:
        if request.method not in ("GET", "HEAD"):
            return html("only GET and HEAD", 405)
        if self._captures and (captured := self._captures.answer(request)):
            return captured
        site = SITE_OF_HOST.get(request.host)
        if site is None:
            return html("synthetic secret: a crawl of a shop has no business here", 421)
        if request.path == "/robots.txt":
            return robots_txt.answer(self.robots, request.host)
        shop = self._shops.get(site.code)
        if shop is None:
            return NOT_FOUND
        if request.host in site.page_hosts:
            return site.answer(shop, request)
        found = site.picture(shop, request)
        return NOT_FOUND if found is None else await self._picture(*found)

    async def _picture(self, picture: SyntheticPicture, width: int | None) -> Answer:
        data = self._pictures.get(picture, width)
        if data is None:
            data = await asyncio.to_thread(self._pictures.render, picture, width)
        return Answer(data, pictures.content_type(picture))
