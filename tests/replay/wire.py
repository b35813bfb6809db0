"""Faults as bytes on a connection: every way in which an answer can go wrong."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
import zlib
from email.utils import formatdate
from functools import lru_cache

from studio.shop.answers import Answer, Request
from studio.shop.http_server import head
from tests.replay.faults import Fault

BOMB_BYTES = 256 * 2**20
ENDLESS_LIMIT = 4 * 2**30
_PIECES = 50
_REDIRECTS = {Fault.REDIRECT_LOCAL, Fault.REDIRECT_METADATA, Fault.REDIRECT_LOOP}
_STATUSES = {
    Fault.TOO_MANY: 429,
    Fault.TOO_MANY_DATE: 429,
    Fault.UNAVAILABLE: 503,
    Fault.UNAVAILABLE_LATER: 503,
    Fault.FORBIDDEN: 403,
}


def changed(answer: Answer, fault: Fault, request: Request, origin: str, retry_after: int) -> Answer:
    """The answer that a fault puts in place of the proper one, where the fault is one of content and not of wire."""
    if fault in _STATUSES:
        seconds = {Fault.TOO_MANY: str(retry_after), Fault.UNAVAILABLE_LATER: str(retry_after)}
        # An HTTP date has whole seconds: one more, so that the wait is never shorter than asked for.
        when = {Fault.TOO_MANY_DATE: formatdate(time.time() + retry_after + 1, usegmt=True)}
        later = seconds | when
        return Answer(
            b"slow down", "text/plain", _STATUSES[fault], {"Retry-After": later[fault]} if fault in later else {}
        )
    if fault in _REDIRECTS:
        own = f"https://{request.host}{request.target}"
        metadata = "http://169.254.169.254/latest/meta-data"
        locations = {Fault.REDIRECT_LOCAL: f"{origin}/stolen", Fault.REDIRECT_METADATA: metadata}
        return Answer(b"", "text/html", 302, {"Location": locations.get(fault, own)})
    kind, body, headers = answer.content_type, answer.body, dict(answer.headers)
    if fault is Fault.WRONG_CHARSET:
        kind = kind.split(";")[0] + "; charset=euc-kr"
    elif fault is Fault.WRONG_TYPE:
        kind = "text/html; charset=utf-8" if kind.startswith("image/") else "image/png"
    elif fault is Fault.NOAI:
        headers["X-Robots-Tag"] = "noai, noimageai"
    elif fault is Fault.EMPTY:
        body = b""
    elif fault is Fault.GZIP_BOMB:
        body, headers["Content-Encoding"] = gzip_bomb(), "gzip"
    return Answer(body, kind, answer.status, headers)


async def break_off(writer: asyncio.StreamWriter, answer: Answer, fault: Fault) -> None:
    """Faults of the wire that end the connection. The caller closes it."""
    half = len(answer.body) // 2
    if fault is Fault.RESET:
        reset(writer)
    elif fault is Fault.TRUNCATED:
        writer.write(head(answer, len(answer.body) or 1) + answer.body[:half])
        await writer.drain()
    elif fault is Fault.WRONG_LENGTH:
        writer.write(head(answer, half) + answer.body)
        await writer.drain()
    elif fault is Fault.CHUNKED_CUT:
        chunk = f"{len(answer.body) or 1:x}\r\n".encode()
        writer.write(head(answer, None, "Transfer-Encoding: chunked") + chunk + answer.body[:half])
        await writer.drain()
    elif fault is Fault.ENDLESS:
        writer.write(head(answer, None, "Connection: close"))
        piece = (answer.body or b" ") * (2**16 // (len(answer.body) or 1) + 1)
        for _ in range(ENDLESS_LIMIT // len(piece)):
            writer.write(piece)
            await writer.drain()


async def trickle(writer: asyncio.StreamWriter, answer: Answer, pause: float) -> None:
    """The whole body, slowly."""
    writer.write(head(answer, len(answer.body)))
    step = max(1, -(-len(answer.body) // _PIECES))
    for start in range(0, len(answer.body), step):
        writer.write(answer.body[start : start + step])
        await writer.drain()
        await asyncio.sleep(pause)


def reset(writer: asyncio.StreamWriter) -> None:
    """Ends the connection with a TCP reset: closing a socket that lingers for no time at all."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@lru_cache(maxsize=1)
def gzip_bomb() -> bytes:
    """A gzip file of zeros that unpacks to `BOMB_BYTES`."""
    packer = zlib.compressobj(9, wbits=31)
    block = bytes(2**20)
    return b"".join(packer.compress(block) for _ in range(BOMB_BYTES // len(block))) + packer.flush()
