"""MUSINSA's addresses: category pages and their paging calls, sitemaps, and the way to products and pictures.

The contract that must not break: every address has an answer, whatever it holds; forms are those of the specification
of the shops, section 1.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from studio.shop import musinsa_goods as goods
from studio.shop.answers import NOT_FOUND, Answer, Request, html, to_json, xml
from studio.shop.product import Picture, Prices, Shop, ShopProduct
from studio.shop.tables import MUSINSA_TOPS

PAGE_HOSTS = ("www.musinsa.com", "api.musinsa.com", "goods-detail.musinsa.com")
IMAGE_HOSTS = ("image.msscdn.net", "image.musinsa.com")
PAGE_SIZE = 60
SITEMAP_SIZE = 500
_MAX_PAGE_SIZE = 100
_SIZED = re.compile(r"_(?P<width>\d{2,3}|big)\.\w+$")
_GOODS_PICTURE = re.compile(r"/(?:detail_)?(?P<number>\d+)_(?P<address>\d{14})_(?:\d{2,3}|big)\.\w+$")
_CONTENT_PICTURE = re.compile(r"/images/prd_img/(?P<address>\d{12}(?P<index>\d{9})\d{2})\.\w+$")
_CALLS: dict[str, Callable[[Shop, str], Answer]] = {
    "": goods.goods,
    "/actual-size": goods.actual_size,
    "/options": goods.options,
    "/v2/options": goods.options,
    "/curation/other-color": goods.other_color,
}


def answer(shop: Shop, request: Request) -> Answer:
    """The shop's answer to a request for one of its page hosts."""
    if request.host == "api.musinsa.com":
        version = re.fullmatch(r"/api2/dp/v([12])/plp/goods", request.path)
        return _list_call(shop, request, int(version[1])) if version else NOT_FOUND
    if request.host == "goods-detail.musinsa.com":
        call = re.fullmatch(r"/api2/goods/(\d+)((?:/[\w/-]+)?)", request.path)
        return _CALLS[call[2]](shop, call[1]) if call and call[2] in _CALLS else to_json({"meta": None}, 404)
    return _page(shop, request)


def _page(shop: Shop, request: Request) -> Answer:
    if product := re.fullmatch(r"/products/(\d+)", request.path):
        return goods.page(shop, product[1])
    if old := re.fullmatch(r"/app/goods/(\d+)", request.path):
        return Answer(b"", status=301, headers={"Location": goods.link(old[1])})
    if category := re.fullmatch(r"/category/(\d{3,9})/goods", request.path):
        return _category_page(shop, category[1], request.query)
    if request.path == "/sitemap-musinsa-index.xml":
        return _sitemap_index(shop)
    if part := re.fullmatch(r"/static/sitemap/sitemap-goods-(\d{1,6})\.xml", request.path):
        return _sitemap(shop, int(part[1]))
    return NOT_FOUND


def picture(shop: Shop, request: Request) -> tuple[Picture, int | None] | None:
    """The picture at an image address and the width asked for (None: as it is); None for an address of no picture."""
    if found := _GOODS_PICTURE.search(request.path):
        product = shop.find(found["number"])
        width = (_SIZED.search(request.path) or {"width": "big"})["width"]
        for candidate in product.pictures if product else ():
            if candidate.address == found["address"]:
                return candidate, None if width == "big" else int(width)
    if found := _CONTENT_PICTURE.search(request.path):
        index = int(found["index"])
        details = shop.product(index).details if index < len(shop) else ()
        return next(((each, None) for each in details if each.address == found["address"]), None)
    return None


# Lists


