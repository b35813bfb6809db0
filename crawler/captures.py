"""Saved pages read as if they had just been fetched: `lookbook crawl parse SHOP FILE` and `--from-dir`.

The contract that must not break: a file's content never raises; what can't be read becomes one rejection that says why.
Only reading the file itself may fail, with OSError.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from web_poet import HttpResponse, consume_modules, default_registry

from crawler.errors import Gone, Rejected
from crawler.pages import musinsa_json, ssf_addresses
from crawler.pages.base import (
    CategoryPage,
    ColourGroupPage,
    InformationPage,
    ListPage,
    OptionsPage,
    ProductPage,
    RobotsPage,
    ShopPage,
    SitemapPage,
    SizeTablePage,
)
from crawler.pages.documents import html, json_value, looks_like_json, utf8
from crawler.pages.fields import Json, category_code, number_of, object_of, product_number, text_of
from crawler.pages.musinsa_categories import categories_in_csv
from crawler.pages.ssf_information import has_information
from crawler.pages.ssf_list import category_shown
from crawler.pages.ssf_product import own_number
from crawler.records import AnyRecord, GoneProduct, Rejection
from crawler.shops import MUSINSA, SHOPS, Shop

MAX_BYTES = 64 * 2**20
SUFFIXES = (".html", ".htm", ".json", ".csv")
# An address may belong to two kinds of page; the first that matches reads a capture.
_KINDS = (
    ProductPage,
    SizeTablePage,
    OptionsPage,
    ColourGroupPage,
    ListPage,
    CategoryPage,
    SitemapPage,
    RobotsPage,
)
_MUSINSA_CALLS = "https://goods-detail.musinsa.com/api2/goods"
_NUMBER_IN_NAME = re.compile(r"(?<![0-9])([0-9]{4,12})(?![0-9])")

consume_modules("crawler.pages")


@dataclass(frozen=True, slots=True)
class Capture:
    """A saved answer; `url` is None where neither the file nor its content tells the address."""

    path: Path
    url: str | None
    body: bytes
    status: int = 200


def captures_in(folder: Path) -> Iterator[Path]:
    """The saved pages below a folder, sorted by path; no symbolic link is followed out of the folder."""
    root = folder.resolve(strict=True)
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in SUFFIXES and path.is_file() and path.resolve().is_relative_to(root):
            yield path


def read_capture(path: Path, shop: str, url: str | None = None) -> Capture:
    """A file as a capture of a shop's page.

    The address is `url` if given; else what a wrapper `{url, status, body}` says; else the page's canonical link or
    og:url; else made from the content's shape and the number in the content or the file's name.
    Raises Rejected `too-large` over 64 MiB, OSError where the file can't be read.
    """
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise Rejected("too-large", f"{path.name} has {size} bytes, the limit is {MAX_BYTES}")
    capture = Capture(path, url, path.read_bytes())
    if path.suffix.lower() == ".csv":
        return replace(capture, url=url or SHOPS[shop].url)
    text = utf8(capture.body)
    if looks_like_json(text):
        content = json_value(text)
        if isinstance(content, dict):
            capture = _unwrapped(capture, content)
        return replace(capture, url=url or capture.url)
    return capture if url else replace(capture, url=_html_address(text, SHOPS[shop]))


def parse_capture(source: Capture | Path, shop: str, url: str | None = None) -> list[AnyRecord]:
    """The records of a saved page: a product taken out gives a `gone` record, an unusable page one rejection.

    A product page saved after JavaScript gives its `information` record as well. Raises KeyError for an unknown shop
    and OSError for an unreadable file, nothing for any content.
    """
    settings = SHOPS[shop]
    path = source if isinstance(source, Path) else source.path
    address = url or (None if isinstance(source, Path) else source.url)
    try:
        capture = read_capture(source, shop, url) if isinstance(source, Path) else source
        address = url or capture.url
        if path.suffix.lower() == ".csv" and settings == MUSINSA:
            return list(categories_in_csv(capture.body))
        return _parsed(capture, settings, address)
    except Gone as error:
        number = _number_in(settings, address or "")
        if number is not None:
            return [GoneProduct(shop=shop, url=address or "", product_no=number, reason=error.reason)]
        return [_rejection(shop, address, path, error)]
    except Rejected as error:
        return [_rejection(shop, address, path, error)]


def page_classes(url: str) -> tuple[type[ShopPage], ...]:
    """The page objects that web-poet's registry has for an address, the one to read a capture with first."""
    try:
        found = default_registry.overrides_for(url)
    except (ValueError, UnicodeError):
        return ()
    kinds = [found[kind] for kind in (*_KINDS, InformationPage) if kind in found]
    return tuple(page for page in kinds if issubclass(page, ShopPage))


