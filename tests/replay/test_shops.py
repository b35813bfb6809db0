"""The synthetic shops' contract: every product listed once, at addresses that are answered as the real shops do."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from studio.shop import musinsa_goods
from tests.replay import SELLER_CONTACTS, ReplayServer, SyntheticShop
from tests.replay.client import Client, picture_urls
from tests.replay.pictures import BOMB_SIDE, hostile, render
from tests.replay.products import HOSTILE

SHOPS = {"musinsa": SyntheticShop("musinsa", 400), "ssf": SyntheticShop("ssf", 400)}


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with ReplayServer(*SHOPS.values()) as server:
        yield Client(server)


def next_data(page: bytes) -> dict[str, Any]:
    match = re.search(rb'<script id="__NEXT_DATA__"[^>]*>(.*?)</script>', page, re.DOTALL)
    assert match
    return dict(json.loads(match[1]))


def musinsa_pages(client: Client, code: str) -> Iterator[dict[str, Any]]:
    queries = next_data(client.get(f"https://www.musinsa.com/category/{code}/goods?gf=A").data)
    found = [q for q in queries["props"]["pageProps"]["dehydratedState"]["queries"] if q["queryKey"][0] == code]
    page = found[0]["state"]["data"]["pages"][0]["data"]
    while page["list"]:
        yield page
        page = client.get(page["pagination"]["nextPageUrl"]).json()["data"]
    yield page


# Catalogue


@given(st.sampled_from(["musinsa", "ssf"]), st.integers(0, 2**32), st.integers(0, 3 * 10**6 - 1))
def test_a_number_leads_back_to_its_index_and_does_not_depend_on_the_size(shop: str, seed: int, index: int) -> None:
    large = SyntheticShop(shop, 3 * 10**6, seed)
    number = large.number(index)
    assert large.index(number) == index
    assert SyntheticShop(shop, index + 1, seed).number(index) == number
    assert SyntheticShop(shop, index, seed).index(number) is None


@given(st.text(max_size=20))
def test_a_number_that_the_shop_never_gave_has_no_index(text: str) -> None:
    for shop in SHOPS.values():
        index = shop.index(text)
        assert index is None or shop.number(index) == text


@pytest.mark.parametrize("shop", ["musinsa", "ssf"])
def test_a_catalogue_holds_what_the_crawler_has_to_survive(shop: str) -> None:
    catalogue = SyntheticShop(shop, 2000)
    expected = catalogue.expected()
    products = list(expected.products.values())
    flaws = {product.flaw for product in products}
    assert flaws >= {None, "missing-price", "set", "kids", "skort", "no-pictures"}
    assert expected.gone
    assert set(expected.rejected.values()) == {"missing-name"}
    assert {product.garment_class for product in products} >= {"upper", "lower", "dress", "outer", "none"}
    assert 0.04 < sum(len(product.listed_in) == 2 for product in products) / len(products) < 0.12
    made = [catalogue.product(index) for index in range(2000)]
    assert {len(product.group) for product in made} >= {1, 2, 3, 4}
    assert 0.5 < sum(not product.material for product in made) / len(made) < 0.8
    assert any(0.0 in row.values() for product in made for row in product.measurements.values())
    assert any(len(set(p.prices)) == 4 for p in made if p.prices)
    assert any(product.sold_out for product in made)


def test_colours_of_a_garment_name_each_other_and_share_category_and_brand() -> None:
    shop = SHOPS["musinsa"]
    for index in range(len(shop)):
        product = shop.product(index)
        others = [other for other in map(shop.find, product.group) if other]
        assert shop.gone(index) or product.number in product.group
        assert {(shop.category(other.index), other.brand) for other in others} <= {
            (shop.category(index), product.brand)
        }
        assert len({other.colour for other in others}) == len(others)


@pytest.mark.parametrize("shop", ["musinsa", "ssf"])
def test_a_later_day_changes_prices_and_adds_and_removes_products(shop: str) -> None:
    first = SyntheticShop(shop, 1000)
    later = first.change(2)
    before, after = first.expected(sold_out=True), later.expected(sold_out=True)
    both = before.products.keys() & after.products.keys()
    changed = sum(before.products[number].sale_price != after.products[number].sale_price for number in both)
    assert after.products.keys() - before.products.keys()
    assert before.products.keys() - after.products.keys()
    assert 0 < changed < len(both) * 0.15
    assert any(before.products[number].sold_out != after.products[number].sold_out for number in both)
    assert all(before.products[number].name == after.products[number].name for number in both)
    assert first.expected(sold_out=True) == before
    removed = next(iter(before.products.keys() - after.products.keys()))
    assert first.find(removed) is not None
    assert later.find(removed) is None


def test_a_shop_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="no synthetic shop 'eql'"):
        SyntheticShop("eql")


# Lists


@pytest.mark.parametrize("code", ["001", "003002", "100"])
def test_musinsa_paging_ends_with_an_empty_list_and_shows_every_product_once(client: Client, code: str) -> None:
    shop = SHOPS["musinsa"]
    *pages, end = musinsa_pages(client, code)
    rows = [row for page in pages for row in page["list"]]
    numbers = [str(row["goodsNo"]) for row in rows if not row["isAd"]]
    assert numbers == [shop.number(index) for index in shop.members(code, sold_out=False)]
    assert len(set(numbers)) == len(numbers)
    assert end["list"] == []
    assert "nextPageUrl" in end["pagination"]
    adverts = [row for row in rows if row["isAd"]]
    assert any("goodsName" not in row for row in adverts)
    assert not any(
        shop.listed_in(shop.index(str(row["goodsNo"])) or 0)[0].startswith(code) for row in adverts if "goodsNo" in row
    )


def test_musinsa_shows_sold_out_products_only_when_asked(client: Client) -> None:
    shop = SHOPS["musinsa"]
    call = "https://api.musinsa.com/api2/dp/v1/plp/goods?caller=CATEGORY&category=0&size=100"
    numbers = []
    for page in range(1, 10):
        rows = client.get(f"{call}&isSoldOut=true&page={page}").json()["data"]["list"]
        numbers += [row for row in rows if not row["isAd"]]
    assert {row["goodsNo"] for row in numbers if row["isSoldOut"]}
    assert len(numbers) == len(shop.members("0"))


def test_musinsa_calls_are_refused_as_the_shop_refuses_them(client: Client) -> None:
    call = "https://api.musinsa.com/api2/dp/v2/plp/goods?category=001&size=60"
    assert client.get(f"{call}&page=1").status == 400
    assert client.get(f"{call}&caller=CATEGORY&page=1").status == 200
    refused = client.get(f"{call}&caller=CATEGORY&page=2")
    assert (refused.status, refused.json()["meta"]["message"]) == (403, "잘못된 접근입니다")
    following = client.get(f"{call}&caller=CATEGORY&page=1").json()["data"]["pagination"]["nextPageUrl"]
    assert client.get(following).status == 200
    assert client.get(following.replace("page=2", "page=3")).status == 403


@pytest.mark.parametrize("code", ["SFMA41A04", "SFMA41", "SFMA42A01"])
def test_ssf_page_and_fragments_show_every_product_once_sold_out_ones_last(client: Client, code: str) -> None:
    shop = SHOPS["ssf"]
    text = client.get(f"https://www.ssfshop.com/Any/list?dspCtgryNo={code}").data.decode()
    last = int(re.findall(r'id="page_last" pageNo="(\d+)"', text)[0])
    inside = client.get(f"https://www.ssfshop.com/selectProductList?dspCtgryNo={code}&currentPage=1").data.decode()
    assert inside in text
    for page in range(2, last + 2):
        text += client.get(
            f"https://www.ssfshop.com/selectProductList?dspCtgryNo={code}&currentPage={page}"
        ).data.decode()
    cards = re.findall(r'<li data-prdno="(\w+)"[^>]* class="god-item( soldout)?"', text)
    assert [number for number, _ in cards] == [shop.number(index) for index in shop.members(code)]
    states = [bool(sold) for _, sold in cards]
    assert states == sorted(states)


def test_sitemaps_lead_to_every_product_and_category(client: Client) -> None:
    index = client.get("https://www.musinsa.com/sitemap-musinsa-index.xml").data.decode()
    products = "".join(client.get(url).data.decode() for url in re.findall(r"<loc>(.*?)</loc>", index))
    assert len(re.findall(r"<loc>https://www.musinsa.com/products/\d+</loc>", products)) == 400
    categories = client.get("https://www.ssfshop.com/sitemap_category.xml").data.decode()
    assert "list?dspCtgryNo=SFMA41A06<" in categories


# Products and pictures


def test_musinsa_products_are_there_in_both_embeddings_gone_ones_are_not(client: Client) -> None:
    shop = SHOPS["musinsa"]
    expected = shop.expected()
    embeddings = set()
    for number, product in expected.products.items():
        page = client.get(musinsa_goods.link(number)).data
        embeddings.add(
            (b"__MSS__." in page, b"__MSS_FE__." in page, next_data(page)["props"]["pageProps"]["meta"]["data"] is None)
        )
        assert product.name in page.decode()
    assert {(True, False, False), (False, True, False), (False, False, False), (True, False, True)} == embeddings
    for number in expected.gone:
        meta = next_data(client.get(musinsa_goods.link(number)).data)["props"]["pageProps"]["meta"]
        assert (meta["data"], meta["meta"]["errorCode"]) == (None, "DISPLAY_000_0006")


def test_a_state_is_cut_only_by_a_json_decoder_and_holds_a_sellers_contacts(client: Client) -> None:
    shop = SHOPS["musinsa"]
    product = next(p for p in map(shop.product, range(400)) if shop.find(p.number) and p.index % 20 == 0)
    page = client.get(musinsa_goods.link(product.number)).data.decode()
    start = page.index("product.state = ") + len("product.state = ")
    state, _ = json.JSONDecoder().raw_decode(page[start:])
    assert "};" in json.dumps(state, ensure_ascii=False)
    assert set(state["company"].values()) == set(SELLER_CONTACTS)
    assert state == client.get(f"https://goods-detail.musinsa.com/api2/goods/{product.number}").json()["data"]


def test_musinsa_product_calls_agree_with_the_catalogue(client: Client) -> None:
    shop = SHOPS["musinsa"]
    for index in range(60):
        product = shop.product(index)
        if shop.gone(index):
            continue
        call = f"https://goods-detail.musinsa.com/api2/goods/{product.number}"
        sizes = client.get(f"{call}/actual-size").json()["data"]
        told = (
            {s["name"]: {item["name"]: item["value"] for item in s["items"]} for s in sizes["sizes"]} if sizes else {}
        )
        assert told == product.measurements
        tabs = client.get(f"{call}/curation/other-color").json()["data"]["curationTabs"]
        numbers = [str(goods["goodsNo"]) for tab in tabs for goods in tab["curationGoodsList"]]
        assert numbers == (list(product.group) if len(product.group) > 1 else [])
        basic = client.get(f"{call}/options?goodsSaleType=SALE&optKindCd=CLOTHES").json()["data"]["basic"]
        assert [value["name"] for value in basic[1]["optionValues"]] == [size for size, _ in product.sizes]


def test_ssf_products_name_their_price_and_fill_the_tab_by_script_only(client: Client) -> None:
    shop = SHOPS["ssf"]
    expected = shop.expected()
    for number, product in expected.products.items():
        page = client.get(f"https://www.ssfshop.com/x/{number}/good").data.decode()
        assert product.name in page
        assert 'id="godsTabView"' not in page
        assert "gods-detail-img" not in page
        if product.sale_price is not None:
            assert f'<em class="price">{product.sale_price:,}</em>' in page
        information = client.get(f"https://www.ssfshop.com/public/goods/detail/{number}/information").data.decode()
        assert "gods-detail-img" in information
    assert {client.get(f"https://www.ssfshop.com/x/{number}/good").status for number in expected.gone} == {404}


@pytest.mark.parametrize("shop", ["musinsa", "ssf"])
def test_pictures_decode_at_their_size_and_equal_contents_are_equal_bytes(client: Client, shop: str) -> None:
    contents: dict[object, set[bytes]] = {}
    formats = set()
    for picture, url in picture_urls(SHOPS[shop], range(120)):
        data = client.get(url).data
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            assert image.size == picture.size
            formats.add((image.format, url.split("?")[0].rpartition(".")[2]))
        contents.setdefault(picture.content, set()).add(data)
    assert all(len(data) == 1 for data in contents.values())
    assert len({next(iter(data)) for data in contents.values()}) == len(contents)
    assert formats >= {("JPEG", "jpg"), ("WEBP", "jpg")}


def test_a_500_wide_picture_is_smaller_and_an_old_address_is_not_found(client: Client) -> None:
    shop = SHOPS["musinsa"]
    product = next(p for p in map(shop.product, range(400)) if p.pictures and not shop.gone(p.index))
    path = musinsa_goods.main_path(product, product.pictures[0])
    with Image.open(io.BytesIO(client.get(f"https://image.msscdn.net{path}").data)) as image:
        assert image.width == 500
    old = path.replace(product.pictures[0].address, "20010101000000")
    assert client.get(f"https://image.msscdn.net{old}").status == 404


def test_detail_pictures_of_both_shops_are_served(client: Client) -> None:
    for shop, address in (
        ("musinsa", "https://image.msscdn.net/images/prd_img/"),
        ("ssf", "https://img.ssfshop.com/goods/detail/"),
    ):
        details = [each for p in map(SHOPS[shop].product, range(30)) for each in p.details]
        assert {client.get(f"{address}{each.address}.jpg").status for each in details} == {200}


def test_near_duplicates_show_the_same_scene_in_other_bytes() -> None:
    shop = SyntheticShop("ssf", 300)
    pictures = [picture for index in range(300) for picture in shop.product(index).pictures]
    near = next(picture for picture in pictures if picture.quality == 70)
    twin = next(p for p in pictures if (p.scene, p.colour) == (near.scene, near.colour) and p.quality != 70)
    small = [Image.open(io.BytesIO(render(each))).convert("L").resize((16, 16)).tobytes() for each in (near, twin)]
    assert render(near) != render(twin)
    assert max(abs(a - b) for a, b in zip(*small, strict=True)) < 12


def test_hostile_pictures_are_what_their_names_say() -> None:
    files = {name: hostile(name) for name in HOSTILE}
    with Image.open(io.BytesIO(files["cmyk"])) as image:
        assert image.mode == "CMYK"
    with Image.open(io.BytesIO(files["sixteen-bit"])) as image:
        assert image.mode.startswith("I")
    with Image.open(io.BytesIO(files["rotated"])) as image:
        assert (image.size, image.getexif()[0x0112]) == ((800, 600), 6)
    with Image.open(io.BytesIO(files["animation"])) as image:
        assert getattr(image, "n_frames", 1) == 3
    with Image.open(io.BytesIO(files["sheet"])) as image:
        assert image.height > 10 * image.width
    with Image.open(io.BytesIO(files["truncated"])) as image, pytest.raises(OSError, match="truncated"):
        image.load()
    assert int.from_bytes(files["bomb"][16:20]) == int.from_bytes(files["bomb"][20:24]) == BOMB_SIDE
    assert len(files["bomb"]) < 100_000
    assert files["empty"] == b""


def test_the_hostile_share_reaches_the_wire() -> None:
    shop = SyntheticShop("ssf", 80, hostile=1.0, flaws=0)
    with ReplayServer(shop) as server:
        client = Client(server)
        for picture, url in picture_urls(shop, range(80)):
            if picture.hostile in ("html", "svg", "empty", "spacer"):
                answer = client.get(url)
                assert answer.data == hostile(picture.hostile)
                assert answer.headers["Content-Type"].startswith("image/")
