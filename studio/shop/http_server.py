"""A plain HTTP/1.1 server on asyncio: connections, requests, keep-alive; what to answer is the subclass's.

The contract that must not break: noise ends one connection, never the server.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from http import HTTPStatus
from threading import Event, Thread
from types import TracebackType
from typing import Self

from studio.shop.answers import Answer, Request, plain

MAX_HEAD = 64 * 1024
MAX_BODY = 64 * 1024
MAX_CONNECTIONS = 512
READ_SECONDS = 30.0
"""How long a request may take to arrive, from the answer before it on; slower connections are closed."""
_LINGER_SECONDS, _LINGER_BYTES = 2.0, 1024 * 1024

logger = logging.getLogger(__name__)


class _Refused(Exception):
    """What arrived is not a request that can be answered; the connection ends with this status and message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.answer = plain(f"{message}\n", status)


class HttpServer(ABC):
    """Serves in a thread of its own while the `with` block lasts, or until the process ends by `serve_forever`.

    Port 0 takes a free one; `url` is known from the start on. Both ways raise OSError where the port is taken.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self._host = host
        self._port = port
        self._open: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where a client on this machine reaches it."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._host, self._host)  # noqa: S104 - compared, not bound
        return f"http://[{host}]:{self._port}" if ":" in host else f"http://{host}:{self._port}"

    @abstractmethod
    async def respond(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; False where the connection must end."""

    def __enter__(self) -> Self:
        listener = self._listen()
        ready = Event()
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_until_complete, args=(self._run(listener, ready.set),), daemon=True)
        self._thread.start()
        if not ready.wait(30):
            raise RuntimeError("the server did not start within 30 s")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)
        self._loop.close()

    def serve_forever(self, ready: Callable[[], None]) -> None:
        """Serves in this thread until it is interrupted; `ready` is called once the port is open."""
        asyncio.run(self._run(self._listen(), ready))

    def _listen(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listener = socket.create_server((self._host, self._port), family=family, backlog=512)
        self._port = listener.getsockname()[1]
        return listener

    async def _run(self, listener: socket.socket, ready: Callable[[], None]) -> None:
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._connected, sock=listener, limit=MAX_HEAD, backlog=512)
        ready()
        await self._stop.wait()
        server.close()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        await asyncio.get_running_loop().shutdown_default_executor()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._open) >= MAX_CONNECTIONS:
            writer.transport.abort()
            return
        task = asyncio.get_running_loop().create_task(self._converse(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._one(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client left, or took too long
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Deals with one request; False where the connection ends."""
        try:
            async with asyncio.timeout(READ_SECONDS):
                request, stays = await _read(reader)
        except _Refused as refused:
            await send(writer, refused.answer)
            await _linger(reader, writer)
            return False
        try:
            return await self.respond(request, writer) and stays
        except (ConnectionError, TimeoutError):
            raise
        except Exception:
            logger.exception("no answer to %s %r at %s", request.method, request.target, request.authority)
            await send(writer, plain("the server failed at this request\n", 500), body=request.method != "HEAD")
            return False


async def _read(reader: asyncio.StreamReader) -> tuple[Request, bool]:
    """The next request, and whether the connection stays for another one."""
    try:
        block = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.LimitOverrunError:
        raise _Refused(431, f"a head may have {MAX_HEAD} bytes") from None
    line, *rows = block.removesuffix("\r\n\r\n").split("\r\n")
    parts = line.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise _Refused(400, "not a request of HTTP/1.1")
    headers = _headers(rows)
    body = await reader.readexactly(_length(headers))
    try:
        request = Request.of(parts[0], headers.get("host", ""), parts[1], headers, body)
    except ValueError as error:
        raise _Refused(400, str(error)) from None
    return request, parts[2] == "HTTP/1.1" and headers.get("connection", "").lower() != "close"


def _headers(rows: Iterable[str]) -> dict[str, str]:
    """Values by names in lower case; the last of several, but there is only one Host and one Content-Length."""
    headers: dict[str, str] = {}
    for row in rows:
        name, value = (part.strip() for part in row.partition(":")[::2])
        name = name.lower()
        if name in ("host", "content-length") and headers.get(name, value) != value:
            raise _Refused(400, f"more than one {name}")
        headers[name] = value
    return headers


def _length(headers: dict[str, str]) -> int:
    if "transfer-encoding" in headers:
        raise _Refused(411, "a body needs its Content-Length")
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise _Refused(400, "Content-Length is not a number")
    if len(length) > 9 or int(length) > MAX_BODY:
        raise _Refused(413, f"a body may have {MAX_BODY} bytes")
    return int(length)


async def _linger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes what the client still sends: closing over it would reset the connection, and the answer would be lost."""
    writer.write_eof()
    async with asyncio.timeout(_LINGER_SECONDS):
        taken = 0
        while taken < _LINGER_BYTES and (piece := await reader.read(2**16)):
            taken += len(piece)


def head(answer: Answer, length: int | None, *more: str) -> bytes:
    """Status line and headers; no Content-Length for None."""
    lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}", f"Content-Type: {answer.content_type}"]
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    return "\r\n".join([*lines, *more, "", ""]).encode("latin-1")


async def send(writer: asyncio.StreamWriter, answer: Answer, *, body: bool = True) -> None:
    """A proper answer; `body` is False for HEAD."""
    writer.write(head(answer, len(answer.body)))
    if body:
        writer.write(answer.body)
    await writer.drain()