def _parsed(capture: Capture, shop: Shop, url: str | None) -> list[AnyRecord]:
    if url is None:
        raise Rejected(
            "unknown-address", f"{capture.path.name}: neither content nor name tells the address; give --url"
        )
    try:
        host = urlsplit(url).hostname
        if host not in (*shop.page_hosts, *shop.image_hosts):
            raise Rejected("other-shop", f"{host} is no host of {shop.name}")
        response = HttpResponse(url, capture.body, status=capture.status)
        pages = page_classes(url)
    except (ValueError, UnicodeError) as error:
        raise Rejected("bad-address", f"{url[:200]}: {error}") from error
    if not pages:
        raise Rejected("unknown-page", f"no page of {shop.name} has the address {url[:200]}")
    records = list(pages[0](response=response).parse().records)
    if issubclass(pages[0], ProductPage):
        for page in pages[1:]:
            if issubclass(page, InformationPage) and has_information(html(utf8(capture.body))):
                records += page(response=response).parse().records
    return records


def _rejection(shop: str, url: str | None, path: Path, error: Gone | Rejected) -> Rejection:
    number = _number_in(SHOPS[shop], url or "")
    detail = f"{path.name}: {error.detail}" if error.detail else path.name
    return Rejection(shop=shop, url=url or f"file:{path.name}", product_no=number, reason=error.reason, detail=detail)


def _number_in(shop: Shop, url: str) -> str | None:
    return musinsa_json.number_in(url) if shop == MUSINSA else ssf_addresses.number_in(url)


def _unwrapped(capture: Capture, content: Json) -> Capture:
    """A JSON capture with its address, its body taken out of whatever it was saved in."""
    if isinstance(content.get("url"), str) and "body" in content:
        body = content["body"]
        status = number_of(content, "status")
        raw = body.encode(errors="replace") if isinstance(body, str) else _bytes(body)
        return replace(capture, url=text_of(content, "url"), body=raw, status=int(status) if status else 200)
    if isinstance(content.get("robots_txt"), str):
        host = _host(text_of(content, "final_url") or text_of(content, "target_url"))
        return replace(capture, url=f"https://{host}/robots.txt", body=content["robots_txt"].encode(errors="replace"))
    if "queryKey" in content and isinstance(content.get("page0"), dict):
        return replace(capture, url=_list_address(content), body=_bytes(content["page0"]))
    return replace(capture, url=_call_address(capture.path, content))


def _bytes(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode(errors="replace")


def _host(url: str | None) -> str:
    try:
        return urlsplit(url or "").hostname or "www.musinsa.com"
    except ValueError:
        return "www.musinsa.com"


def _list_address(content: Json) -> str | None:
    """The address of MUSINSA's list call, from the key of the query under which a page kept its answer."""
    key = content.get("queryKey")
    code = category_code(key[0]) if isinstance(key, list) and key else None
    if code is None:
        return None
    given = key[1] if isinstance(key, list) and len(key) > 1 and isinstance(key[1], dict) else {}
    query = {"category": code, "caller": "CATEGORY", **{name: str(value) for name, value in given.items() if value}}
    return f"https://api.musinsa.com/api2/dp/v2/plp/goods?{urlencode(query, errors='replace')}"


def _call_address(path: Path, content: Json) -> str | None:
    """The address of a MUSINSA call by the shape of its answer, and the product number in the answer or file name."""
    data = object_of(content, "data")
    named = _NUMBER_IN_NAME.search(path.stem)
    number = (
        product_number(data.get("goodsNo"))
        or product_number(content.get("productID") or content.get("goodsNo"))
        or (named[1] if named else None)
    )
    if isinstance(data.get("list"), list):
        return "https://api.musinsa.com/api2/dp/v2/plp/goods"
    if number is None:
        return None
    if "sizes" in data or "actual" in path.stem.lower():
        return f"{_MUSINSA_CALLS}/{number}/actual-size"
    if "basic" in data:
        return f"{_MUSINSA_CALLS}/{number}/options"
    if "curationTabs" in data:
        return f"{_MUSINSA_CALLS}/{number}/curation/other-color"
    return f"{_MUSINSA_CALLS}/{number}"


def _html_address(text: str, shop: Shop) -> str | None:
    """The address of a saved page: as it says itself, else from the category or number that it shows."""
    tree = html(text)
    named = tree.css("link[rel=canonical]::attr(href)").getall()
    named += tree.css("meta[property='og:url']::attr(content)").getall()
    for url in named:
        if url.strip().startswith(("http://", "https://")) and page_classes(url.strip()):
            return url.strip()
    if shop == MUSINSA:
        return None
    number = own_number(text)
    if number is not None:
        return f"{shop.url}/x/{number}/good"
    code = category_shown(tree)
    if code is None:
        return None
    whole = bool(tree.css("#searchForm"))
    return f"{shop.url}/x/list?dspCtgryNo={code}" if whole else f"{shop.url}/selectProductList?dspCtgryNo={code}"
