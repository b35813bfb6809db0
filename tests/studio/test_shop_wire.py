"""The demo shop's server against requests that mean it ill: by which names it is reached, and what is no request."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.demo_catalogue import DemoCatalogue
from studio.shop import http_server
from studio.shop.server import DemoServer
from tests.studio.shop_client import Client, connect, exchange
from tests.studio.shop_records import make_demo


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> DemoCatalogue:
    return make_demo(tmp_path_factory.mktemp("demo"))


@pytest.fixture
def client(demo: DemoCatalogue) -> Iterator[Client]:
    with DemoServer(demo) as server:
        yield Client(server)


# Names


@pytest.mark.parametrize(
    ("target", "host"),
    [
        ("/_demo/reset", "www.musinsa.com:8901"),
        ("/_demo/reset", "WWW.musinsa.com."),
        ("/_demo/reset", "img.ssfshop.com.:80"),
        ("http://www.musinsa.com:8901/_demo/reset", "127.0.0.1"),
        ("HTTP://www.ssfshop.com./_demo/reset", "127.0.0.1"),
        ("http://127.0.0.1/_demo/reset", "www.musinsa.com"),
    ],
)
def test_controls_are_at_no_spelling_of_a_shops_host(client: Client, target: str, host: str) -> None:
    assert client.post("/_demo/day").json()["day"] == 1
    head = f"{target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    assert exchange(client.server, f"POST {head}".encode())[:13] in (b"HTTP/1.1 405 ", b"HTTP/1.1 421 ")
    assert b'"products"' not in exchange(client.server, f"GET {head}".replace("reset", "products").encode())
    assert client.get("/_demo/products").json()["day"] == 1


@pytest.mark.parametrize("host", ["www.musinsa.com:8901", "www.musinsa.com.", "WWW.MUSINSA.COM:80"])
def test_a_shop_is_served_under_every_spelling_of_its_host(client: Client, host: str) -> None:
    assert client.get("/products/9000001", host).data == client.get("/products/9000001", "www.musinsa.com").data


def test_a_name_that_anybodys_dns_may_give_out_reaches_nothing(client: Client, demo: DemoCatalogue) -> None:
    """DNS rebinding: the browser takes such a page and its Origin for this server's own."""
    for host in ("rebound.example", "rebound.example:8901", "localhost.rebound.example", "2130706433", ""):
        for target in ("/", "/_demo/products", "/_demo/lookbook.toml", "/pictures/upper-01/packshot.jpg"):
            raw = f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
            assert exchange(client.server, raw.encode()).startswith(b"HTTP/1.1 421 "), (host, target)
    answer = client.post("/_demo/day", Host="rebound.example", Origin="http://rebound.example")
    assert answer.status == 421
    assert client.get("/_demo/products").json()["day"] == 0
    with DemoServer(demo, host="localhost") as named:
        assert Client(named).get("/_demo/products").status == 200


@pytest.mark.parametrize("origin", ["http://[", "null", "", "http://", "//"])
def test_an_origin_that_is_none_is_refused(client: Client, origin: str) -> None:
    assert client.post("/_demo/day", Origin=origin).status == 403
    assert client.get("/_demo/products").json()["day"] == 0


# The wire


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: www.musinsa.com\r\n\r\n", 400),
        (b'GET / HTTP/1.1\r\nHost: x"]y\r\n\r\n', 400),
        (b"GET http://[/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 400),
        (b"GET http://a@127.0.0.1/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\n", 400),
        (b"hello\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"x" * 300_000, 431),
        (b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 300000\r\n\r\n" + b"x" * 300_000, 413),
        (b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
    ],
)
def test_what_is_no_request_is_told_so(client: Client, request_: bytes, status: int) -> None:
    assert exchange(client.server, request_).startswith(f"HTTP/1.1 {status} ".encode())
    assert client.get("/").status == 200


@pytest.mark.parametrize(
    ("host", "target"),
    [
        ("www.musinsa.com", "/static/sitemap/sitemap-goods-{}.xml"),
        ("image.msscdn.net", "/images/goods_img/20260101/{0}/{0}_20260101000000_500.jpg"),
        ("img.ssfshop.com", "/cmd/LB_{}x660/src/https://img.ssfshop.com/goods/detail/20260101000000000000001.jpg"),
        ("www.ssfshop.com", "/MOREDAL/GM{}/good"),
    ],
)
def test_a_number_of_any_length_is_an_unknown_one(client: Client, host: str, target: str) -> None:
    assert client.get(target.format("9" * 5_000), host).status == 404


def test_a_failure_is_answered_and_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    catalogue = make_demo(tmp_path / "demo")
    with DemoServer(catalogue) as server, caplog.at_level(logging.ERROR):
        catalogue.path(catalogue.products[0].pictures[0]).unlink()
        client = Client(server)
        assert client.get(f"/{catalogue.products[0].pictures[0].file}").status == 500
        assert client.get("/").status == 200
    assert [record.name for record in caplog.records] == ["studio.shop.http_server"]
    assert catalogue.products[0].pictures[0].file in caplog.text


@pytest.mark.parametrize("begun", [b"", b"GET / HT", b"POST /_demo/day HTTP/1.1\r\nContent-Length: 9\r\n\r\nx"])
def test_who_sends_too_slowly_is_left(client: Client, monkeypatch: pytest.MonkeyPatch, begun: bytes) -> None:
    monkeypatch.setattr(http_server, "READ_SECONDS", 0.2)
    since = time.monotonic()
    assert exchange(client.server, begun) == b""
    assert time.monotonic() - since < 5


def test_connections_beyond_the_limit_are_closed_at_once(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "MAX_CONNECTIONS", 3)
    ask = b"GET /robots.txt HTTP/1.1\r\nHost: www.musinsa.com\r\n\r\n"
    held = [connect(client.server) for _ in range(3)]
    for connection in held:
        connection.sendall(ask)
        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
    with connect(client.server) as refused:
        try:
            refused.sendall(ask)
            assert refused.recv(100) == b""
        except ConnectionError:
            pass  # closed as early as that
    for connection in held:
        connection.close()
    time.sleep(0.2)
    assert client.get("/robots.txt", "www.musinsa.com").status == 200
