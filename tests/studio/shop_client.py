"""Clients of the demo shop's server, for its tests: proper requests, and bytes as they are."""

from __future__ import annotations

import json
import socket
from typing import Any
from urllib.parse import urlsplit

import urllib3

from studio.shop.server import DemoServer


class Client:
    """Asks a shop's host at the server's address, or the server under its own name."""

    def __init__(self, server: DemoServer) -> None:
        self.server = server
        self.pool = urllib3.PoolManager(retries=False, timeout=20)

    def get(self, target: str, host: str | None = None, method: str = "GET") -> urllib3.BaseHTTPResponse:
        return self.pool.request(method, self.server.url + target, headers={"Host": host} if host else None)

    def post(self, target: str, body: Any = None, **headers: str) -> urllib3.BaseHTTPResponse:
        data = json.dumps(body).encode() if body is not None else b""
        return self.pool.request("POST", self.server.url + target, body=data, headers=headers)


def connect(server: DemoServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", urlsplit(server.url).port or 0), 10)


def exchange(server: DemoServer, request: bytes) -> bytes:
    """All bytes that come back until the server closes."""
    with connect(server) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(2**16), b""))
