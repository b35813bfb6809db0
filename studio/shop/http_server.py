"""A plain HTTP/1.1 server on asyncio: connections, requests, keep-alive; what to answer is the subclass's.

The contract that must not break: noise ends one connection, never the server.
"""

from __future__ import annotations

import asyncio
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable
from http import HTTPStatus
from threading import Event, Thread
from types import TracebackType
from typing import Self

from studio.shop.answers import Answer, Request, plain

MAX_HEAD = 64 * 1024
MAX_BODY = 64 * 1024


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
        length = headers.get("content-length") or "0"
        if len(parts) != 3 or not (length.isascii() and length.isdigit()):
            return False
        if "transfer-encoding" in headers:
            await send(writer, plain("a body needs its Content-Length\n", 411))
            return False
        if len(length) > 9 or int(length) > MAX_BODY:
            await send(writer, plain(f"a body may have {MAX_BODY} bytes\n", 413))
            return False
        body = await reader.readexactly(int(length))
        try:
            request = Request.of(parts[0], headers.get("host", ""), parts[1], headers, body)
        except ValueError:
            return False
        stays = parts[2] == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
        return await self.respond(request, writer) and stays


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
