"""The real crawler against the real demo shop: the catalogue that comes out is the catalogue that went in."""

from __future__ import annotations

import hashlib
import json
import shlex
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import urllib3

from crawler.routes import DEFAULT_CATEGORIES
from crawler.spiders.browser import find_chromium
from studio.demo_catalogue import DEMO, FLAWS, DemoCatalogue, DemoProduct, load
from studio.shop.demo import DemoShop
from studio.shop.stock import Stocks
from tests.conftest import Lookbook
from tests.e2e.crawl_drill import catalogue_state

pytestmark = pytest.mark.skipif(
    not (DEMO / "catalogue.json").is_file(), reason="the demo catalogue is not there: lookbook studio demo"
)
needs_chromium = pytest.mark.skipif(find_chromium() is None, reason="needs Chromium: apt-get install chromium")


@dataclass(frozen=True)
class Shop:
    """A running `lookbook studio shop`: what it printed, as settings for the crawls of a test."""

    url: str
    settings: dict[str, str]
    catalogue: DemoCatalogue

    def post(self, target: str, body: Any = None) -> Any:
        answer = urllib3.request("POST", f"{self.url}/_demo/{target}", json=body)
        assert answer.status == 200, answer.data
        return answer.json()

    def numbers(self, site: str) -> dict[str, DemoProduct]:
        """The catalogue's products by their numbers at a site."""
        shop = DemoShop(site, self.catalogue, Stocks(self.catalogue))
        return {shop.number(index): product for index, product in enumerate(self.catalogue.products)}

    def on_sale(self) -> dict[str, tuple[int, bool]]:
        """Today's price and whether it is sold out, by id."""
        rows = urllib3.request("GET", f"{self.url}/_demo/products").json()["products"]
        return {row["id"]: (row["sale_price"], row["sold_out"]) for row in rows}


@pytest.fixture
def shop(lookbook: Lookbook) -> Iterator[Shop]:
    command = lookbook.command("studio", "shop", "--port", "0")
    options: dict[str, Any] = {"cwd": lookbook.folder, "env": lookbook.environment(), "text": True}
    with subprocess.Popen(command, stdout=subprocess.PIPE, **options) as process:
        try:
            assert process.stdout
            lines: list[str] = []
            while not (line := process.stdout.readline()).startswith("{"):
                assert line, "the shop ended before it served"
                lines.append(line)
            exports = [word for line in lines if line.startswith("export ") for word in shlex.split(line)[1:]]
            settings = dict(word.removeprefix("LOOKBOOK_").split("=", 1) for word in exports)
            yield Shop(json.loads(line)["url"], settings, load())
        finally:
            process.kill()


def crawl(lookbook: Lookbook, shop: Shop, site: str, *arguments: str, **settings: str) -> dict[str, Any]:
    """Crawl a site; the catalogue's rows of it by number."""
    ran = lookbook("crawl", "run", site, *arguments, timeout=400, **shop.settings, **settings)
    assert ran.code == 0, ran.stderr
    return {number: row for number, row in state(lookbook)["products"].items() if row["shop"] == site}


def state(lookbook: Lookbook) -> dict[str, Any]:
    return catalogue_state(lookbook.settings["DATABASE_URL"])


def expected_row(site: str, product: DemoProduct) -> dict[str, Any]:
    """What a correct crawl knows of a product, apart from its pictures."""
    skort, is_set = "skort" in product.flaws, product.garment_class is None
    gone = product.sold_out_sizes if not product.sold_out else tuple(product.measurements)
    told = site == "ssf"  # MUSINSA's options don't tell which size is sold out
    return {
        "name": f"{product.name} - {product.colour}" if told else f"{product.name}_{product.colour}",
        "brand": product.brand_en if told else product.brand,
        "garment_class": "none" if is_set else str(product.garment_class),
        "class_reason": "set" if is_set else "skort" if skort else None,
        "sex": [product.audience],
        "list_price": product.list_price,
        "sale_price": product.sale_price,
        "final_price": product.sale_price,
        "sold_out": product.sold_out,
        "stock_state": "sold_out" if product.sold_out else "on_sale",
        "colours": [product.colour],
        "sizes": [{"name": size, "sold_out": (size in gone) if told else None} for size in product.measurements],
        "state": "current",
    }


