"""The replay server's own contract: hosts, connections, the log, robots.txt, captures and the command."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import urllib3
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.shop import musinsa, musinsa_goods, ssf
from studio.shop.answers import Answer, Request
from tests.replay import ReplayServer, SyntheticShop
from tests.replay.client import PAGE, Client, exchange
from tests.replay.robots import POLICIES

ROOT = Path(__file__).parents[1]
SHOPS = {"musinsa": SyntheticShop("musinsa", 400), "ssf": SyntheticShop("ssf", 400)}


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with ReplayServer(*SHOPS.values()) as server:
        yield Client(server)


# The server


def test_two_servers_of_one_seed_answer_alike_another_seed_differs(client: Client) -> None:
    with (
        ReplayServer(SyntheticShop("musinsa", 400)) as same,
        ReplayServer(SyntheticShop("musinsa", 400, seed=8)) as other,
    ):
        assert Client(same).get(PAGE).data == client.get(PAGE).data
        assert Client(other).get(PAGE).data != client.get(PAGE).data


def test_the_host_decides_and_every_request_is_logged() -> None:
    with ReplayServer(*SHOPS.values()) as server:
        client = Client(server)
        assert b"__NEXT_DATA__" in client.get(PAGE).data
        assert client.get(PAGE.replace("www.musinsa.com", "www.ssfshop.com")).status == 404
        stolen = client.pool.request("GET", f"{server.url}/latest/meta-data")
        assert stolen.status == 421
        assert server.hosts["goods-detail.musinsa.com"] == server.hosts["img.ssfshop.com"] == server.url
        seen = [(each.host, each.path, each.status, each.fault) for each in server.log]
    assert seen == [
        ("www.musinsa.com", "/category/001/goods?gf=A", 200, None),
        ("www.ssfshop.com", "/category/001/goods?gf=A", 404, None),
        (server.url.removeprefix("http://"), "/latest/meta-data", 421, None),
    ]


def test_absolute_form_keep_alive_head_and_other_methods(client: Client) -> None:
    server = client.server
    proxied = exchange(
        server, b"GET http://www.musinsa.com/robots.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    assert b"LookbookBot" in proxied
    one = b"GET /robots.txt HTTP/1.1\r\nHost: www.ssfshop.com\r\n\r\n"
    both = exchange(server, one + one.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    assert both.count(b"HTTP/1.1 200 OK") == 2
    head = exchange(server, b"HEAD /robots.txt HTTP/1.1\r\nHost: www.ssfshop.com\r\nConnection: close\r\n\r\n")
    assert head.endswith(b"\r\n\r\n")
    assert b"Content-Length: 0" not in head
    post = b"POST /x HTTP/1.1\r\nHost: www.ssfshop.com\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc"
    assert exchange(server, post).startswith(b"HTTP/1.1 405 ")


@pytest.mark.parametrize(
    "noise", [b"\r\n\r\n", b"GET\r\n\r\n", b"\x00\xff" * 50_000, b"GET / HTTP/1.1\r\nContent-Length: 9\r\n\r\nx"]
)
def test_noise_ends_one_connection_only(client: Client, noise: bytes) -> None:
    port = urlsplit(client.server.url).port
    with socket.create_connection(("127.0.0.1", port or 0), 10) as connection:
        connection.sendall(noise)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(2**16):
            pass
    assert client.get(PAGE).status == 200


@settings(max_examples=200, deadline=None)
@given(
    host=st.sampled_from(
        ["www.musinsa.com", "api.musinsa.com", "goods-detail.musinsa.com", "www.ssfshop.com", "img.ssfshop.com"]
    ),
    path=st.one_of(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=30).map(lambda text: "/" + text),
        st.sampled_from(
            ["/products/1", "/category/999/goods", "/selectProductList", "/x/list", "/api2/dp/v2/plp/goods"]
        ),
        st.from_regex(r"/(products|app/goods|api2/goods)/[0-9]{1,25}(/options|/actual-size)?", fullmatch=True),
        st.from_regex(r"/goods/SYNT/[A-Z0-9]{15}_0_ORGINL_[0-9]{14}000\.jpg", fullmatch=True),
    ),
    query=st.dictionaries(
        st.sampled_from(["page", "size", "category", "caller", "hmacId", "dspCtgryNo", "currentPage"]),
        st.sampled_from(["", "0", "-1", "2", "x", "٣", "9" * 30, "CATEGORY", "001", "SFMA41", "<b>"]),
    ),
)
def test_any_address_has_an_answer(host: str, path: str, query: dict[str, str]) -> None:
    request = Request("GET", host, path, path, query)
    for site, shop in ((musinsa, SHOPS["musinsa"]), (ssf, SHOPS["ssf"])):
        answer = site.answer(shop, request)
        assert isinstance(answer, Answer)
        assert answer.status in (200, 301, 400, 403, 404)
        assert site.picture(shop, request) is None


def test_many_connections_at_once_lose_no_request() -> None:
    shop = SyntheticShop("musinsa", 200, flaws=0)
    with ReplayServer(shop) as server:
        client = Client(server)
        urls = [musinsa_goods.link(shop.number(index % 200)) for index in range(600)]
        with ThreadPoolExecutor(8) as threads:
            statuses = list(threads.map(lambda url: client.get(url).status, urls))
        assert statuses == [200] * 600
        assert len(server.log) == 600


def test_show_puts_another_day_in_place() -> None:
    first = SyntheticShop("ssf", 200)
    later = first.change(5)
    removed = next(first.number(index) for index in range(200) if later.removed(index) and not first.gone(index))
    with ReplayServer(first) as server:
        client = Client(server)
        assert client.get(f"https://www.ssfshop.com/x/{removed}/good").status == 200
        server.show(later)
        assert client.get(f"https://www.ssfshop.com/x/{removed}/good").status == 404


@pytest.mark.parametrize(
    ("policy", "status", "text"),
    [
        ("allow", 200, "User-agent: LookbookBot\nAllow: /"),
        ("deny", 200, "User-agent: *\nDisallow: /"),
        ("named-deny", 200, "User-agent: LookbookBot\nDisallow: /"),
        ("delay", 200, "Crawl-delay: 1"),
        ("real", 200, "User-agent: *\nDisallow: /"),
        ("missing", 404, ""),
        ("forbidden", 403, ""),
        ("error", 503, ""),
        ("User-agent: *\nDisallow: /products/\n", 200, "Disallow: /products/"),
    ],
)
def test_robots_policies(policy: str, status: int, text: str) -> None:
    with ReplayServer(robots={"www.musinsa.com": policy}) as server:
        client = Client(server)
        answer = client.get("https://www.musinsa.com/robots.txt")
        assert answer.status == status
        assert text in answer.data.decode()
        assert b"Allow: /" in client.get("https://www.ssfshop.com/robots.txt").data


def test_real_robots_differ_by_host_and_unknown_policies_are_refused() -> None:
    with ReplayServer(robots="real") as server:
        client = Client(server)
        assert client.get("https://goods-detail.musinsa.com/robots.txt").status == 200
        assert client.get("https://api.musinsa.com/robots.txt").status == 404
    with pytest.raises(ValueError, match="no robots policy 'alow'"):
        ReplayServer(robots="alow")
    assert "allow" in POLICIES


def test_the_command_serves_until_killed_and_keeps_a_log(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    command = [sys.executable, "-m", "tests.replay", "--shop", "musinsa", "--products", "60", "--log", str(log)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            said = json.loads(process.stdout.readline())
            answer = urllib3.request("GET", f"{said['url']}/robots.txt", headers={"Host": "www.musinsa.com"})
            assert answer.status == 200
            assert said["hosts"]["www.musinsa.com"] == said["url"]
        finally:
            process.kill()
    assert [json.loads(line)["path"] for line in log.read_text().splitlines()] == ["/robots.txt"]


# Captures


def test_captures_are_served_at_the_addresses_they_were_saved_from(tmp_path: Path) -> None:
    wrapped = {
        "url": "https://goods-detail.musinsa.com/api2/goods/9/options?a=1",
        "status": 200,
        "body": {"data": None},
    }
    (tmp_path / "wrapped.json").write_text(json.dumps(wrapped))
    (tmp_path / "actual_size_9_shirt.json").write_text('{"data": {"sizes": []}}')
    (tmp_path / "page.html").write_text('<link rel="canonical" href="https://www.musinsa.com/products/9"><p>synthetic')
    (tmp_path / "broken.json").write_text("{")
    with ReplayServer(SHOPS["musinsa"], captures=tmp_path) as server:
        client = Client(server)
        assert client.get("https://goods-detail.musinsa.com/api2/goods/9/options?a=1").json() == {"data": None}
        assert client.get("https://goods-detail.musinsa.com/api2/goods/9/actual-size").json()["data"] == {"sizes": []}
        assert client.get("https://www.musinsa.com/products/9").data.endswith(b"synthetic")
        assert client.get(PAGE).status == 200


def test_real_captures_find_their_addresses() -> None:
    folder = ROOT.parent / "shared" / "samples" / "shops"
    if not folder.is_dir():
        pytest.skip("the captures of real shops are not on this machine")
    with ReplayServer(captures=folder) as server:
        client = Client(server)
        assert b"__MSS__" in client.get("https://www.musinsa.com/products/3684419").data
        assert client.get("https://goods-detail.musinsa.com/api2/goods/5134734").json()["data"]["goodsNo"] == 5134734
        listed = client.get("https://www.ssfshop.com/category/list?dspCtgryNo=SFMA41A06").data.decode()
        assert listed.count('class="god-item"') == 60
