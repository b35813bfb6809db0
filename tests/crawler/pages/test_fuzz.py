"""Whatever a shop sends, a page object gives a valid ParsedPage or raises Rejected or Gone: nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from web_poet import HttpResponse

from crawler.captures import page_classes
from crawler.errors import Gone, Rejected
from crawler.pages.base import ParsedPage
from tests.crawler.pages.synthetic import (
    INFORMATION_TAB,
    MUSINSA_CALL,
    MUSINSA_PRODUCT,
    PLP_V1,
    SIZE_INPUTS,
    SSF_FRAGMENT,
    SSF_LIST,
    SSF_PRODUCT,
    card,
    goods,
    grid,
    list_page,
    next_page,
    plp,
    row,
    ssf_product,
    state_page,
    success,
)

SIZES = {"typeName": "셔츠", "sizes": [{"name": "S", "items": [{"name": "총장", "value": 60.0}]}]}
OPTIONS = {"basic": [{"name": "컬러", "displayType": "COLOR_CHIP", "optionValues": [{"name": "블랙"}]}]}
TABS = {"curationTabs": [{"curationType": "OTHER_COLOR", "curationGoodsList": [{"goodsNo": 2, "goodsName": "b"}]}]}
CATEGORY = "https://www.musinsa.com/category/001/goods"
QUERY = {"queryKey": ["001", {}], "state": {"data": {"pages": [plp(row())]}}}
TREE = {"queryKey": ["category/Category"], "state": {"data": {"categoryCode": "001", "categoryTitle": "상의"}}}
JSON_PAGES: dict[str, Any] = {
    MUSINSA_CALL: success(goods()),
    PLP_V1: plp(row(), row(7000009), nextPageUrl="https://api.musinsa.com/x"),
    f"{MUSINSA_CALL}/actual-size": success(SIZES),
    f"{MUSINSA_CALL}/options": success(OPTIONS),
    f"{MUSINSA_CALL}/curation/other-color": success(TABS),
    CATEGORY: {"dehydratedState": {"queries": [QUERY, TREE]}},
}
SITEMAP = "<urlset><url><loc>https://www.musinsa.com/products/7000001</loc></url></urlset>"
TEXT_PAGES: dict[str, str] = {
    MUSINSA_PRODUCT: state_page(goods()) + next_page({"meta": success(goods())}),
    SSF_PRODUCT: ssf_product(sizes=SIZE_INPUTS, extra=INFORMATION_TAB),
    SSF_LIST: list_page(grid(card(), card("GRSY26010100002"))),
    SSF_FRAGMENT: grid(card(classes="god-item soldout")),
    "https://www.musinsa.com/sitemap-musinsa-index.xml": SITEMAP,
    "https://www.ssfshop.com/robots.txt": "User-agent: *\nDisallow: /\nCrawl-delay: 1\nSitemap: https://x/y.xml",
}
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        [[], {}, [None], [[]], {"a": {}}, "\ud800", "\x00", "9" * 5000, 10**40, -1, "../..", "https://[::1"]
    ),
)


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value."""
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from paths(child, (*path, key))


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(copy[path[0]], path[1:], new)
    return copy


def check(url: str, body: bytes) -> None:
    """Every page object registered for the address reads the body, and its records survive a round trip."""
    for page in page_classes(url):
        try:
            parsed = page(response=HttpResponse(url, body)).parse()
        except (Rejected, Gone) as error:
            assert error.reason
            assert error.reason == error.reason.lower()
            continue
        assert isinstance(parsed, ParsedPage)
        for record in parsed.records:
            assert type(record).model_validate_json(record.model_dump_json()) == record


@settings(max_examples=250, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.data())
def test_retyped_json(data: st.DataObject) -> None:
    url = data.draw(st.sampled_from(sorted(JSON_PAGES)))
    value = JSON_PAGES[url]
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(sorted(paths(value), key=repr)))
        value = replaced(value, path, data.draw(JUNK))
    text = next_page(value) if url == CATEGORY else json.dumps(value)
    check(url, text.encode(errors="surrogatepass"))


@settings(max_examples=250, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.data())
def test_cut_and_spliced_pages(data: st.DataObject) -> None:
    url = data.draw(st.sampled_from(sorted(TEXT_PAGES)))
    body = TEXT_PAGES[url].encode()
    start = data.draw(st.integers(0, len(body)))
    length = data.draw(st.integers(0, 200))
    junk = data.draw(
        st.one_of(
            st.binary(max_size=20),
            st.sampled_from(
                [b"<ul>", b"</div>", b'"', b"'>", b"&#0;", b" {x=1 ", b"<i {}b=2>", b"\x01", b"\xed\xa0\x80"]
            ),
        )
    )
    check(url, body[:start] + junk + body[start + length :])
    check(url, body[:start])


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted({*JSON_PAGES, *TEXT_PAGES})), st.sampled_from(sorted({*JSON_PAGES, *TEXT_PAGES})))
def test_a_page_at_another_pages_address(url: str, other: str) -> None:
    body = TEXT_PAGES[other] if other in TEXT_PAGES else json.dumps(JSON_PAGES[other])
    check(url, body.encode())
