"""MUSINSA's calls about one product: measured sizes, options, other colours.

Shapes: specification of the shops, section 1.4. `data: null` in a successful answer means that the shop has none.
"""

from __future__ import annotations

from web_poet import handle_urls

from crawler.pages.base import ColourGroupPage, OptionsPage, ParsedPage, SizeTablePage
from crawler.pages.documents import json_object
from crawler.pages.fields import (
    Json,
    each_once,
    flag_of,
    flag_or_none,
    number_of,
    product_number,
    rows_of,
    text_of,
)
from crawler.pages.musinsa_json import SHOP, answer_data, product_url, required_number_in
from crawler.records import ColourGroup, ColourVariant, Measurements, Options, SizeOption, SizeTable

_CALLS = "goods-detail.musinsa.com/api2/goods/*"
_MAX_CM = 1_000


@handle_urls(f"{_CALLS}/actual-size|", instead_of=SizeTablePage)
class MusinsaSizeTable(SizeTablePage):
    """Measured sizes in cm; a value of 0 means not measured."""

    def parse(self) -> ParsedPage:
        number = required_number_in(self.address)
        data = answer_data(json_object(self.body_text())) or {}
        table = SizeTable(
            shop=SHOP,
            url=product_url(number),
            product_no=number,
            type_name=text_of(data, "typeName", 200),
            measurements=_measurements(data),
        )
        return ParsedPage(records=(table,))


def _measurements(data: Json) -> Measurements:
    table: Measurements = {}
    for size in rows_of(data, "sizes"):
        name = text_of(size, "name", 200)
        if name is None:
            continue
        row = table.setdefault(name, {})
        for item in rows_of(size, "items"):
            measure = text_of(item, "name", 200)
            value = number_of(item, "value")
            if measure is not None:
                row[measure] = value if value is not None and 0 < value <= _MAX_CM else None
    return table


@handle_urls([f"{_CALLS}/options|", f"{_CALLS}/v2/options|"], instead_of=OptionsPage)
class MusinsaOptions(OptionsPage):
    """Colours and sizes that can be chosen. `activated` of an option is not stock, so nothing is said about stock."""

    def parse(self) -> ParsedPage:
        number = required_number_in(self.address)
        data = answer_data(json_object(self.body_text())) or {}
        colours: list[str | None] = []
        sizes: list[str | None] = []
        for option in rows_of(data, "basic"):
            if flag_of(option, "isDeleted"):
                continue
            values = [row for row in rows_of(option, "optionValues") if not flag_of(row, "isDeleted")]
            target = _target(option, colours, sizes)
            if target is not None:
                target.extend(text_of(value, "name", 200) for value in values)
        record = Options(
            shop=SHOP,
            url=product_url(number),
            product_no=number,
            colours=each_once(colours),
            sizes=tuple(SizeOption(name=name) for name in each_once(sizes)),
        )
        return ParsedPage(records=(record,))


def _target(option: Json, colours: list[str | None], sizes: list[str | None]) -> list[str | None] | None:
    """Which list an option's values belong to: by its name, else by how it is shown; None for other kinds of option."""
    name = (text_of(option, "name", 80) or "").lower()
    shown = text_of(option, "displayType", 40)
    if any(word in name for word in ("컬러", "색상", "color", "colour")):
        return colours
    if any(word in name for word in ("사이즈", "size")):
        return sizes
    return colours if shown == "COLOR_CHIP" else sizes if shown == "SIZE" else None


@handle_urls(f"{_CALLS}/curation/other-color|", instead_of=ColourGroupPage)
class MusinsaColourGroup(ColourGroupPage):
    """The colours of a garment, each a product of its own; the product itself is among them."""

    def parse(self) -> ParsedPage:
        number = required_number_in(self.address)
        data = answer_data(json_object(self.body_text())) or {}
        rows = [
            row
            for tab in rows_of(data, "curationTabs")
            if text_of(tab, "curationType", 40) == "OTHER_COLOR"
            for row in rows_of(tab, "curationGoodsList")
        ]
        variants = {variant.product_no: variant for row in rows if (variant := _variant(row))}
        group = ColourGroup(shop=SHOP, url=product_url(number), product_no=number, variants=tuple(variants.values()))
        return ParsedPage(records=(group,))


def _variant(row: Json) -> ColourVariant | None:
    number, name = product_number(row.get("goodsNo")), text_of(row, "goodsName")
    if number is None or name is None:
        return None
    return ColourVariant(product_no=number, url=product_url(number), name=name, sold_out=flag_or_none(row, "isSoldOut"))