def _list_call(shop: Shop, request: Request, version: int) -> Answer:
    query = request.query
    if query.get("caller") not in ("CATEGORY", "BRAND", "FLAGSHIP", "SEARCH"):
        meta = {"result": "FAIL", "errorCode": "DISPLAY_000_0001", "message": "합성: caller"}
        return to_json({"meta": meta, "data": None}, 400)
    page = _number(query.get("page", "1"))
    size = _number(query.get("size", str(PAGE_SIZE)))
    if page < 1 or not 1 <= size <= _MAX_PAGE_SIZE:
        return to_json({"meta": {"result": "FAIL", "errorCode": "DISPLAY_000_0002"}, "data": None}, 400)
    if version == 2 and page >= 2 and not hmac.compare_digest(query.get("hmacId", ""), _hmac(shop, query)):
        return to_json({"meta": {"result": "FAIL", "message": "잘못된 접근입니다"}, "data": None}, 403)
    return to_json(_list_page(shop, query, page, size, version))


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0


def _hmac(shop: Shop, query: dict[str, str]) -> str:
    message = urlencode(sorted((name, value) for name, value in query.items() if name != "hmacId"))
    return hmac.digest(str(shop.seed).encode(), message.encode(), hashlib.sha256).hex()


def _list_page(shop: Shop, query: dict[str, str], page: int, size: int, version: int) -> dict[str, Any]:
    code = query.get("category", "")
    members = shop.members(code, query.get("isSoldOut") == "true")
    rows = [_row(shop.product(index), version) for index in members[(page - 1) * size : page * size]]
    if rows:
        rows[min(3, len(rows)) : 0] = _adverts(shop, code, page)
    pagination: dict[str, Any] = {
        "page": page,
        "size": size,
        "totalCount": len(members) + 3,
        "hasNext": page * size < len(members),
        "totalPages": len(members) // size + 2,
    }
    if version == 2:
        pagination["nextPageUrl"] = _next_url(shop, query, code, page + 1, size)
    return {"data": {"list": rows, "pagination": pagination}, "meta": {"result": "SUCCESS"}}


def _next_url(shop: Shop, query: dict[str, str], code: str, page: int, size: int) -> str:
    """The address of the next page, signed; the shop gives one after the last page as well."""
    following = {
        "gf": query.get("gf", "A"),
        "sortCode": query.get("sortCode", "POPULAR"),
        "category": code,
        "size": str(size),
        "testGroup": "",
        "caller": "CATEGORY",
        "page": str(page),
    }
    if query.get("isSoldOut") == "true":
        following["isSoldOut"] = "true"
    following["hmacId"] = _hmac(shop, following)
    return f"https://api.musinsa.com/api2/dp/v2/plp/goods?{urlencode(following)}"


def _row(product: ShopProduct, version: int) -> dict[str, Any]:
    prices = product.prices
    row: dict[str, Any] = {
        "goodsNo": int(product.number),
        "goodsName": product.name,
        "goodsLinkUrl": goods.link(product.number),
        "thumbnail": goods.IMAGES + goods.main_path(product, product.pictures[0]) if product.pictures else "",
        "displayGenderText": goods.gender_text(product),
        "isSoldOut": product.sold_out,
        "normalPrice": prices and prices.list_price,
        "price": prices and prices.sale_price,
        "saleRate": prices.rate if prices else 0,
        "brand": product.brand.code,
        "brandName": product.brand.name,
        "brandLinkUrl": f"https://www.musinsa.com/brand/{product.brand.code}",
        "reviewCount": product.index % 50,
        "reviewScore": 90,
        "isOptionVisible": True,
        "isAd": False,
        "clickTrackers": [],
        "impressionTrackers": [],
        "score": 0,
    }
    return row | (_row_of_v1(product) if version == 1 else _row_of_v2(prices))


def _row_of_v1(product: ShopProduct) -> dict[str, Any]:
    labels = [{"code": code, "title": text, "color": "000000"} for code, text in product.labels]
    return {"infoLabelList": labels, "imageLabelList": [], "snap": None, "isPlusDelivery": False}


