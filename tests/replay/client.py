"""A client for the replay server, for its own tests and those of clients that need bytes rather than a crawl."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import urllib3

from studio.shop import musinsa_goods, ssf_goods
from tests.replay import ReplayServer, SyntheticShop

PAGE = "https://www.musinsa.com/category/001/goods?gf=A"


class Client:
    """A client that keeps the shop's Host and connects to the replay server."""

    def __init__(self, server: ReplayServer) -> None:
        self.server = server
        self.pool = urllib3.PoolManager(retries=False, timeout=20)

    def get(self, url: str, **options: Any) -> urllib3.BaseHTTPResponse:
        parts = urlsplit(url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        return self.pool.request("GET", self.server.url + target, headers={"Host": parts.netloc}, **options)


def exchange(server: ReplayServer, request: bytes) -> bytes:
    """All bytes that come back until the server closes."""
    port = urlsplit(server.url).port
    assert port
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(2**16), b""))


def picture_urls(shop: SyntheticShop, indices: range) -> Iterator[tuple[Any, str]]:
    for product in (shop.product(index) for index in indices if not shop.gone(index)):
        for place, picture in enumerate(product.pictures):
            if shop.shop == "ssf":
                yield picture, ssf_goods.picture_address(product, place)
            else:
                path = (
                    musinsa_goods.gallery_path(product, picture) if place else musinsa_goods.main_path(product, picture)
                )
                large = path.replace("_500.", "_big.")
                yield picture, f"https://image.msscdn.net/thumbnails{large}?w=1200"
