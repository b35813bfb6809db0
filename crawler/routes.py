"""Where each shop keeps its pages: the addresses that a crawl starts from and the further pages of a product."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote

# `file` is a saved page, `row` a row of a page that could not become a record: neither is fetched.
PageKind = Literal[
    "listing", "product", "size_table", "options", "colour_group", "information", "sitemap", "file", "row"
]


@dataclass(frozen=True, slots=True)
class PageAddress:
    """A page that a run wants; `context` (the category asked for, the list card's key) goes with it to the record."""

    kind: PageKind
    url: str
    product_no: str | None = None
    context: dict[str, Any] = field(default_factory=dict)


# Garments only, at the level where one list holds one kind of garment (specification of the shops' category trees).
DEFAULT_CATEGORIES = {
    "musinsa": ("001", "003", "100"),
    "ssf": (*(f"SFMA41A0{step}" for step in range(1, 7)), *(f"SFMA42A0{step}" for step in range(1, 5))),
}
# What a product's own page lacks. `information` needs JavaScript.
DETAIL_KINDS: dict[str, tuple[PageKind, ...]] = {
    "musinsa": ("size_table", "options", "colour_group"),
    "ssf": ("information",),
}
_SITEMAPS = {
    "musinsa": "https://www.musinsa.com/sitemap-musinsa-index.xml",
    "ssf": "https://www.ssfshop.com/sitemap_category.xml",
}
_MUSINSA_CALLS = {
    "size_table": "actual-size",
    "options": "options?goodsSaleType=SALE&optKindCd=CLOTHES",
    "colour_group": "curation/other-color",
}


def listing(shop: str, category: str) -> PageAddress:
    """The first list page of a category; later pages are named by the page before."""
    code = quote(category, safe="")
    url = {
        "musinsa": f"https://www.musinsa.com/category/{code}/goods?gf=A",
        # The slug before /list is decoration: the code decides.
        "ssf": f"https://www.ssfshop.com/category/list?dspCtgryNo={code}",
    }[shop]
    return PageAddress("listing", url, context={"category": category})


def product(shop: str, product_no: str, url: str | None = None, context: dict[str, Any] | None = None) -> PageAddress:
    """A product's own page, at the address that a list gave, else at the one made from its number."""
    number = quote(product_no, safe="")
    made = {
        "musinsa": f"https://www.musinsa.com/products/{number}",
        "ssf": f"https://www.ssfshop.com/x/{number}/good",
    }[shop]
    return PageAddress("product", url or made, product_no, context or {})


def detail(shop: str, kind: PageKind, product_no: str, product_url: str) -> PageAddress:
    """A further page of a product, one of DETAIL_KINDS."""
    if shop == "musinsa":
        number = quote(product_no, safe="")
        url = f"https://goods-detail.musinsa.com/api2/goods/{number}/{_MUSINSA_CALLS[kind]}"
    else:
        url = product_url
    return PageAddress(kind, url, product_no)


def sitemap(shop: str) -> PageAddress:
    return PageAddress("sitemap", _SITEMAPS[shop])