def _row_of_v2(prices: Prices | None) -> dict[str, Any]:
    coupon = prices is not None and prices.coupon_price != prices.sale_price
    return {
        "couponPrice": prices.coupon_price if prices and coupon else None,
        "couponSaleRate": 10 if coupon else None,
        "hasOptionPrice": False,
        "extraDiscountAmount": 0,
        "finalPrice": prices and prices.final_price,
        "finalDiscount": 0,
        "isLowestPrice": False,
        "adTooltip": None,
        "usedConditionGrade": None,
    }


def _adverts(shop: Shop, code: str, page: int) -> list[dict[str, Any]]:
    """An advertised product of another category and a banner without a product, in every other page."""
    if page % 2 == 0:
        return []
    others = [category.code for category in shop.categories if not category.code.startswith(code)]
    indices = shop.members(others[page % len(others)]) if others else shop.members(code)[:0]
    banner = {"bannerUrl": "https://www.musinsa.com/campaign/synthetic", "isAd": True, "clickTrackers": ["/t"]}
    if not indices:
        return [banner]
    return [_row(shop.product(indices[page % len(indices)]), 2) | {"isAd": True, "adTooltip": "합성 광고"}, banner]


def _category_page(shop: Shop, code: str, query: dict[str, str]) -> Answer:
    asked = {"gf": query.get("gf", "A"), "category": code, "caller": "CATEGORY"}
    if query.get("isSoldOut") == "true":
        asked["isSoldOut"] = "true"
    listed = _list_page(shop, asked, 1, PAGE_SIZE, 2)
    key = [code, {"gf": asked["gf"], "sortCode": "POPULAR", "size": PAGE_SIZE, "testGroup": ""}]
    queries = [
        {"queryKey": ["category/Category", {"categoryCode": code}], "state": {"data": {"data": _tree(shop, code)}}},
        {"queryKey": key, "state": {"data": {"pages": [listed], "pageParams": [None]}, "status": "success"}},
    ]
    data = {"props": {"pageProps": {"dehydratedState": {"queries": queries}}}, "page": "/category/[code]/goods"}
    script = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
    address = f"https://www.musinsa.com/category/{code}/goods"
    return html(
        f'<!DOCTYPE html><html lang="ko"><head><meta charset="utf-8"/><link rel="canonical" href="{address}"/></head>'
        '<body><div id="__next"></div>'
        f'<script id="__NEXT_DATA__" type="application/json">{script}</script></body></html>'
    )


def _tree(shop: Shop, code: str) -> dict[str, Any]:
    top = code[:3]
    leaves = [
        {
            "categoryCode": category.code,
            "categoryTitle": category.name,
            "hasSubCategory": False,
            "parentCategoryCode": top,
            "categoryList": [],
        }
        for category in shop.categories
        if category.code.startswith(top)
    ]
    return {
        "categoryCode": top,
        "categoryTitle": MUSINSA_TOPS.get(top, "합성"),
        "hasSubCategory": bool(leaves),
        "parentCategoryCode": "",
        "categoryList": leaves,
    }


# Sitemaps


def _sitemap_index(shop: Shop) -> Answer:
    parts = range(1, (len(shop) + SITEMAP_SIZE - 1) // SITEMAP_SIZE + 1)
    address = "https://www.musinsa.com/static/sitemap/sitemap-goods-"
    rows = (f"<sitemap><loc>{address}{part}.xml</loc></sitemap>" for part in parts)
    return xml(
        '<?xml version="1.0" encoding="UTF-8"?><sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
        f"{''.join(rows)}</sitemapindex>"
    )


def _sitemap(shop: Shop, part: int) -> Answer:
    indices = range((part - 1) * SITEMAP_SIZE, min(part * SITEMAP_SIZE, len(shop)))
    if part < 1 or not indices:
        return NOT_FOUND
    rows = (
        f"<url><loc>{goods.link(shop.number(index))}</loc><lastmod>2026-01-01</lastmod></url>"
        for index in indices
        if not shop.removed(index)
    )
    return xml(
        '<?xml version="1.0" encoding="UTF-8"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
        f"{''.join(rows)}</urlset>"
    )