def expected_pictures(catalogue: DemoCatalogue, product: DemoProduct) -> list[tuple[str, str, str | None, str | None]]:
    """Role, state, reason and SHA-256 of every picture, in order."""
    rows: list[tuple[str, str, str | None, str | None]] = []
    for place, picture in enumerate((*product.gallery, *product.details)):
        role = "detail" if not picture.in_gallery else "gallery" if place else "main"
        if "broken-picture" in product.flaws and place == len(product.gallery) - 1:
            rows.append((role, "rejected", "truncated", None))
        else:
            rows.append((role, "stored", None, hashlib.sha256(catalogue.path(picture).read_bytes()).hexdigest()))
    return rows


def check(rows: dict[str, Any], site: str, shop: Shop) -> None:
    products = shop.numbers(site)
    assert set(rows) == set(products)
    for number, product in products.items():
        expected = expected_row(site, product)
        assert {name: rows[number][name] for name in expected} == expected, product.id


def check_pictures(lookbook: Lookbook, site: str, shop: Shop) -> None:
    """Every picture in its role and place, and its bytes those of the file."""
    rows = {number: row for number, row in state(lookbook)["products"].items() if row["shop"] == site}
    for number, product in shop.numbers(site).items():
        found = [(each["role"], each["state"], each["reason"], each["sha256"]) for each in rows[number]["images"]]
        assert found == expected_pictures(shop.catalogue, product), product.id
        assert [each["position"] for each in rows[number]["images"]] == list(range(len(found)))
        assert rows[number]["measurements"] == product.measurements


def test_musinsa_comes_out_as_it_went_in(lookbook: Lookbook, shop: Shop) -> None:
    rows = crawl(lookbook, shop, "musinsa")
    products = shop.numbers("musinsa")
    missing = {products[number].id for number in set(products) - set(rows)}
    assert missing == {product.id for product in products.values() if product.sold_out}  # its lists leave them out
    check(crawl(lookbook, shop, "musinsa", "--sitemap"), "musinsa", shop)
    ran = lookbook("crawl", "images", timeout=200, **shop.settings)
    assert ran.code == 0, ran.stderr
    assert ran.summary["rejected"] == {"truncated": 1}
    check_pictures(lookbook, "musinsa", shop)


@needs_chromium
@pytest.mark.timeout(600)
def test_ssf_comes_out_as_it_went_in(lookbook: Lookbook, shop: Shop) -> None:
    """With the information tab: detail pictures, material and measures exist only after JavaScript."""
    rows = crawl(lookbook, shop, "ssf")
    products = shop.numbers("ssf")
    site = DemoShop("ssf", shop.catalogue, Stocks(shop.catalogue))
    listed = {site.number(index) for code in DEFAULT_CATEGORIES["ssf"] for index in site.members(code)}
    assert set(rows) == listed
    rows = crawl(lookbook, shop, "ssf", "--sitemap")  # the categories that a crawl without options leaves out
    check(rows, "ssf", shop)
    for number, product in products.items():
        assert rows[number]["material"] == {"소재": [product.material]}
    ran = lookbook("crawl", "images", timeout=200, **shop.settings)
    assert ran.code == 0, ran.stderr
    check_pictures(lookbook, "ssf", shop)


def test_ssf_without_a_browser_lacks_the_information_tab_alone(lookbook: Lookbook, shop: Shop) -> None:
    rows = crawl(lookbook, shop, "ssf", "--sitemap", SHOPS__SSF__BROWSER="false")
    check(rows, "ssf", shop)
    for number, product in shop.numbers("ssf").items():
        assert [each["role"] for each in rows[number]["images"]] == ["main", *["gallery"] * (len(product.gallery) - 1)]
        assert rows[number]["measurements"] == {}


