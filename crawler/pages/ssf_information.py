"""SSF's product-information tab, from a page after JavaScript: detail pictures, text, material, measured sizes.

The contract that must not break: pictures come from `#godsTabView div.gods-detail-img` alone, because the tab's other
parts show recommended products; sizes never from `#goodsMySizeList`, which holds reviewers' bodies (section 2.3).
"""

from __future__ import annotations

import re

from parsel import Selector
from web_poet import handle_urls

from crawler.errors import Rejected
from crawler.pages.base import InformationPage, ParsedPage
from crawler.pages.documents import html
from crawler.pages.fields import one_line
from crawler.pages.image_addresses import images, images_within, ssf_image
from crawler.pages.ssf_addresses import SHOP, product_url, slug_in
from crawler.pages.ssf_product import page_number
from crawler.pages.texts import text_within, without_contacts
from crawler.records import Information, Measurements
from crawler.shops import SSF

_MEASURE = re.compile(r"총\s*기?장|어깨|가슴|허리|엉덩이|힙|소매|화장|밑위|밑단|허벅지|암홀|목둘레|단면|둘레|너비")
_BODY = re.compile(r"신체|몸무게|체중|신장|키\s*\(")
_MATERIAL = re.compile(r"소재|혼용률|겉감|안감|충전재|재질")
_CM = re.compile(r"\s*([0-9]{1,3}(?:\.[0-9]{1,2})?)\s*(?:cm)?\s*\Z", re.IGNORECASE)
_MAX_CELLS = 100


# The plain product page has the same address; the priority keeps the two rules apart in web-poet's registry.
@handle_urls("ssfshop.com/*/good|", instead_of=InformationPage, priority=400)
class SsfInformationPage(InformationPage):
    """The information tab of a product."""

    def parse(self) -> ParsedPage:
        text = self.body_text()
        tree = html(text)
        if not has_information(tree):
            raise Rejected("no-information", "looked for #godsTabView div.gods-detail-img: is the page rendered?")
        number = page_number(text, self.address)
        pictures = [
            ssf_image(url)
            for part in tree.css("#godsTabView div.gods-detail-img")
            for url in images_within(part, SSF.url + "/")
        ]
        texts = [
            text_within(part) for part in tree.css("#godsTabView .gods-detail-desc, #godsTabView div.gods-detail-img")
        ]
        record = Information(
            shop=SHOP,
            url=product_url(_brand(tree) or slug_in(self.address), number),
            product_no=number,
            material=_material(tree),
            measurements=_measurements(tree),
            detail_text=without_contacts("\n".join(text for text in texts if text)),
            images=images(None, (), pictures),
        )
        return ParsedPage(records=(record,))


def has_information(tree: Selector) -> bool:
    """Whether a page holds the rendered tab."""
    return bool(tree.css("#godsTabView div.gods-detail-img"))


def _brand(tree: Selector) -> str | None:
    return one_line(tree.css("h2.brand-name").xpath("string()").get(), 200)


def _material(tree: Selector) -> dict[str, tuple[str, ...]]:
    """Rows of the information table whose heading speaks of material; makers and contacts are never read."""
    material: dict[str, tuple[str, ...]] = {}
    for row in tree.css("#godsTabView .tbl-info tr, #godsTabView .gods-detail-desc tr"):
        headings, cells = row.css("th"), row.css("td")
        for heading, cell in zip(headings, cells, strict=False):
            name = one_line(heading.xpath("string()").get(), 80)
            value = without_contacts(cell.xpath("string()").get(""), 500)
            if name and value and _MATERIAL.search(name):
                material.setdefault(name, (" ".join(value.split()),))
    return material


def _measurements(tree: Selector) -> Measurements:
    """The first table of garment measures in the tab, whichever way round it is written; {} where there is none."""
    for table in tree.xpath("//*[@id='godsTabView']//table[not(ancestor-or-self::*[@id='goodsMySizeList'])]"):
        rows = [
            [one_line(cell.xpath("string()").get(), 80) or "" for cell in row.xpath("./th|./td")[:_MAX_CELLS]]
            for row in table.css("tr")[:_MAX_CELLS]
        ]
        rows = [row for row in rows if len(row) > 1]
        if len(rows) < 2 or any(_BODY.search(cell) for row in rows for cell in (row[0], *rows[0])):
            continue
        across = sum(1 for cell in rows[0][1:] if _MEASURE.search(cell))
        down = sum(1 for row in rows[1:] if _MEASURE.search(row[0]))
        if across or down:
            return _table(rows if across >= down else _turned(rows))
    return {}


def _turned(rows: list[list[str]]) -> list[list[str]]:
    width = min(len(row) for row in rows)
    return [[row[column] for row in rows] for column in range(width)]


def _table(rows: list[list[str]]) -> Measurements:
    """Rows of sizes under a heading of measures, as numbers of cm; None for what is no positive number."""
    table: Measurements = {}
    for row in rows[1:]:
        if not row[0]:
            continue
        values = {name: _cm(cell) for name, cell in zip(rows[0][1:], row[1:], strict=False) if _MEASURE.search(name)}
        table.setdefault(row[0], values)
    return table


def _cm(text: str) -> float | None:
    match = _CM.match(text)
    return float(match[1]) or None if match else None
