"""MUSINSA's product page and product calls: sizes, options, other colours (specification of the shops, 1.3 and 1.4).

The contract that must not break: page and call hold the same record, key for key.
"""

from __future__ import annotations

import html as markup
import json
from typing import Any

from studio.shop.answers import Answer, html, to_json
from studio.shop.product import Picture, Prices, Shop, ShopProduct
from studio.shop.tables import BASE_CATEGORIES, MATERIALS, MUSINSA_TOPS, SELLER_CONTACTS, SIZE_TYPES

IMAGES = "https://image.msscdn.net"
_SUCCESS = {"result": "SUCCESS", "errorCode": "", "message": "합성 응답입니다."}
_GONE = {"result": "FAIL", "errorCode": "DISPLAY_000_0006", "message": "합성: 없는 상품입니다."}


def main_path(product: ShopProduct, picture: Picture) -> str:
    """The address path of the main picture, 500 pixels wide."""
    folder = f"{product.made:%Y%m%d}/{product.number}"
    return f"/images/goods_img/{folder}/{product.number}_{picture.address}_500.{picture.extension}"


def gallery_path(product: ShopProduct, picture: Picture) -> str:
    folder = f"{product.made:%Y%m%d}/{product.number}"
    return f"/images/prd_img/{folder}/detail_{product.number}_{picture.address}_500.{picture.extension}"


def detail_path(picture: Picture) -> str:
    return f"/images/prd_img/{picture.address}.{picture.extension}"


def link(number: str) -> str:
    return f"https://www.musinsa.com/products/{number}"


def page(shop: Shop, number: str) -> Answer:
    """The server's HTML: product.state, __NEXT_DATA__, or both, as the index decides; an empty record when gone."""
    product = shop.find(number)
    if product is None:
        return html(_document("", "", _next_data(number, {"meta": _GONE, "data": None, "error": None})))
    state = record(product)
    form = product.index % 20
    name = "__MSS_FE__" if form == 3 else "__MSS__"
    script = "" if form == 7 else _state_script(name, state)
    answer = {"meta": _SUCCESS, "data": None if form == 11 else state, "error": None}
    return html(_document(_head(product), script, _next_data(number, answer)))


def goods(shop: Shop, number: str) -> Answer:
    """The call /api2/goods/{no}: the same record as JSON alone."""
    product = shop.find(number)
    if product is None:
        return to_json({"meta": _GONE, "data": None, "error": None})
    return to_json({"meta": _SUCCESS, "data": record(product), "error": None})


def actual_size(shop: Shop, number: str) -> Answer:
    product = shop.find(number)
    if product is None or not product.measurements:
        return to_json({"meta": _SUCCESS, "data": None, "error": None})
    type_number, type_name = SIZE_TYPES[product.category.cut]
    sizes = [
        {
            "name": size,
            "sequence": row,
            "items": [
                {"name": name, "value": value, "recommendSizeRange": 5, "sequence": column}
                for column, (name, value) in enumerate(measures.items(), 1)
            ],
        }
        for row, (size, measures) in enumerate(product.measurements.items())
    ]
    picture = f"//image.musinsa.com/images/size_type/detail_img/{type_number:025d}.png"
    data = {
        "typeName": type_name,
        "typeNumber": type_number,
        "description": "합성 설명",
        "mobileImage": picture,
        "webImage": picture,
        "sizes": sizes,
        "mySize": [],
    }
    return to_json({"meta": _SUCCESS, "data": data, "error": None})


def options(shop: Shop, number: str) -> Answer:
    product = shop.find(number)
    if product is None:
        return to_json({"meta": _GONE, "data": None, "error": None}, 404)
    colour = _option(0, "컬러", "COLOR_CHIP", [product.colour])
    size = _option(1, "사이즈", "DROPDOWN", [name for name, _ in product.sizes])
    items = [
        {
            "no": 20_000_000 + product.index * 10 + place,
            "goodsNo": int(product.number),
            "managedCode": f"{product.colour}^{name}",
            "price": 0,
            "activated": True,
            "isDeleted": False,
        }
        for place, (name, _) in enumerate(product.sizes)
    ]
    data = {"basic": [colour, size], "extra": [], "optionItems": items}
    return to_json({"meta": _SUCCESS, "data": data, "error": None})


