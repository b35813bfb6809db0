"""Saved pages: where their address comes from, and every captured sample read in full (where there are samples)."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from crawler.captures import MAX_BYTES, captures_in, parse_capture, read_capture
from crawler.errors import Rejected
from crawler.records import AnyRecord
from tests.crawler.pages.synthetic import (
    INFORMATION_TAB,
    MUSINSA_CALL,
    MUSINSA_NO,
    PLP_V2,
    SSF_NO,
    SSF_PRODUCT,
    card,
    goods,
    grid,
    list_page,
    plp,
    row,
    ssf_product,
    state_page,
    success,
)

SAMPLES = Path(__file__).parents[2].parent / "shared" / "samples" / "shops"


def save(folder: Path, name: str, body: object) -> Path:
    path = folder / name
    path.write_text(body if isinstance(body, str) else json.dumps(body), encoding="utf-8")
    return path


def kinds(records: list[AnyRecord]) -> list[str]:
    return [record.kind for record in records]


@pytest.mark.parametrize(
    ("shop", "name", "body", "expected"),
    [
        ("musinsa", "a.json", {"url": MUSINSA_CALL, "status": 200, "body": success(goods())}, ["product"]),
        ("musinsa", "a.json", {"url": MUSINSA_CALL, "status": 200, "body": json.dumps(success(goods()))}, ["product"]),
        ("musinsa", "a.json", {"url": MUSINSA_CALL, "status": 404, "body": "<html></html>"}, ["gone"]),
        ("musinsa", "a.json", {"url": PLP_V2, "status": 200, "body": plp(row())}, ["listing"]),
        ("musinsa", "a.json", {"queryKey": ["001", {"gf": "A"}], "page0": plp(row())}, ["listing"]),
        ("musinsa", "a.json", {"productID": MUSINSA_NO, "data": {"sizes": []}}, ["size_table"]),
        ("musinsa", f"actual_size_{MUSINSA_NO}_shirt.json", success({"sizes": []}), ["size_table"]),
        ("musinsa", f"{MUSINSA_NO}.json", success({"basic": []}), ["options"]),
        ("musinsa", f"{MUSINSA_NO}.json", success({"curationTabs": []}), ["colour_group"]),
        ("musinsa", "a.json", success(goods()), ["product"]),
        ("musinsa", "a.json", {"robots_txt": "User-agent: *\nDisallow: /"}, ["robots"]),
        (
            "musinsa",
            "a.html",
            f'<link rel="canonical" href="https://www.musinsa.com/products/{MUSINSA_NO}">' + state_page(goods()),
            ["product"],
        ),
        ("ssf", "a.html", ssf_product(), ["product"]),
        ("ssf", "a.htm", ssf_product(extra=INFORMATION_TAB), ["product", "information"]),
        ("ssf", "a.html", list_page(grid(card())), ["listing"]),
        ("ssf", "a.html", '<input id="utagCtgr" value="ref_cat:SFMA41A06$set:1$"/>' + grid(card()), ["listing"]),
    ],
)
def test_a_capture_finds_its_own_address(
    tmp_path: Path, shop: str, name: str, body: object, expected: list[str]
) -> None:
    assert kinds(parse_capture(save(tmp_path, name, body), shop)) == expected


def test_a_given_address_goes_before_the_wrappers_own(tmp_path: Path) -> None:
    path = save(
        tmp_path, "a.json", {"url": "https://www.musinsa.com/brand/x", "status": 200, "body": success({"sizes": []})}
    )
    (table,) = parse_capture(path, "musinsa", f"{MUSINSA_CALL}/actual-size")
    assert (table.kind, table.url) == ("size_table", f"https://www.musinsa.com/products/{MUSINSA_NO}")


@pytest.mark.parametrize(
    ("shop", "name", "body", "url", "reason"),
    [
        ("musinsa", "a.html", "<html>hello</html>", None, "unknown-address"),
        ("musinsa", "a.json", "[1, 2]", None, "unknown-address"),
        ("musinsa", "a.json", "{", MUSINSA_CALL, "not-json"),
        ("musinsa", "a.json", success(goods()), "https://www.musinsa.com/brand/x", "unknown-page"),
        ("musinsa", "a.html", ssf_product(), SSF_PRODUCT, "other-shop"),
        ("ssf", "a.html", ssf_product(), "https://[::1", "bad-address"),
        ("ssf", "a.html", "", SSF_PRODUCT, "empty-page"),
        ("musinsa", "a.csv", "one,two\n1,2\n", None, "not-a-category-table"),
        ("musinsa", "a.csv", "", None, "not-a-category-table"),
    ],
)
def test_content_that_cant_be_read_is_one_rejection(
    tmp_path: Path, shop: str, name: str, body: object, url: str | None, reason: str
) -> None:
    (record,) = parse_capture(save(tmp_path, name, body), shop, url)
    assert (record.kind, getattr(record, "reason", None)) == ("rejection", reason)
    assert str(tmp_path) not in record.model_dump_json()


def test_a_rejected_page_keeps_the_product_number_that_was_asked_for(tmp_path: Path) -> None:
    (record,) = parse_capture(save(tmp_path, "a.html", "<html>x</html>"), "ssf", SSF_PRODUCT)
    assert record.model_dump()["product_no"] == SSF_NO


def test_a_file_over_the_limit_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(Rejected, match="too-large"):
        read_capture(path, "ssf")
    assert kinds(parse_capture(path, "ssf")) == ["rejection"]


def test_a_folder_gives_its_pages_sorted_and_nothing_outside(tmp_path: Path) -> None:
    folder, outside = tmp_path / "pages", tmp_path / "outside"
    (folder / "b").mkdir(parents=True)
    outside.mkdir()
    save(outside, "secret.json", "{}")
    for name in ("z.html", "a.JSON", "b/c.htm", "note.txt", "table.csv"):
        save(folder, name, "{}")
    (folder / "link.json").symlink_to(outside / "secret.json")
    (folder / "dir").symlink_to(outside)
    (folder / "inside.json").symlink_to(folder / "z.html")
    names = [str(path.relative_to(folder)) for path in captures_in(folder)]
    assert names == ["a.JSON", "b/c.htm", "inside.json", "table.csv", "z.html"]


# The captured samples. Values were read from the raw files by eye.


def sample(shop: str, name: str) -> list[AnyRecord]:
    path = SAMPLES / shop / name
    if not path.exists():
        pytest.skip("the captured samples are not beside this checkout")
    return parse_capture(path, shop)


def roles(record: Any) -> dict[str, int]:
    return dict(Counter(image.role for image in record.images))


PRODUCTS = {
    "pdp_3684419_dickies_cotton_pants_2025-12.html": (
        "3684419",
        (75000, 63700, 63700),
        ("003", "003007"),
        ("lower", None),
        ("women", "men"),
        ("DK010610BLK", "dickies", "2", None, "3817098"),
        {"main": 1, "gallery": 5, "detail": 15},
    ),
    "detail_2796118_denim_pants.json": (
        "2796118",
        (59000, 39960, 27980),
        ("003", "003002"),
        ("lower", None),
        ("women",),
        ("5000654303", "millioncor", None, None, None),
        {"main": 1, "gallery": 8, "detail": 15},
    ),
    "detail_5134734_long_dress.json": (
        "5134734",
        (39900, 35900, 25130),
        ("100", "100003"),
        ("dress", None),
        ("women",),
        ("5008524879", "twee", None, None, None),
        {"main": 1, "gallery": 2, "detail": 36},
    ),
    "detail_5698175_midi_skirt.json": (
        "5698175",
        (55900, 53110, 53110),
        ("100", "100005"),
        ("lower", None),
        ("women",),
        ("MWFSK5C01-IV", "musinsastandardwoman", "1", 2026, None),
        {"main": 1, "gallery": 5, "detail": 5},
    ),
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_captured_product(name: str) -> None:
    number, prices, codes, verdict, sex, facts, pictures = PRODUCTS[name]
    (product,) = sample("musinsa", name)
    assert product.kind == "product"
    assert (product.product_no, product.url) == (number, f"https://www.musinsa.com/products/{number}")
    assert (product.list_price, product.sale_price, product.final_price) == prices
    assert product.category_codes == codes
    assert (product.garment_class, product.class_reason) == verdict
    assert product.sex == sex
    told = (product.style_no, product.brand_code, product.season, product.season_year, product.colour_group)
    assert told == facts
    assert roles(product) == pictures
    assert [image.position for image in product.images] == list(range(len(product.images)))
    assert (product.sold_out, product.stock_state) == (False, "on_sale")
    raw = (SAMPLES / "musinsa" / name).read_text(encoding="utf-8")
    assert json.dumps(product.name, ensure_ascii=False) in raw


def test_captured_product_material_and_text() -> None:
    (pants,) = sample("musinsa", "detail_2796118_denim_pants.json")
    (dress,) = sample("musinsa", "detail_5134734_long_dress.json")
    assert pants.kind == dress.kind == "product"
    assert {name: len(chosen) for name, chosen in pants.material.items()} == {
        "핏": 1,
        "촉감": 1,
        "신축성": 1,
        "비침": 1,
        "두께": 1,
        "계절": 4,
    }
    assert dress.material == {}
    assert dress.detail_text is not None
    assert dress.detail_text.count("cm") == 4
    assert "\n" in dress.detail_text


@pytest.mark.parametrize(
    ("name", "sizes", "first", "unmeasured"),
    [
        ("6154808_actual-size.json", ["M", "L", "XL"], [59.0, 47.0, 53.5, 19.0], 0),
        ("actual_size_3467384_pants.json", ["S", "M", "L", "XL"], [102.5, 38.0, 56.0, 34.0, 32.0, 27.0], 0),
        ("actual_size_7122627_longsleeve.json", ["M", "L", "XL"], [63.0, 53.0, 54.0, 63.0, None, None, None], 9),
    ],
)
def test_captured_size_table(name: str, sizes: list[str], first: list[float | None], unmeasured: int) -> None:
    (table,) = sample("musinsa", name)
    assert table.kind == "size_table"
    assert table.product_no in name
    assert list(table.measurements) == sizes
    assert list(table.measurements[sizes[0]].values()) == first
    assert sum(value is None for row in table.measurements.values() for value in row.values()) == unmeasured


def test_captured_options_and_colours() -> None:
    (options,) = sample("musinsa", "6154808_options.json")
    (group,) = sample("musinsa", "6154808_other-color.json")
    assert options.kind == "options"
    assert (len(options.colours), [size.name for size in options.sizes]) == (1, ["M", "L", "XL"])
    assert group.kind == "colour_group"
    assert [variant.product_no for variant in group.variants] == ["6154816", "6154812", "6154808", "6154806"]
    assert group.product_no == "6154808"
    assert {variant.sold_out for variant in group.variants} == {False}


def test_captured_list_call() -> None:
    records = sample("musinsa", "plp_list_fragment_002_2026-07-28.json")
    told = [
        (r.product_no, r.list_price, r.sale_price, r.final_price, r.brand_code, r.category_codes, r.sex, len(r.images))
        for r in records
        if r.kind == "listing"
    ]
    assert told == [
        ("5283519", 58500, 46800, 42120, "vanillaknit", ("002",), ("women",), 1),
        ("6314223", 69000, 57270, 40090, "citta", ("002",), ("women",), 1),
        ("6239341", 119000, 83300, 83300, "wellmadecom", ("002",), ("women", "men"), 1),
    ]
    assert len(records) == 3


def test_captured_category_table_and_robots() -> None:
    categories = sample("musinsa", "category_master_2026-04.csv")
    assert set(kinds(categories)) == {"category"}
    assert len({category.code for category in categories if category.kind == "category"}) == len(categories) == 129
    (robots,) = sample("musinsa", "robots_2026-05.json")
    assert robots.kind == "robots"
    assert (robots.allowed, robots.crawl_delay) == (False, None)
    assert robots.sitemaps == ("https://www.musinsa.com/sitemap-musinsa-index.xml",)


def test_captured_ssf_list_page() -> None:
    records = sample("ssf", "list_women_dresses_SFMA41A06_2025-11.html")
    listings = {record.product_no: record for record in records if record.kind == "listing"}
    assert len(records) == len(listings) == 60
    discounted = listings["GRRI25093016039"]
    assert (discounted.list_price, discounted.sale_price) == (192000, 182400)
    plain = listings["GM0025102067515"]
    assert (plain.list_price, plain.sale_price, len(plain.colours)) == (865000, 865000, 2)
    assert listings["GM0025081128966"].url == "https://www.ssfshop.com/JUUN-J/GM0025081128966/good"
    assert listings["GR4N25090827311"].sale_price == 181630
    assert Counter(len(listing.images) for listing in listings.values()) == {2: 57, 1: 3}
    assert sum(listing.list_price != listing.sale_price for listing in listings.values()) == 35
    assert sum(bool(listing.colours) for listing in listings.values()) == 21
    assert sum(bool(listing.labels) for listing in listings.values()) == 4
    for listing in listings.values():
        assert (listing.category_codes, listing.sex, listing.sold_out) == (("SFMA41A06",), ("women",), False)
        assert all(image.url.startswith("https://img.ssfshop.com/goods/") for image in listing.images)
        assert all(listing.product_no in image.url for image in listing.images)


def test_the_inside_of_the_captured_grid_reads_like_the_fragment_call(tmp_path: Path) -> None:
    whole = sample("ssf", "list_women_dresses_SFMA41A06_2025-11.html")
    text = (SAMPLES / "ssf" / "list_women_dresses_SFMA41A06_2025-11.html").read_text(encoding="utf-8")
    fragment = text[text.index('id="goods_container">') + 21 : text.index('<a class="first disabled"')]
    assert parse_capture(save(tmp_path, "fragment.html", fragment), "ssf") == whole
