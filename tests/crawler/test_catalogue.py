"""The catalogue writer: the same records in any order end in the same rows."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import Engine, select

from crawler import frontier, routes
from crawler.catalogue import CatalogueWriter, Scope
from crawler.frontier import Fetched, Frontier
from crawler.pages.base import ParsedPage
from crawler.records import (
    AnyRecord,
    ColourGroup,
    ColourVariant,
    Image,
    Information,
    Listing,
    Product,
    Rejection,
    SizeOption,
    SizeTable,
)
from crawler.routes import PageAddress, PageKind
from db.models import CrawlRun, FrontierPage, ProductImage, Shop
from db.models import Product as ProductRow
from db.session import make_sessions

URL = "https://www.ssfshop.com/x/GM0000000001/good"


@pytest.fixture
def writer(engine: Engine) -> CatalogueWriter:
    with make_sessions(engine).begin() as session:
        session.add(Shop(code="ssf", name="SSF Shop", url="https://www.ssfshop.com"))
        session.flush()
        session.add(CrawlRun(shop="ssf", arguments={}))
    details = routes.DETAIL_KINDS["ssf"]
    return CatalogueWriter(make_sessions(engine), Scope(1, "ssf", None, timedelta(days=7), details))


def store(
    engine: Engine,
    writer: CatalogueWriter,
    kind: PageKind,
    *records: AnyRecord,
    number: str | None = None,
    url: str = URL,
) -> None:
    page = PageAddress(kind, url, number)
    with make_sessions(engine).begin() as session:
        frontier.enqueue(session, 1, [page])
    task = next(task for task in Frontier(engine, 1).waiting(kind) if task.url == url)
    writer.store(task, ParsedPage(records), Fetched())


def product(**changes: Any) -> Product:
    values: dict[str, Any] = {
        "shop": "ssf",
        "url": URL,
        "product_no": "GM0000000001",
        "name": "synthetic tee",
        "garment_class": "upper",
        "sale_price": 1000,
        "images": (image("a", "main", 0), image("b", "gallery", 1)),
    }
    return Product(**values | changes)


def image(name: str, role: Any, position: int) -> Image:
    return Image(url=f"https://img.ssfshop.com/{name}.jpg", role=role, position=position)


def information() -> Information:
    images = (image("b", "detail", 0), image("c", "detail", 1))
    return Information(shop="ssf", url=URL, product_no="GM0000000001", detail_text="text", images=images)


def rows(engine: Engine, model: Any) -> list[Any]:
    with make_sessions(engine)() as session:
        return list(session.scalars(select(model).order_by(model.id)))


def pictures(engine: Engine) -> list[tuple[str, str, int]]:
    found = sorted(rows(engine, ProductImage), key=lambda row: row.position)
    return [(row.url[-5], row.role, row.position) for row in found if row.removed_at is None]


def test_a_picture_of_gallery_and_tab_has_one_role_whatever_came_last(engine: Engine, writer: CatalogueWriter) -> None:
    expected = [("a", "main", 0), ("b", "gallery", 1), ("c", "detail", 3)]
    store(engine, writer, "product", product())
    store(engine, writer, "information", information(), url=URL)
    assert pictures(engine) == expected
    store(engine, writer, "product", product(sale_price=900), url=URL + "?again")
    assert pictures(engine) == expected


def test_pictures_that_the_page_lost_are_kept_as_removed_and_come_back(engine: Engine, writer: CatalogueWriter) -> None:
    store(engine, writer, "product", product())
    store(engine, writer, "product", product(images=(image("a", "main", 0),)), url=URL + "?2")
    assert pictures(engine) == [("a", "main", 0)]
    assert len(rows(engine, ProductImage)) == 2
    store(engine, writer, "product", product(), url=URL + "?3")
    assert pictures(engine) == [("a", "main", 0), ("b", "gallery", 1)]


def test_what_the_page_lacks_does_not_erase_what_its_details_brought(engine: Engine, writer: CatalogueWriter) -> None:
    store(engine, writer, "product", product(sizes=(SizeOption(name="M"),)))
    store(engine, writer, "information", information())
    store(engine, writer, "product", product(sale_price=1, sizes=()), url=URL + "?2")
    (row,) = rows(engine, ProductRow)
    assert (row.detail_text, row.sizes, row.sale_price) == ("text", [], 1)


def test_a_product_that_the_shop_moved_is_gone_and_the_new_one_is_there(
    engine: Engine, writer: CatalogueWriter
) -> None:
    store(engine, writer, "product", product())
    moved = product(product_no="GM0000000002", name="its successor")
    store(engine, writer, "product", moved, number="GM0000000001", url=URL + "?moved")
    states = {row.product_no: row.state for row in rows(engine, ProductRow)}
    assert states == {"GM0000000001": "gone", "GM0000000002": "current"}
    assert [(row.state, row.reason) for row in rows(engine, FrontierPage)][-1] == ("gone", "moved")


def test_a_gone_product_that_is_sold_again_is_current(engine: Engine, writer: CatalogueWriter) -> None:
    store(engine, writer, "product", product())
    writer.give_up(_task(engine, "GM0000000001"), "gone", "http-404", Fetched())
    assert rows(engine, ProductRow)[0].state == "gone"
    store(engine, writer, "product", product(), url=URL + "?back")
    (row,) = rows(engine, ProductRow)
    assert (row.state, row.gone_at) == ("current", None)


def _task(engine: Engine, number: str) -> Any:
    with make_sessions(engine).begin() as session:
        frontier.enqueue(session, 1, [PageAddress("product", URL + "?gone", number)])
    return next(task for task in Frontier(engine, 1).waiting("product") if task.url.endswith("?gone"))


def test_every_rejected_row_is_counted(engine: Engine, writer: CatalogueWriter) -> None:
    rejections = [Rejection(shop="ssf", url=URL, reason="missing-number") for _ in range(5)]
    store(engine, writer, "listing", *rejections)
    assert [row.state for row in rows(engine, FrontierPage) if row.kind == "row"] == ["rejected"] * 5


def test_a_size_table_of_no_known_product_is_a_rejection(engine: Engine, writer: CatalogueWriter) -> None:
    table = SizeTable(shop="ssf", url=URL, product_no="GM0000000009", measurements={"M": {"length": 60.0}})
    store(engine, writer, "size_table", table)
    assert [(row.state, row.reason) for row in rows(engine, FrontierPage)] == [("rejected", "unknown-product")]


def test_colours_share_a_group_whichever_page_comes_first(engine: Engine, writer: CatalogueWriter) -> None:
    numbers = ("GM0000000001", "GM0000000002", "GM0000000003")
    for order in permutations(numbers):
        for number in order:
            others = tuple(other for other in numbers if other != number)
            record = product(product_no=number, colour_products=others, name=f"{number} {order}")
            store(engine, writer, "product", record, number=number, url=f"{URL}?{number}{order}")
        assert {row.colour_group for row in rows(engine, ProductRow)} == {"GM0000000001"}


def test_a_colour_group_call_names_the_same_group(engine: Engine, writer: CatalogueWriter) -> None:
    store(engine, writer, "product", product(product_no="GM0000000005"), number="GM0000000005")
    variants = tuple(ColourVariant(product_no=n, url=URL, name="x") for n in ("GM0000000005", "GM0000000004"))
    store(
        engine, writer, "colour_group", ColourGroup(shop="ssf", url=URL, product_no="GM0000000005", variants=variants)
    )
    assert rows(engine, ProductRow)[0].colour_group == "GM0000000004"


def test_a_sitemap_of_fifty_thousand_products(engine: Engine, writer: CatalogueWriter) -> None:
    cards = [
        Listing(shop="ssf", url=f"{URL}?{number}", product_no=f"GM{number:010d}", name="x") for number in range(50_000)
    ]
    store(engine, writer, "sitemap", *cards, url="https://www.ssfshop.com/sitemap_goods.xml")
    assert Frontier(engine, 1).counts() == (1, 50_001)


def test_a_product_in_two_lists_is_fetched_once_and_remembers_both(engine: Engine, writer: CatalogueWriter) -> None:
    card = Listing(shop="ssf", url=URL, product_no="GM0000000001", name="synthetic tee")
    for category in ("SFMA41A01", "SFMA41A02"):
        page = PageAddress(
            "listing", f"https://www.ssfshop.com/x/list?dspCtgryNo={category}", None, {"category": category}
        )
        with make_sessions(engine).begin() as session:
            frontier.enqueue(session, 1, [page])
        task = next(task for task in Frontier(engine, 1).waiting("listing") if task.url == page.url)
        writer.store(task, ParsedPage((card,)), Fetched())
    (task,) = Frontier(engine, 1).waiting("product")
    writer.store(task, ParsedPage((product(),)), Fetched())
    assert rows(engine, ProductRow)[0].listed_in == ["SFMA41A01", "SFMA41A02"]
