"""The demo shop's server: shops by their Host, its own page and controls under any other name."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from crawler.shops import SHOPS
from studio.demo_catalogue import DemoCatalogue, DemoPicture, load
from studio.shop import musinsa_goods, ssf_goods
from studio.shop.answers import Request
from studio.shop.control import Control
from studio.shop.demo import DemoShop
from studio.shop.server import DemoServer
from studio.shop.settings_text import as_environment, as_toml
from studio.shop.sites import SITES
from studio.shop.stock import Stocks
from tests.studio.shop_client import Client
from tests.studio.shop_records import PRODUCTS, make_demo

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> DemoCatalogue:
    return make_demo(tmp_path_factory.mktemp("demo"))


@pytest.fixture
def client(demo: DemoCatalogue) -> Iterator[Client]:
    with DemoServer(demo) as server:
        yield Client(server)


def shop_of(site: str, catalogue: DemoCatalogue) -> DemoShop:
    return DemoShop(site, catalogue, Stocks(catalogue))


# The shops


def test_sites_have_the_hosts_that_the_crawler_knows() -> None:
    assert {code: (site.page_hosts, site.image_hosts) for code, site in SITES.items()} == {
        code: (shop.page_hosts, shop.image_hosts) for code, shop in SHOPS.items()
    }


def test_numbers_follow_from_the_place_and_stay(demo: DemoCatalogue) -> None:
    musinsa, ssf = shop_of("musinsa", demo), shop_of("ssf", demo)
    assert [musinsa.number(index) for index in (0, 1, 6)] == ["9000001", "9000002", "9000007"]
    assert [ssf.number(index) for index in (0, 1, 4)] == ["GM0026010100000", "GM0026010100001", "SM0026010100004"]
    more = replace(demo, products=(*demo.products, replace(demo.products[0], id="upper-99")))
    for shop, longer in ((musinsa, shop_of("musinsa", more)), (ssf, shop_of("ssf", more))):
        numbers = [shop.number(index) for index in range(len(shop))]
        assert numbers == [longer.number(index) for index in range(len(shop))]
        assert [shop.find(number).style_no for number in numbers] == [each.id for each in demo.products]  # type: ignore[union-attr]
        assert shop.find("9999999") is None


def test_the_shipped_catalogue_is_listed_once_in_every_shop() -> None:
    shipped = load()
    for site in SITES:
        shop = shop_of(site, shipped)
        leaves = [index for category in shop.categories for index in shop.members(category.code) if category.code]
        assert set(leaves) == set(range(len(shop)))
        for index, product in enumerate(shipped.products):
            expected = str(product.garment_class) if product.garment_class else "upper"
            assert shop.product(index).category.garment_class == expected


def test_colours_are_products_of_one_name_and_a_duplicate_is_none(demo: DemoCatalogue) -> None:
    shop = shop_of("musinsa", demo)
    assert shop.product(0).group == shop.product(1).group == ("9000001", "9000002")
    assert shop.product(2).group == ("9000003",)


@pytest.mark.parametrize("host", ["www.musinsa.com", "goods-detail.musinsa.com", "www.ssfshop.com"])
def test_robots_let_in_the_crawler_by_its_name_and_nobody_else(client: Client, host: str) -> None:
    text = client.get("/robots.txt", host).data.decode()
    assert "User-agent: LookbookBot\nAllow: /" in text
    assert "User-agent: *\nDisallow: /" in text


def test_pictures_are_the_files_and_a_broken_one_ends_in_the_middle(client: Client, demo: DemoCatalogue) -> None:
    shop = shop_of("ssf", demo)
    for index, product in enumerate(demo.products):
        for place, picture in enumerate(product.gallery):
            address = ssf_goods.picture_address(shop.product(index), place)
            host, _, path = address.removeprefix("https://").partition("/")
            answer = client.get(f"/{path}", host)
            assert (answer.status, answer.headers["Content-Type"]) == (200, "image/jpeg")
            whole = demo.path(picture).read_bytes()
            broken = "broken-picture" in product.flaws and place == len(product.gallery) - 1
            assert answer.data == (whole[: len(whole) // 2] if broken else whole)
            if broken:
                with Image.open(io.BytesIO(answer.data)) as image, pytest.raises(OSError, match="truncated"):
                    image.load()


def test_texts_of_a_catalogue_are_never_markup(client: Client) -> None:
    for target, host in (
        ("/", None),
        ("/products/9000004", "www.musinsa.com"),
        ("/MOREDAL/GM0026010100003/good", "www.ssfshop.com"),
        ("/Dresses/list?dspCtgryNo=SFMA41A06", "www.ssfshop.com"),
    ):
        page = client.get(target, host).data.decode()
        assert "원피스" in page
        assert "<i>" not in re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)


# The server's own name


def test_a_page_for_people_says_that_it_is_synthetic_and_shows_every_product(client: Client) -> None:
    answer = client.get("/")
    page = answer.data.decode()
    assert "synthetic" in page
    for product in PRODUCTS:
        assert f'id="{product.id}"' in page
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert 'src="http' not in page
    assert client.get("/pictures/upper-01/packshot.jpg").headers["Content-Type"] == "image/jpeg"


def test_what_a_crawl_reads_is_shown_as_text(client: Client) -> None:
    shown = client.get("/www.musinsa.com/products/9000001")
    assert shown.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert shown.data == client.get("/products/9000001", "www.musinsa.com").data
    listed = client.get("/www.ssfshop.com/T-shirts/list?dspCtgryNo=SFMA41A01")
    assert listed.data.count(b"god-item") > 1
    assert client.get("/www.example.com/").status == 404


def test_changes_are_seen_by_both_shops_at_once(client: Client) -> None:
    answer = client.post("/_demo/products/upper-01", {"sale_price": 9_900, "sold_out": True})
    assert (answer.status, answer.json()["sale_price"], answer.json()["sold_out"]) == (200, 9_900, True)
    record = client.get("/api2/goods/9000001", "goods-detail.musinsa.com").json()["data"]
    assert (record["goodsPrice"]["salePrice"], record["isOutOfStock"]) == (9_900, True)
    page = client.get("/MOREDAL/GM0026010100000/good", "www.ssfshop.com").data.decode()
    assert '<em class="price">9,900</em>' in page
    assert "OutOfStock" in page
    assert client.post("/_demo/reset").json() == {"day": 0}
    assert not any(row["changed"] for row in client.get("/_demo/products").json()["products"])


def test_a_day_says_what_it_changed(client: Client) -> None:
    before = {row["id"]: row for row in client.get("/_demo/products").json()["products"]}
    said = client.post("/_demo/day").json()
    after = {row["id"]: row for row in client.get("/_demo/products").json()["products"]}
    assert said == {"day": 1, "changed": sorted(id for id in after if after[id] != before[id])}
    assert said["changed"]


@pytest.mark.parametrize(
    ("target", "body", "status", "message"),
    [
        ("/_demo/products/upper-99", {"sold_out": True}, 404, "no product 'upper-99'"),
        ("/_demo/products/", {"sold_out": True}, 404, "no product ''"),
        ("/_demo/products/upper-01", {"sale_price": -1}, 422, "greater than 0"),
        ("/_demo/products/upper-01", None, 422, "JSON"),
        ("/_demo/nothing", {}, 404, "POST /_demo/products/{id}"),
        ("/", {}, 404, "POST /_demo/products/{id}"),
    ],
)
def test_a_refused_request_says_why(client: Client, target: str, body: Any, status: int, message: str) -> None:
    answer = client.post(target, body)
    assert answer.status == status
    assert message in answer.json()["error"]


def test_controls_are_not_at_the_shops_nor_for_other_sites_pages(client: Client) -> None:
    change = {"sold_out": True}
    assert client.post("/_demo/products/upper-01", change, Host="www.musinsa.com").status == 405
    assert client.get("/_demo/products", "www.musinsa.com").status == 404
    assert client.post("/_demo/products/upper-01", change, Origin="http://elsewhere.example").status == 403
    assert not any(row["changed"] for row in client.get("/_demo/products").json()["products"])
    assert client.post("/_demo/products/upper-01", change, Origin=client.server.url).status == 200
    assert client.get("/", method="DELETE").status == 405
    large = client.pool.request("POST", f"{client.server.url}/_demo/day", body=b"x" * 100_000)
    assert large.status == 413
    assert client.get("/").status == 200


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["GET", "HEAD", "POST", "PUT"]),
    st.one_of(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
        st.from_regex(r"(_demo/(products/)?|pictures/|www\.musinsa\.com/products/|www\.ssfshop\.com/)[ -~]{0,20}"),
    ),
    st.binary(max_size=30),
)
def test_any_request_has_an_answer(demo: DemoCatalogue, method: str, path: str, body: bytes) -> None:
    stocks = Stocks(demo)
    control = Control(demo, stocks, {site: DemoShop(site, demo, stocks) for site in SITES})
    answer = control.answer(Request.of(method, "127.0.0.1:1", "/" + path, {}, body))
    assert answer.status in (200, 301, 404, 405, 422)


@pytest.mark.parametrize(
    "target", ["/pictures/../catalogue.json", "/catalogue.json", "/pictures/%2e%2e/catalogue.json", "//etc/passwd"]
)
def test_only_the_catalogues_pictures_are_files_that_can_be_had(client: Client, target: str) -> None:
    answer = client.get(target)
    assert answer.status == 404


@pytest.mark.parametrize("file", ["pictures/none.jpg", "../outside.jpg"])
def test_a_catalogue_with_a_picture_that_is_not_its_own_is_refused(tmp_path: Path, file: str) -> None:
    catalogue = make_demo(tmp_path / "demo")
    (tmp_path / "outside.jpg").write_bytes(b"x")
    picture = DemoPicture(file, "packshot")
    products = (replace(catalogue.products[0], pictures=(picture,)), *catalogue.products[1:])
    with pytest.raises(ValueError, match=f"upper-01: {file} is not a file of the catalogue"):
        DemoServer(replace(catalogue, products=products))


# Settings


def test_both_forms_of_the_settings_lead_every_host_here(client: Client) -> None:
    url = client.server.url
    table = tomllib.loads(client.get("/_demo/lookbook.toml").data.decode())
    assert table == tomllib.loads(as_toml(url))
    for code, shop in SHOPS.items():
        assert table["shops"][code]["hosts"] == dict.fromkeys((*shop.page_hosts, *shop.image_hosts), url)
    script = as_environment(url) + 'printf %s "$LOOKBOOK_SHOPS__SSF__HOSTS"'
    said = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout
    assert json.loads(said) == table["shops"]["ssf"]["hosts"]


def test_settings_name_the_server_as_whoever_asks_does(client: Client) -> None:
    port = client.server.url.rpartition(":")[2]
    for host in (f"localhost:{port}", f"192.0.2.7:{port}", "[2001:db8::7]:80", "192.0.2.7"):
        assert f'"http://{host}"' in client.get("/_demo/lookbook.toml", host).data.decode()
    page = client.get("/").data.decode()
    assert f"curl -s {client.server.url}/_demo/lookbook.toml &gt; lookbook.toml" in page


def test_the_shop_needs_no_renderer() -> None:
    heavy = ("torch", "anny", "cv2", "scipy", "PIL")
    code = f"import sys, studio.shop.server; print([name for name in {heavy} if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_musinsa_details_are_served_at_the_addresses_that_the_page_names(client: Client, demo: DemoCatalogue) -> None:
    product = shop_of("musinsa", demo).product(0)
    answer = client.get(musinsa_goods.detail_path(product.details[0]), "image.msscdn.net")
    assert answer.data == demo.path(demo.products[0].details[0]).read_bytes()
