"""MUSINSA's category lists: the page with its embedded Next.js state, and the plp calls v1 and v2 behind the scroll.

Paging (specification of the shops, section 1.2): `nextPageUrl` is followed as it stands, because a v2 address made by
hand is refused; it keeps coming after the end, so an empty list is the end.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from web_poet import handle_urls

from crawler.errors import Rejected
from crawler.pages.base import ListPage, ParsedPage
from crawler.pages.documents import json_object
from crawler.pages.fields import (
    Json,
    category_code,
    each_once,
    flag_of,
    number_of,
    object_of,
    one_line,
    required_name,
    required_number,
    rows_of,
    sexes,
    text_of,
)
from crawler.pages.image_addresses import images, musinsa_image
from crawler.pages.musinsa_json import SHOP, next_data, product_url
from crawler.pages.prices import krw
from crawler.records import Listing, Rejection

_CATEGORY_IN_PATH = re.compile(r"/category/([0-9]{3,12})(?:/|\Z)")


@handle_urls("musinsa.com/category/*/goods", instead_of=ListPage)
class MusinsaListPage(ListPage):
    """The first page of a category: products in `__NEXT_DATA__`, under the query whose key is the category."""

    def parse(self) -> ParsedPage:
        state = next_data(self.body_text())
        if state is None:
            raise Rejected("no-page-data", "looked for a script __NEXT_DATA__")
        category = _CATEGORY_IN_PATH.search(urlsplit(self.address).path)
        code = category[1] if category else None
        for query in rows_of(object_of(state, "dehydratedState"), "queries"):
            key = query.get("queryKey")
            if code and isinstance(key, list) and key and key[0] == code:
                pages = rows_of(object_of(object_of(query, "state"), "data"), "pages")
                return _joined([parsed_list(object_of(page, "data"), self.address, code) for page in pages])
        raise Rejected("not-a-list", f"looked for a query of category {code} in __NEXT_DATA__")


@handle_urls("api.musinsa.com/api2/dp/*/plp/goods|", instead_of=ListPage)
class MusinsaListCall(ListPage):
    """A further page of a category as JSON."""

    def parse(self) -> ParsedPage:
        answer = json_object(self.body_text())
        if text_of(object_of(answer, "meta"), "result") not in (None, "SUCCESS"):
            meta = object_of(answer, "meta")
            raise Rejected("shop-error", f"{text_of(meta, 'errorCode', 80)}: {text_of(meta, 'message', 200)}")
        query = dict(parse_qsl(urlsplit(self.address).query))
        return parsed_list(object_of(answer, "data"), self.address, category_code(query.get("category")))


def parsed_list(data: Json, url: str, category: str | None) -> ParsedPage:
    """The listings of one plp answer's `data`; rows that lack what is required become rejections.

    Adverts (`isAd`) and banners (neither number nor name) are not products of the category and are left out.
    Raises Rejected `not-a-list` where there is no list.
    """
    rows = data.get("list")
    if not isinstance(rows, list):
        raise Rejected("not-a-list", "looked for data.list")
    records: list[Listing | Rejection] = []
    for row in rows:
        if not isinstance(row, dict):
            records.append(
                Rejection(shop=SHOP, url=url, reason="not-a-row", detail=f"a {type(row).__name__} in the list")
            )
        elif not flag_of(row, "isAd") and (row.get("goodsNo") is not None or row.get("goodsName") is not None):
            records.append(_record(row, url, category))
    pagination = object_of(data, "pagination")
    total = number_of(pagination, "totalCount")
    return ParsedPage(
        records=tuple(records),
        next_url=_next_url(pagination, url) if rows else None,
        total=int(total) if total is not None and total >= 0 else None,
    )


def _record(row: Json, url: str, category: str | None) -> Listing | Rejection:
    try:
        return _listing(row, category)
    except Rejected as error:
        number = one_line(row.get("goodsNo"), 40)
        return Rejection(shop=SHOP, url=url, product_no=number, reason=error.reason, detail=error.detail)


def _listing(row: Json, category: str | None) -> Listing:
    number = required_number(row, "goodsNo")
    name = required_name(row, "goodsName")
    sale_price = krw(row.get("price"))
    if sale_price is None and row.get("price") is not None:
        raise Rejected("bad-price", f"price is {one_line(str(row['price'])[:80], 80)}")
    coupon = krw(row.get("couponPrice"))
    final = krw(row.get("finalPrice"))
    return Listing(
        shop=SHOP,
        url=product_url(number),
        product_no=number,
        name=name,
        brand=text_of(row, "brandName", 200),
        brand_code=text_of(row, "brand", 200),
        category_codes=(category,) if category else (),
        sex=sexes(row.get("displayGenderText")),
        list_price=krw(row.get("normalPrice")),
        sale_price=sale_price,
        final_price=next((price for price in (final, coupon, sale_price) if price is not None), None),
        sold_out=flag_of(row, "isSoldOut"),
        labels=each_once(
            [text_of(label, "code", 80) or text_of(label, "title", 80) for label in rows_of(row, "infoLabelList")]
        ),
        images=images(musinsa_image(row.get("thumbnail")), ()),
    )


def _next_url(pagination: Json, url: str) -> str | None:
    given = text_of(pagination, "nextPageUrl")
    if given:
        following = urljoin(url, given)
        return following if following.startswith(("http://", "https://")) and following != url else None
    parts = urlsplit(url)
    if "/dp/v1/" not in parts.path or pagination.get("hasNext") is False:
        return None
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    page = query.get("page", "1")
    if not (page.isascii() and page.isdigit() and len(page) < 7):
        return None
    return parts._replace(query=urlencode({**query, "page": str(int(page) + 1)}), fragment="").geturl()


def _joined(pages: list[ParsedPage]) -> ParsedPage:
    """Several plp answers of one page as one; the last says where the list goes on."""
    if not pages:
        raise Rejected("not-a-list", "the category's query holds no pages")
    records = tuple(record for page in pages for record in page.records)
    return ParsedPage(records=records, next_url=pages[-1].next_url, total=pages[-1].total)