def test_the_flaws_of_real_shops_are_there_and_are_recognised(lookbook: Lookbook, shop: Shop) -> None:
    rows = crawl(lookbook, shop, "musinsa", "--sitemap")
    assert lookbook("crawl", "images", timeout=200, **shop.settings).code == 0
    stored = {row["style_no"]: row for row in state(lookbook)["products"].values()}
    assert len(stored) == len(rows)
    flawed = {flaw: [each for each in shop.catalogue.products if flaw in each.flaws] for flaw in _flaws(shop)}
    assert set(flawed) == set(FLAWS)
    (copy,) = flawed["duplicate"]
    assert copy.same_as
    contents = [[each["sha256"] for each in stored[id]["images"]] for id in (copy.id, copy.same_as)]
    assert contents[0] == contents[1]
    assert {each["url"] for each in stored[copy.id]["images"]}.isdisjoint(
        each["url"] for each in stored[copy.same_as]["images"]
    )
    (skort,), (together,) = flawed["skort"], flawed["set"]
    assert (stored[skort.id]["garment_class"], stored[skort.id]["class_reason"]) == ("lower", "skort")
    assert (stored[together.id]["garment_class"], stored[together.id]["class_reason"]) == ("none", "set")
    reasons = Counter(each["reason"] for row in stored.values() for each in row["images"] if each["reason"])
    assert reasons == {"truncated": len(flawed["broken-picture"])}


def _flaws(shop: Shop) -> set[str]:
    return {flaw for product in shop.catalogue.products for flaw in product.flaws}


@pytest.mark.parametrize("site", ["musinsa", "ssf"])
def test_a_second_crawl_stores_exactly_what_was_changed(lookbook: Lookbook, shop: Shop, site: str) -> None:
    def snapshots() -> Counter[str]:
        return Counter(ids[number] for number, _, _ in state(lookbook)["snapshots"])

    ids = {number: product.id for number, product in shop.numbers(site).items()}
    settings = {"SHOPS__SSF__BROWSER": "false"}
    crawl(lookbook, shop, site, "--sitemap", **settings)
    assert snapshots() == Counter(ids.values())
    shop.post("products/upper-02", {"sale_price": 9_900})
    shop.post("products/lower-05", {"sold_out": True})
    shop.post("products/upper-03", {"sold_out": False})  # back in stock
    rows = crawl(lookbook, shop, site, "--refresh", **settings)
    assert snapshots() == Counter([*ids.values(), "upper-02", "lower-05", "upper-03"])
    now = {ids[number]: (row["sale_price"], row["sold_out"]) for number, row in rows.items()}
    assert now == shop.on_sale()
    assert now["upper-02"] == (9_900, False)

    before, history = shop.on_sale(), snapshots()
    shop.post("day")
    changed = {id for id, sold in shop.on_sale().items() if sold != before[id]}
    assert changed
    crawl(lookbook, shop, site, "--refresh", **settings)
    assert snapshots() - history == Counter(changed)


@needs_chromium
def test_the_pages_controls_change_the_shop(shop: Shop) -> None:
    """Also that the page asks no other host for anything, and says it where a change is refused."""
    from playwright.sync_api import sync_playwright

    before = shop.on_sale()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        page = browser.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{shop.url}/", wait_until="networkidle")
        card = page.locator("#upper-02")
        with page.expect_navigation():
            card.get_by_text("Sell out").click()
        assert shop.on_sale()["upper-02"] == (before["upper-02"][0], True)
        card.get_by_label("price").fill("9900")
        with page.expect_navigation():
            card.get_by_text("Set", exact=True).click()
        assert shop.on_sale()["upper-02"] == (9_900, True)
        card.get_by_label("price").fill("99000000")
        card.get_by_text("Set", exact=True).click()
        page.get_by_text("more than the list price").wait_for(timeout=5_000)
        with page.expect_navigation():
            page.get_by_text("Reset").click()
        assert shop.on_sale() == before
        browser.close()
    assert asked
    assert all(url.startswith(shop.url) for url in asked)


def test_another_agents_crawl_is_refused(lookbook: Lookbook, shop: Shop) -> None:
    for site in ("musinsa", "ssf"):
        ran = lookbook("crawl", "run", site, **shop.settings, CRAWL__USER_AGENT="OtherBot/1.0")
        assert ran.code == 77, ran.stderr
    assert state(lookbook)["products"] == {}


def test_a_port_that_is_taken_and_a_folder_without_catalogue_are_usage_errors(
    lookbook: Lookbook, shop: Shop, tmp_path: Path
) -> None:
    taken = lookbook("studio", "shop", "--port", shop.url.rpartition(":")[2])
    assert taken.code == 64
    assert "can't listen" in taken.stderr
    empty = tmp_path / "empty"
    empty.mkdir()
    none = lookbook("studio", "shop", "--port", "0", "--catalogue", str(empty))
    assert none.code == 64
    assert "catalogue.json" in none.stderr
