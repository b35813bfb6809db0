"""MUSINSA's product page and product call: one object, embedded twice in the page and answered alone by the call.

The contract that must not break: `company`, `goodsLogisticsInfoV2` and the banners are never read, so no seller's
contact can reach a record. Fields: specification of the shops, section 1.3.
"""

from __future__ import annotations

import re

from web_poet import handle_urls

from crawler.errors import Rejected
from crawler.garment_class import Verdict, musinsa_garment
from crawler.pages.base import ParsedPage, ProductPage
from crawler.pages.documents import json_after, json_object, looks_like_json
from crawler.pages.fields import (
    Json,
    category_code,
    each_once,
    flag_of,
    object_of,
    product_number,
    required_name,
    required_number,
    rows_of,
    sexes,
    text_of,
    texts_of,
    year_of,
)
from crawler.pages.image_addresses import MUSINSA_IMAGES, detail_images, images, musinsa_image
from crawler.pages.musinsa_json import SHOP, answer_data, next_data, number_in, product_url
from crawler.pages.prices import krw
from crawler.pages.texts import plain_text
from crawler.records import Image, Product, StockState

_STATE = re.compile(r"__MSS(?:_FE)?__\.product\.state\s*=\s*(?=\{)")
_STOCK_STATES: dict[str, StockState] = {
    "SALE": "on_sale",
    "SOLD_OUT": "sold_out",
    "STOP_SALE": "stopped",
    "PROHIBITED": "stopped",
    "CLOSE": "stopped",
    "STAND_BY_SALE": "scheduled",
}
_USED_LABEL = re.compile(r"(?:^|[^a-z])used(?:[^a-z]|$)|유즈드|중고", re.IGNORECASE)


@handle_urls(
    ["musinsa.com/products/*", "musinsa.com/app/goods/*", "goods-detail.musinsa.com/api2/goods/*|"],
    exclude=["goods-detail.musinsa.com/api2/goods/*/*"],
    instead_of=ProductPage,
)
class MusinsaProductPage(ProductPage):
    """A product, from the page's HTML or from the JSON call: the body decides, not the address."""

    def parse(self) -> ParsedPage:
        text = self.body_text()
        data = answer_data(json_object(text)) if looks_like_json(text) else _embedded(text)
        if data is None or data.get("goodsNo") is None:
            raise Rejected("no-product-data", "looked for data.goodsNo, product.state and __NEXT_DATA__ meta.data")
        product = product_of(data)
        asked = number_in(self.address)
        if asked is not None and asked != product.product_no:
            raise Rejected("other-product", f"asked for {asked}, the page is of {product.product_no}")
        return ParsedPage(records=(product,))


def _embedded(text: str) -> Json | None:
    """The product object of a page: from `product.state`, else from Next.js's state; raises Gone if that says so."""
    state = json_after(text, _STATE)
    if state is not None and state.get("goodsNo") is not None:
        return state
    page = next_data(text)
    return None if page is None else answer_data(object_of(page, "meta"))


def product_of(data: Json) -> Product:
    """The product record; raises Rejected `missing-number` or `missing-name`."""
    number = required_number(data, "goodsNo")
    name = required_name(data, "goodsNm")
    codes, path = _category(data)
    verdict = _verdict(data, name, codes, path)
    prices = object_of(data, "goodsPrice")
    sale = krw(prices.get("salePrice"))
    best = (krw(prices.get("finalPrice")), krw(prices.get("couponPrice")), sale)
    stock_state = _stock_state(data)
    name_en = text_of(data, "goodsNmEng")
    group = product_number(data.get("similarNo"))
    return Product(
        shop=SHOP,
        url=product_url(number),
        product_no=number,
        name=name,
        name_en=None if name_en == name else name_en,
        brand=text_of(object_of(data, "brandInfo"), "brandName", 200),
        brand_code=text_of(data, "brand", 200),
        style_no=text_of(data, "styleNo", 200),
        category_codes=codes,
        category_path=path,
        garment_class=verdict.garment_class,
        class_reason=verdict.reason,
        sex=sexes(*texts_of(data, "sex")) or sexes(*texts_of(data, "genders")),
        season=text_of(data, "season", 20),
        season_year=year_of(data, "seasonYear"),
        material=_material(data),
        list_price=krw(prices.get("normalPrice")),
        sale_price=sale,
        final_price=next((price for price in best if price is not None), None),
        sold_out=stock_state == "sold_out",
        stock_state=stock_state,
        labels=each_once(
            [text_of(label, "code", 80) or text_of(label, "name", 80) for label in rows_of(data, "labels")]
        ),
        colour_group=None if group == "0" else group,
        detail_text=_detail_text(data),
        images=_images(data),
    )


def _category(data: Json) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Category codes and names from depth 1 down; empty depths are left out."""
    category = object_of(data, "category")
    codes = each_once([category_code(category.get(f"categoryDepth{depth}Code")) for depth in range(1, 5)])
    names = [text_of(category, f"categoryDepth{depth}Name", 200) for depth in range(1, 5)]
    return codes, tuple(name for name in names if name)


def _verdict(data: Json, name: str, codes: tuple[str, ...], path: tuple[str, ...]) -> Verdict:
    labels = [text_of(label, key, 80) or "" for label in rows_of(data, "labels") for key in ("code", "name")]
    used = isinstance(data.get("usedProduct"), dict) or flag_of(data, "usedProduct")
    return musinsa_garment(
        codes,
        name,
        base_code=text_of(data, "baseCategory", 40) or "",
        base_path=tuple(step.strip() for step in (text_of(data, "baseCategoryFullPath") or "").split(">")),
        path=path,
        used=used or any(_USED_LABEL.search(label) for label in labels),
        outlet=flag_of(data, "isOutlet"),
    )


def _stock_state(data: Json) -> StockState:
    """`isSale` and `isSellPeriod` are not read: both are false for products that sell."""
    state = _STOCK_STATES.get(text_of(data, "goodsSaleType", 40) or "", "on_sale")
    return "sold_out" if state == "on_sale" and flag_of(data, "isOutOfStock") else state


def _material(data: Json) -> dict[str, tuple[str, ...]]:
    """Fit, touch, stretch and so on with the chosen words; `|` inside a word is a line-break mark of the layout."""
    material: dict[str, tuple[str, ...]] = {}
    for row in rows_of(object_of(data, "goodsMaterial"), "materials"):
        name = text_of(row, "name", 80)
        chosen = each_once(
            [
                (text_of(item, "name", 80) or "").replace("|", " ")
                for item in rows_of(row, "items")
                if flag_of(item, "isSelected")
            ]
        )
        if name and chosen:
            material[name] = chosen
    return material


def _detail_text(data: Json) -> str | None:
    parts = [plain_text(data.get(key)) for key in ("headDesc", "specDesc", "mdOpinion", "goodsContents")]
    return "\n".join(part for part in parts if part) or None


def _images(data: Json) -> tuple[Image, ...]:
    gallery = [musinsa_image(row.get("imageUrl")) for row in rows_of(data, "goodsImages")]
    detail = detail_images(data.get("goodsContents"), MUSINSA_IMAGES)
    return images(musinsa_image(data.get("thumbnailImageUrl")), gallery, detail)
