"""The replay server: synthetic shops, captures, robots.txt and faults behind one local port.

Requests are told apart by their Host: a client keeps the shop's host name and connects to `url` in its place. Every
request is in the log before its answer leaves.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from crawler.shops import SHOPS
from tests.replay import musinsa, pictures, ssf, wire
from tests.replay import robots as robots_txt
from tests.replay.answers import NOT_FOUND, Answer, Request, html
from tests.replay.captures import Captures
from tests.replay.catalogue import SyntheticShop
from tests.replay.faults import Fault, FaultPlan
from tests.replay.products import Picture

_MAX_HEAD = 64 * 1024
_ANSWERS = {"musinsa": musinsa.answer, "ssf": ssf.answer}
_PICTURES = {"musinsa": musinsa.picture, "ssf": ssf.picture}
_SHOP_OF_HOST = {host: shop for shop in SHOPS.values() for host in (*shop.page_hosts, *shop.image_hosts)}
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


class ReplayServer:
    """Serves in a thread of its own while the `with` block lasts, or until the process ends by `serve_forever`.

    `robots` is a policy of `tests.replay.robots`, for all hosts or by host; `captures` go before the synthetic shops.
    `url` and `hosts` (for the settings' host map) are known from `start` on; `log` grows with every request.
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
        robots_txt.check(robots)
        self._shops = {shop.shop: shop for shop in shops}
        self.faults = faults or FaultPlan()
        self.robots = robots
        self.log: list[Served] = []
        self._captures = Captures(captures) if captures else None
        self._port = port
        self._log_file = log_file.open("a", encoding="utf-8") if log_file else None
        self._attempts: Counter[tuple[str, str]] = Counter()
        self._pictures = pictures.PictureCache()
        self._open: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def hosts(self) -> dict[str, str]:
        """Every page and picture host of both shops -> this server."""
        return dict.fromkeys(_SHOP_OF_HOST, self.url)

    def show(self, shop: SyntheticShop) -> None:
        """Puts another state of a shop in place of the present one, e.g. `shop.change(1)`."""
        self._shops = {**self._shops, shop.shop: shop}

    def requests(self, host: str | None = None) -> list[Served]:
        """The log so far, of one host if named."""
        return [each for each in list(self.log) if host in (None, each.host)]

    # Running

    def __enter__(self) -> Self:
        ready = Event()
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_until_complete, args=(self._run(ready.set),), daemon=True)
        self._thread.start()
        if not ready.wait(30):
            raise RuntimeError("the replay server did not start within 30 s")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)
        self._loop.close()

    def serve_forever(self, ready: Callable[[], None]) -> None:
        """Serves in this thread until it is interrupted; `ready` is called once the port is open."""
        asyncio.run(self._run(ready))

    async def _run(self, ready: Callable[[], None]) -> None:
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._connected, "127.0.0.1", self._port, limit=_MAX_HEAD, backlog=512)
        self._port = server.sockets[0].getsockname()[1]
        ready()
        await self._stop.wait()
        server.close()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        await asyncio.get_running_loop().shutdown_default_executor()

    # One connection

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._converse(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._one(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the client left, or sent what is not HTTP
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Deals with one request; False where the connection ends."""
        block = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *rows = block.split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (row.partition(":") for row in rows)}
        parts = line.split(" ")
        if len(parts) != 3:
            return False
        request = _request(parts[0], parts[1], headers.get("host", ""))
        if length := headers.get("content-length", ""):
            await reader.readexactly(int(length) if length.isdigit() else 0)
        arrived, key = time.time(), (request.host, request.target)
        self._attempts[key] += 1
        fault = self.faults.fault(*key, self._attempts[key]) if request.host in _SHOP_OF_HOST else None
        answer = await self._answer(request)
        if fault is not None:
            answer = wire.changed(answer, fault, request, self.url, self.faults.retry_after)
        # Noted before the answer leaves: whoever has the answer finds the request in the log.
        self._note(arrived, request, answer, fault, headers)
        await self._send(writer, answer, fault, request.method != "HEAD")
        stays = parts[2] == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
        return stays and fault not in _ENDING

    async def _send(self, writer: asyncio.StreamWriter, answer: Answer, fault: Fault | None, body: bool) -> None:
        if fault in _ENDING:
            await wire.break_off(writer, answer, fault)
        elif fault is Fault.SLOW_BODY and body:
            await wire.trickle(writer, answer, self.faults.delay)
        else:
            if fault is Fault.SLOW:
                await asyncio.sleep(self.faults.delay)
            await wire.send(writer, answer, body=body)

    def _note(
        self, arrived: float, request: Request, answer: Answer, fault: Fault | None, headers: dict[str, str]
    ) -> None:
        status = 0 if fault is Fault.RESET else answer.status
        agent, referer = headers.get("user-agent", ""), headers.get("referer", "")
        served = Served(arrived, request.host, request.target, status, fault and fault.value, agent, referer)
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
        owner = _SHOP_OF_HOST.get(request.host)
        if owner is None:
            return html("synthetic secret: a crawl of a shop has no business here", 421)
        if request.path == "/robots.txt":
            return robots_txt.answer(self.robots, request.host)
        shop = self._shops.get(owner.code)
        if shop is None:
            return NOT_FOUND
        if request.host in owner.page_hosts:
            return _ANSWERS[owner.code](shop, request)
        found = _PICTURES[owner.code](shop, request)
        return NOT_FOUND if found is None else await self._picture(*found)

    async def _picture(self, picture: Picture, width: int | None) -> Answer:
        data = self._pictures.get(picture, width)
        if data is None:
            data = await asyncio.to_thread(self._pictures.render, picture, width)
        return Answer(data, pictures.content_type(picture))


def _request(method: str, target: str, host: str) -> Request:
    """Also of a target in absolute form, as proxies send it: its host goes before the header's."""
    if target.startswith(("http://", "https://")):
        parts = urlsplit(target)
        host, target = parts.netloc, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    request = Request.of(method, host.lower(), target if target.startswith("/") else "/")
    name, _, port = request.host.partition(":")
    return replace(request, host=name) if port in ("80", "443") else request
