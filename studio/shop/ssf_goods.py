"""SSF Shop's product page, and the information tab that JavaScript fills (specification of the shops, section 2.3).

The contract that must not break: what the real page loads by JavaScript is not in the page itself.
"""

from __future__ import annotations

import html as markup
import json
from typing import Any
from urllib.parse import quote

from studio.shop.answers import NOT_FOUND, Answer, html
from studio.shop.product import Shop, ShopProduct
from studio.shop.tables import SELLER_CONTACTS

IMAGES = "https://img.ssfshop.com"
PLACEHOLDER = "/v3/images/common/noImg_1500.gif"


def slug(brand: str) -> str:
    """A brand's name as the shop's addresses have it: every blank and the first dot become a dash."""
    return brand.replace(" ", "-").replace(".", "-", 1)


def link(product: ShopProduct) -> str:
    return f"https://www.ssfshop.com/{quote(slug(product.brand.name_en))}/{product.number}/good"


def picture_address(product: ShopProduct, place: int) -> str:
    """The original's address of a gallery picture."""
    each = product.pictures[place]
    folder = f"SYNT/{product.made:%y/%m/%d}"
    return f"{IMAGES}/goods/{folder}/{product.number}_{place}_THNAIL_ORGINL_{each.address}000.{each.extension}"


def resized(product: ShopProduct, place: int, size: str) -> str:
    return f"{IMAGES}/cmd/LB_{size}/src/{picture_address(product, place)}"


def page(shop: Shop, number: str) -> Answer:
    product = shop.find(number)
    if product is None:
        return NOT_FOUND
    name, brand = markup.escape(_name(product)), markup.escape(product.brand.name_en)
    crumbs = "".join(f"<li><a>{part}</a></li>" for part in product.category.path)
    fill = (
        f"window._godNo='{number}';fetch('/public/goods/detail/{number}/information').then(r=>r.text())"
        ".then(t=>{const d=document.createElement('div');d.id='godsTabView';d.innerHTML=t;"
        "document.getElementById('godsDetailInfoTab').appendChild(d);});"
    )
    return html(
        f'<!DOCTYPE html><html lang="ko"><head><meta charset="utf-8"/><title>{name} | SSF SHOP</title>'
        f'<link rel="canonical" href="{markup.escape(link(product))}"/><meta property="og:image" content="{IMAGES}"/>'
        f'<script type="application/ld+json">{_json_ld(product)}</script></head><body>'
        f'<div class="breadcrumb"><ul><li><a>Home</a></li>{crumbs}</ul></div>'
        f'<h2 class="brand-name">{brand}</h2><div class="gods-name" id="goodDtlTitle">{name}</div>'
        f'<div class="gods-price">{_price(product)}</div>{_viewer(product)}{_colours(product)}{_sizes(product)}'
        f'<div id="restockSoldOut" style="display:{"block" if product.sold_out else "none"}">품절</div>'
        f'<div id="goodsMySizeList"><table><tr><td>키 170 몸무게 60 M</td></tr></table></div>{_recommended()}'
        f'<p class="seller">{" ".join(SELLER_CONTACTS)}</p><script>{fill}</script></body></html>'
    )


def _name(product: ShopProduct) -> str:
    return f"{product.name} - {product.colour}" if product.name else ""


def _price(product: ShopProduct) -> str:
    if product.prices is None:
        return ""
    listed, sale, *_ = product.prices
    before = f"<del>{listed:,}</del>" if listed != sale else ""
    return f'{before}<em class="price">{sale:,}</em>'


def _json_ld(product: ShopProduct) -> str:
    offer: dict[str, Any] = {
        "@type": "Offer",
        "priceCurrency": "KRW",
        "availability": f"https://schema.org/{'OutOfStock' if product.sold_out else 'InStock'}",
    }
    if product.prices is not None:
        offer["price"] = product.prices.sale_price
    data = {
        "@context": "https://schema.org",
        "@type": "Product",
        "name": _name(product),
        "image": [resized(product, place, "750x1000") for place in range(len(product.pictures))] or [IMAGES],
        "brand": {"@type": "Brand", "name": product.brand.name_en},
        "category": " » ".join(product.category.path),
        "offers": offer,
    }
    return json.dumps(data, ensure_ascii=False).replace("</", "<\\/")


def _viewer(product: ShopProduct) -> str:
    pictures = "".join(f'<img src="{resized(product, each, "750x1000")}"/>' for each in range(len(product.pictures)))
    return f'<div id="godImgWrap">{pictures}</div>'


def _colours(product: ShopProduct) -> str:
    if len(product.group) < 2:
        return ""
    folder = markup.escape(slug(product.brand.name_en))
    labels = "".join(f"<label onclick=\"location.href='/{folder}/{number}/good'\"></label>" for number in product.group)
    return f'<div class="opt-select color-thumbs">{labels}</div>'


def _sizes(product: ShopProduct) -> str:
    """One of the two known forms: a list with state codes, or hidden inputs beside radio buttons."""
    sizes = [(markup.escape(size), sold) for size, sold in product.sizes]
    if product.index % 2:
        rows = "".join(
            f'<li><a optcd="{size}" statcd="{"SLDOUT" if sold else "SALE_PROGRS"}">{size}</a></li>'
            for size, sold in sizes
        )
        return f'<ul id="optionDiv1">{rows}</ul>'
    rows = "".join(
        f'<li><input type="radio" id="s{place}"/><label for="s{place}">{size}</label><input type="hidden" '
        f'name="sizeItmNo" value="{product.number}{place}" sizeItmNo="{product.number}{place}" sizeItmNm="{size}" '
        f'sizeItmStdSizeCd="{size}" itmStatCd="{"SLDOUT" if sold else "SALE_PROGRS"}" '
        f'onlineUsefulInvQty="{0 if sold else 7}"/></li>'
        for place, (size, sold) in enumerate(sizes)
    )
    return f'<div class="gods-option"><div class="row"><ul class="rdo_group">{rows}</ul></div></div>'


def _recommended() -> str:
    """The tab's surroundings with another product's picture, which is not this product's."""
    other = f"{IMAGES}/goods/SYNT/24/01/01/GM00240101000000_0_THNAIL_ORGINL_20240101000000000.jpg"
    return f'<div id="godsDetailInfoTab"><div class="recommend"><img src="{other}"/></div></div>'


def information(product: ShopProduct) -> str:
    """What fills the tab: detail pictures behind lazy attributes, text, material, measured sizes."""
    pictures = "".join(
        f'<img src="{PLACEHOLDER}" data-original="{IMAGES}/goods/detail/{each.address}.{each.extension}" alt=""/>'
        for each in product.details
    )
    material = markup.escape(product.composition)
    note = f'<div class="gods-detail-desc"><p>{markup.escape(product.description)}</p></div>'
    facts = f"<tr><th>품번</th><td>{markup.escape(product.style_no)}</td></tr><tr><th>소재</th><td>{material}</td></tr>"
    table = f'<table class="tbl-info">{facts}</table>'
    return f'<div class="gods-detail-img">{pictures}</div>{note}{table}{_size_table(product)}'


def _size_table(product: ShopProduct) -> str:
    if not product.measurements:
        return ""
    names = next(iter(product.measurements.values()))
    head = "".join(f"<th>{markup.escape(name)}</th>" for name in names)
    rows = "".join(
        f"<tr><th>{markup.escape(size)}</th>{''.join(f'<td>{value or 0}</td>' for value in row.values())}</tr>"
        for size, row in product.measurements.items()
    )
    return f'<div class="brand-size"><table><tr><th>사이즈(cm)</th>{head}</tr>{rows}</table></div>'