def _option(place: int, name: str, display: str, values: list[str]) -> dict[str, Any]:
    return {
        "no": 9_000_000 + place,
        "type": "basic",
        "displayType": display,
        "name": name,
        "standardOptionNo": 1 + 2 * place,
        "sequence": place,
        "isDeleted": False,
        "optionValues": [
            {
                "no": 22_000_000 + place * 100 + row,
                "optionNo": 9_000_000 + place,
                "name": value,
                "code": value,
                "sequence": row,
                "color": {"colorCode": "2", "colorType": "MUSINSA"} if place == 0 else None,
                "isDeleted": False,
                "imageUrl": "",
            }
            for row, value in enumerate(values)
        ],
    }


def other_color(shop: Shop, number: str) -> Answer:
    product = shop.find(number)
    if product is None or len(product.group) < 2:
        return to_json({"meta": _SUCCESS, "data": {"curationTabs": []}, "error": None})
    variants = [variant for variant in map(shop.find, product.group) if variant is not None]
    tab = {
        "curationId": 900_000 + product.index,
        "curationType": "OTHER_COLOR",
        "curationTitle": "다른 색상",
        "curationGoodsList": [_variant(variant) for variant in variants],
    }
    return to_json({"meta": _SUCCESS, "data": {"curationTabs": [tab]}, "error": None})


def _variant(product: ShopProduct) -> dict[str, Any]:
    picture = IMAGES + main_path(product, product.pictures[0]) if product.pictures else ""
    prices = product.prices
    return {
        "goodsNo": int(product.number),
        "goodsName": product.name,
        "linkUrl": link(product.number),
        "imageUrl": picture,
        "displayGenderText": gender_text(product),
        "normalPrice": prices and prices.list_price,
        "price": prices and prices.sale_price,
        "brand": product.brand.code,
        "brandName": product.brand.name,
        "isSoldOut": product.sold_out,
        "finalPrice": prices and prices.final_price,
    }


def gender_text(product: ShopProduct) -> str:
    return "공용" if len(product.sex) == 2 else product.sex[0]


def record(product: ShopProduct) -> dict[str, Any]:
    """`data` of the product call, which is also product.state: with a seller's contacts and keys nobody asked for."""
    slug, name, english = product.brand
    return {
        "goodsNo": int(product.number),
        "goodsNm": product.name or None,
        "goodsNmEng": product.name_en,
        "thumbnailImageUrl": main_path(product, product.pictures[0]) if product.pictures else "",
        "headDesc": product.headline,
        "styleNo": product.style_no,
        "sex": list(product.sex),
        "sexCode": {"남성": 2, "여성": 4, "공용": 6}[gender_text(product)],
        "genders": [{"남성": "M", "여성": "W"}[sex] for sex in product.sex],
        "brand": slug,
        "brandInfo": {"brand": slug, "brandName": name, "brandEnglishName": english, "brandNationCode": "nowhere"},
        "seasonYear": product.season_year,
        "season": product.season,
        "baseCategoryFullPath": f"Clothing > {BASE_CATEGORIES[product.category.cut][1]} > {product.category.name}",
        "baseCategory": BASE_CATEGORIES[product.category.cut][0],
        "category": _category(product),
        "goodsImages": [{"imageUrl": gallery_path(product, picture)} for picture in product.pictures[1:]],
        "labels": [{"code": code, "name": text, "backgroundColor": "0f5fff"} for code, text in product.labels],
        "goodsPrice": _price(product.prices),
        "goodsMaterial": _material(product),
        "goodsContents": _contents(product),
        "similarNo": int(product.group[0]) if len(product.group) > 1 else 0,
        "sizeType": str(SIZE_TYPES[product.category.cut][0]),
        "isUseSize": bool(product.measurements),
        "optKindCd": "CLOTHES",
        **_state_of_sale(product),
        "company": dict(zip(("email", "phoneNumber", "ceoName", "address"), SELLER_CONTACTS, strict=True)),
        "goodsLogisticsInfoV2": [{"returnShippingAddress": SELLER_CONTACTS[3], "courierName": "합성택배"}],
        **{f"syntheticExtra{place}": {"enabled": place % 2 == 0, "memo": "};", "list": []} for place in range(12)},
    }


def _state_of_sale(product: ShopProduct) -> dict[str, Any]:
    """`isSale` and `isSellPeriod` are false for products that sell: a parser must not read them as "on sale now"."""
    return {
        "goodsSaleType": "SOLD_OUT" if product.sold_out and product.index % 2 else "SALE",
        "isOutOfStock": product.sold_out,
        "isSoonOutOfStock": False,
        "isSale": False,
        "isSellPeriod": False,
        "isAdult": False,
        "isOutlet": False,
        "usedProduct": None,
        "goodsType": "P",
    }


def _category(product: ShopProduct) -> dict[str, str]:
    first, second = (product.category.code[:3], MUSINSA_TOPS[product.category.code[:3]]), product.category
    levels = [first, (second.code, second.name), ("", ""), ("", "")]
    named = {}
    for depth, (code, name) in enumerate(levels, 1):
        named[f"categoryDepth{depth}Code"] = code
        named[f"categoryDepth{depth}Title"] = named[f"categoryDepth{depth}Name"] = name
    return {**named, "storeCode": ""}


def _price(prices: Prices | None) -> dict[str, Any]:
    rate = prices.rate if prices else 0
    return {
        "normalPrice": prices and prices.list_price,
        "salePrice": prices and prices.sale_price,
        "couponPrice": prices and prices.coupon_price,
        "finalPrice": prices and prices.final_price,
        "discountRate": float(rate),
        "type": "DEFAULT",
        "isSale": rate > 0,
        "couponDiscount": prices is not None and prices.coupon_price != prices.sale_price,
        "currency": "KRW",
    }


def _material(product: ShopProduct) -> dict[str, Any]:
    rows = [
        {
            "name": name,
            "items": [{"name": item, "isSelected": item in product.material[name]} for item in MATERIALS[name]],
        }
        for name in product.material
    ]
    return {"maxLowCount": 5 if rows else 0, "materials": rows}


def _contents(product: ShopProduct) -> str:
    """Sellers' HTML: protocol-relative pictures, a spacer, a style with a url(), a frame, sellers' own pictures."""
    pictures = [f'<img alt="" src="//image.msscdn.net{detail_path(each)}">' for each in product.details]
    pictures += [f'<div><img alt="" src="{url}"></div>' for url in product.seller_pictures]
    if product.index % 4 == 0:
        pictures.insert(0, '<img src="https://cdn.seller-01.example/open_detail/1px.jpg" width="1" height="1">')
    style = "<style>.synthetic{background:url(//image.msscdn.net/images/none.jpg)};</style>"
    frame = '<iframe src="https://www.youtube.com/embed/synthetic"></iframe>'
    contact = f"<p>문의 {SELLER_CONTACTS[1]} {SELLER_CONTACTS[0]}</p>" if product.index % 6 == 0 else ""
    text = markup.escape(" ".join(part for part in (product.description, product.composition) if part))
    return f"{style}<div>{''.join(pictures)}</div>{frame}{contact}<p>{text}</p>"


def _state_script(name: str, state: dict[str, Any]) -> str:
    root = f"window.{name}"
    return (
        f'<script data-nscript="beforeInteractive" id="pdp-data">{root} = {root} || {{}};\n'
        f'{root}.shared = {{"loggedIn":false}};\n{root}.product = {root}.product || {{}};\n'
        f"{root}.product.state = {_in_script(state)};\n{root}.shared.done = {{}};</script>"
    )


def _next_data(number: str, answer: dict[str, Any]) -> str:
    data = {
        "props": {"pageProps": {"isMobile": False, "meta": answer, "shared": {"loggedIn": False}}, "__N_SSP": True},
        "page": "/products/[productId]",
        "query": {"productId": number},
        "buildId": "synthetic",
    }
    return f'<script id="__NEXT_DATA__" type="application/json">{_in_script(data)}</script>'


def _in_script(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")


def _head(product: ShopProduct) -> str:
    if not product.name:
        return ""
    title = markup.escape(f"{product.brand.name}({product.brand.name_en}) {product.name} | 무신사")
    address = link(product.number)
    picture = IMAGES + main_path(product, product.pictures[0]) if product.pictures else IMAGES
    return (
        f'<title>{title}</title><link rel="canonical" href="{address}"/><meta property="og:title" content="{title}"/>'
        f'<meta property="og:image" content="{picture}"/><meta property="og:url" content="{address}"/>'
        f'<meta property="product:brand" content="{markup.escape(product.brand.name)}"/>'
        f'<meta property="product:price:amount" content="{product.prices.sale_price if product.prices else ""}"/>'
    )


def _document(head: str, state: str, next_data: str) -> str:
    return (
        f'<!DOCTYPE html><html lang="ko"><head><meta charset="utf-8"/>{head}{state}</head><body><div id="__next">'
        f'<div id="root"></div><div class="skeleton"></div></div>{next_data}</body></html>'
    )
