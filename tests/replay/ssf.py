"""SSF Shop's addresses: list pages and fragments, product pages, and the information tab that JavaScript fills.

`/public/goods/detail/{no}/information` is an address of this server: the real one is not known.
"""

from __future__ import annotations

import html as markup
import json
import re
from typing import Any

from tests.replay.answers import NOT_FOUND, Answer, Request, html, xml
from tests.replay.catalogue import SyntheticShop
from tests.replay.products import Picture, SyntheticProduct
from tests.replay.words import SELLER_CONTACTS, SSF_PARENTS, SSF_TOPS

PAGE_SIZE = 60
IMAGES = "https://img.ssfshop.com"
_PLACEHOLDER = "/v3/images/common/noImg_1500.gif"
_GOODS_PICTURE = re.compile(
    r"/goods/[\w/]+/(?P<number>[A-Z0-9]{15})_\d+_(?:THNAIL_)?ORGINL_(?P<address>\d{14})000\.\w+$"
)
_DETAIL_PICTURE = re.compile(r"/goods/detail/(?P<address>\d{12}(?P<index>\d{9})\d{2})\.jpg$")
_EXTENSIONS = {"jpeg": "jpg", "webp": "jpg", "png": "png"}
_FORM = {
    "brandShopNo": "",
    "brndShopId": "",
    "sortColumn": "SALE_QTY_SEQ",
    "preferAge": "",
    "serviceType": "DSP",
    "smtFlterVal": "",
    "price": "",
    "benefit": "",
    "ctgrySectCd": "GNRL_CTGRY",
    "brndId": "",
    "sizeCd": "",
    "colorCd": "",
    "fitPsbYn": "N",
}
_GO_TO_PRODUCT = (
    "function goToProductDetail(brndNm, godNo, dpos, el, area){location.href = '/'+brndNm.replace(/ /g, '-')"
    ".replace('.','-')+'/'+godNo+'/good?utag=synthetic';}"
)


def slug(brand: str) -> str:
    """A brand's name as the shop's addresses have it: every blank and the first dot become a dash."""
    return brand.replace(" ", "-").replace(".", "-", 1)


def link(product: SyntheticProduct) -> str:
    return f"https://www.ssfshop.com/{slug(product.brand[2])}/{product.number}/good"


def answer(shop: SyntheticShop, request: Request) -> Answer:
    """The shop's answer to a request for www.ssfshop.com."""
    if request.path == "/selectProductList":
        return html(_fragment(shop, request.query))
    if re.fullmatch(r"/[^/]+/list", request.path):
        return _list_page(shop, request.query)
    if product := re.fullmatch(r"/[^/]+/([A-Z0-9]{10,})/good", request.path):
        return _product_page(shop, product[1])
    if information := re.fullmatch(r"/public/goods/detail/([A-Z0-9]{10,})/information", request.path):
        found = shop.find(information[1])
        return html(_information(found)) if found else NOT_FOUND
    if request.path == "/sitemap_category.xml":
        return _sitemap(shop)
    return NOT_FOUND


def picture(shop: SyntheticShop, request: Request) -> tuple[Picture, int | None] | None:
    """The picture at an image address and the width asked for (None: as it is); None for an address of no picture."""
    resized = re.match(r"/cmd/[LR]B_(\d+)x\d*/src/", request.path)
    width = int(resized[1]) if resized else None
    if found := _GOODS_PICTURE.search(request.path):
        product = shop.find(found["number"])
        pictures = product.pictures if product else ()
    elif found := _DETAIL_PICTURE.search(request.path):
        index = int(found["index"])
        pictures = shop.product(index).details if index < len(shop) else ()
    else:
        return None
    return next(((each, width) for each in pictures if each.address == found["address"]), None)


def picture_address(product: SyntheticProduct, place: int) -> str:
    """The original's address of a gallery picture."""
    each = product.pictures[place]
    folder = f"SYNT/{product.made:%y/%m/%d}"
    return f"{IMAGES}/goods/{folder}/{product.number}_{place}_THNAIL_ORGINL_{each.address}000.{_EXTENSIONS[each.form]}"


def _resized(product: SyntheticProduct, place: int, size: str) -> str:
    return f"{IMAGES}/cmd/LB_{size}/src/{picture_address(product, place)}"


# Lists


def _list_page(shop: SyntheticShop, query: dict[str, str]) -> Answer:
    code = markup.escape(query.get("dspCtgryNo", ""))
    inputs = "".join(
        f'<input type="hidden" name="{name}" value="{markup.escape(query.get(name, value))}"/>'
        for name, value in _FORM.items()
    )
    page = markup.escape(query.get("currentPage", "1"))
    form = (
        f'<form name="searchForm" id="searchForm" method="GET"><input type="hidden" name="dspCtgryNo" value="{code}"/>'
        f'<input type="hidden" name="currentPage" id="currentPage" value="{page}"/>{inputs}</form>'
    )
    numbers = [shop.number(index) for index in _members(shop, query)[:PAGE_SIZE]]
    layer = f"dataLayer.push({{'event':'viewList','appier_view':{json.dumps(numbers)}}});"
    return html(
        '<!DOCTYPE html><html lang="ko"><head><meta charset="utf-8"/>'
        f'<meta property="og:image" name="og_image" content="{IMAGES}"/><title>합성 목록</title>'
        f"<script>{_GO_TO_PRODUCT}</script></head><body>{_menu()}{form}"
        f'<div class="goods_container" id="goods_container">{_fragment(shop, query)}</div>'
        f"<script>{layer}</script></body></html>"
    )


def _menu() -> str:
    tops = "".join(f'<a href="/main/THMA38A07?dspCtgryNo={code}">{name}</a>' for code, name in SSF_TOPS.items())
    return f'<nav><a href="/public/search/search/view">검색</a>{tops}</nav>'


def _members(shop: SyntheticShop, query: dict[str, str]) -> Any:
    return shop.members(query.get("dspCtgryNo", "") or "-", query.get("benefit") != "EXC_SLDOUT")


def _fragment(shop: SyntheticShop, query: dict[str, str]) -> str:
    """The inside of #goods_container: 60 cards and the paging; a page after the last has no card."""
    text = query.get("currentPage", "1")
    page = int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 7 else 1
    members = _members(shop, query)
    last = max(1, -(-len(members) // PAGE_SIZE))
    indices = members[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    cards = "".join(_card(shop.product(index), place) for place, index in enumerate(indices, 1))
    return (
        f'<input type="hidden" value="{len(members)}" id="ctgryGodsListTotalRow" />'
        f'<div class="god-lists" role="list" id="listGoods"><ul id="dspGood" class="list-col-6">{cards}</ul></div>'
        f'<div class="page" id="pagingArea">{_paging(page, last)}</div>'
    )


def _paging(page: int, last: int) -> str:
    start = (page - 1) // 10 * 10 + 1
    numbers = "".join(
        f'<a class="on" href="javascript:void(0)">{each}</a>'
        if each == page
        else f'<a class="btn_paging" href="javascript:void(0)" id="page_{each}" pageNo="{each}">{each}</a>'
        for each in range(start, min(start + 10, last + 1))
    )
    return (
        f'<a class="first" href="javascript:void(0)" id="page_first" pageNo="1"></a>{numbers}'
        f'<a class="next" href="javascript:void(0)" id="page_next" pageNo="{min(start + 10, last)}"></a>'
        f'<a class="last" href="javascript:void(0)" id="page_last" pageNo="{last}"></a>'
    )


def _card(product: SyntheticProduct, place: int) -> str:
    """One card; every fifth product has a plain address in place of the script's, as captures of 2026 do."""
    slug_ = slug(product.brand[2])
    script = f"javascript:goToProductDetail('{slug_}','{product.number}','{place}',this, 'godList');"
    href = f"/{slug_}/{product.number}/good?utag=synthetic" if product.index % 5 == 0 else script
    name = "" if product.flaw == "missing-name" else markup.escape(product.name)
    colour = f'<span class="color"><span class="color07">{product.colour[0]}</span></span>' if product.index % 3 else ""
    tags = "".join(f'<span class="tag"><span class="txt">{text}</span></span>' for _, text in product.labels)
    return (
        f'<li data-prdno="{product.number}" view-godno="{product.number}" '
        f'class="god-item{" soldout" if product.sold_out else ""}"><a href="{href}"><div class="god-img">'
        f'{_card_pictures(product, name)}</div><div class="god-info"><span class="brand"> {product.brand[2]}</span>'
        f'<span class="name"> {name}</span><span class="price">{_card_price(product)}</span>'
        f'<span class="tags">{tags}</span>{colour}<span class="score"><span class="point"><em>4.5</em></span>'
        f'<span class="review">(<em>{product.index % 40}</em>)</span><span class="heart"><em>1.2천</em></span></span>'
        f"</div></a></li>"
    )


def _card_pictures(product: SyntheticProduct, name: str) -> str:
    if not product.pictures:
        return f'<img src="{IMAGES}" alt="{name}" onerror="this.src=\'{_PLACEHOLDER}\'" />'
    first = f'<img src="{_resized(product, 0, "500x660")}" alt="{name}" onerror="this.src=\'{_PLACEHOLDER}\'" />'
    if len(product.pictures) < 2:
        return first
    return f'{first}<span class="hover"><img src="{_resized(product, 1, "500x660")}" alt="{name}" /></span>'


def _card_price(product: SyntheticProduct) -> str:
    if product.flaw == "missing-price":
        return ""
    won = '<span class="wa_hidden">원</span>'
    if product.list_price == product.sale_price:
        return f'{product.sale_price:,}{won}<span class="wa_hidden">판매가</span>'
    rate = 100 - product.sale_price * 100 // product.list_price
    return (
        f'<del><span class="wa_hidden">원가</span>{product.list_price:,}{won}</del>'
        f"<em class='sale'><span class=\"wa_hidden\">할인율</span>{rate}%</em>"
        f'{product.sale_price:,}{won}<span class="wa_hidden">판매가</span>'
    )


# Products


def _product_page(shop: SyntheticShop, number: str) -> Answer:
    product = shop.find(number)
    if product is None:
        return NOT_FOUND
    named = product.flaw != "missing-name"
    name = markup.escape(f"{product.name} - {product.colour[0]}") if named else ""
    price = f'<em class="price">{product.sale_price:,}</em>' if product.flaw != "missing-price" else ""
    before = f"<del>{product.list_price:,}</del>" if price and product.list_price != product.sale_price else ""
    crumbs = "".join(f"<li><a>{part}</a></li>" for part in _path(product))
    fill = (
        f"window._godNo='{number}';fetch('/public/goods/detail/{number}/information').then(r=>r.text())"
        ".then(t=>{const d=document.createElement('div');d.id='godsTabView';d.innerHTML=t;"
        "document.getElementById('godsDetailInfoTab').appendChild(d);});"
    )
    return html(
        f'<!DOCTYPE html><html lang="ko"><head><meta charset="utf-8"/><title>{name} | SSF SHOP</title>'
        f'<link rel="canonical" href="{link(product)}"/><meta property="og:image" content="{IMAGES}"/>'
        f'<script type="application/ld+json">{_json_ld(product)}</script></head><body>'
        f'<div class="breadcrumb"><ul><li><a>Home</a></li>{crumbs}</ul></div>'
        f'<h2 class="brand-name">{product.brand[2]}</h2><div class="gods-name" id="goodDtlTitle">{name}</div>'
        f'<div class="gods-price">{before}{price}</div>{_viewer(product)}{_colours(product)}{_sizes(product)}'
        f'<div id="restockSoldOut" style="display:{"block" if product.sold_out else "none"}">품절</div>'
        f'<div id="goodsMySizeList"><table><tr><td>키 170 몸무게 60 M</td></tr></table></div>{_recommended()}'
        f'<p class="seller">{" ".join(SELLER_CONTACTS)}</p><script>{fill}</script></body></html>'
    )


def _path(product: SyntheticProduct) -> tuple[str, ...]:
    return ("키즈", "상의") if product.flaw == "kids" else product.category.path


def _json_ld(product: SyntheticProduct) -> str:
    offer: dict[str, Any] = {
        "@type": "Offer",
        "priceCurrency": "KRW",
        "availability": f"https://schema.org/{'OutOfStock' if product.sold_out else 'InStock'}",
    }
    if product.flaw != "missing-price":
        offer["price"] = product.sale_price
    data = {
        "@context": "https://schema.org",
        "@type": "Product",
        "name": "" if product.flaw == "missing-name" else f"{product.name} - {product.colour[0]}",
        "image": [_resized(product, place, "750x1000") for place in range(len(product.pictures))] or [IMAGES],
        "brand": {"@type": "Brand", "name": product.brand[2]},
        "category": " » ".join(_path(product)),
        "offers": offer,
    }
    return json.dumps(data, ensure_ascii=False).replace("</", "<\\/")


def _viewer(product: SyntheticProduct) -> str:
    pictures = "".join(f'<img src="{_resized(product, each, "750x1000")}"/>' for each in range(len(product.pictures)))
    return f'<div id="godImgWrap">{pictures}</div>'


def _colours(product: SyntheticProduct) -> str:
    if len(product.group) < 2:
        return ""
    folder = slug(product.brand[2])
    labels = "".join(f"<label onclick=\"location.href='/{folder}/{number}/good'\"></label>" for number in product.group)
    return f'<div class="opt-select color-thumbs">{labels}</div>'


def _sizes(product: SyntheticProduct) -> str:
    """One of the two known forms: a list with state codes, or hidden inputs beside radio buttons."""
    if product.index % 2:
        rows = "".join(
            f'<li><a optcd="{size}" statcd="{"SLDOUT" if sold else "SALE_PROGRS"}">{size}</a></li>'
            for size, sold in product.sizes
        )
        return f'<ul id="optionDiv1">{rows}</ul>'
    rows = "".join(
        f'<li><input type="radio" id="s{place}"/><label for="s{place}">{size}</label><input type="hidden" '
        f'name="sizeItmNo" value="{product.number}{place}" sizeItmNo="{product.number}{place}" sizeItmNm="{size}" '
        f'sizeItmStdSizeCd="{size}" itmStatCd="{"SLDOUT" if sold else "SALE_PROGRS"}" '
        f'onlineUsefulInvQty="{0 if sold else 7}"/></li>'
        for place, (size, sold) in enumerate(product.sizes)
    )
    return f'<div class="gods-option"><div class="row"><ul class="rdo_group">{rows}</ul></div></div>'


def _recommended() -> str:
    """The tab's surroundings with another product's picture, which is not this product's."""
    other = f"{IMAGES}/goods/SYNT/24/01/01/GM00240101000000_0_THNAIL_ORGINL_20240101000000000.jpg"
    return f'<div id="godsDetailInfoTab"><div class="recommend"><img src="{other}"/></div></div>'


def _information(product: SyntheticProduct) -> str:
    pictures = "".join(
        f'<img src="{_PLACEHOLDER}" data-original="{IMAGES}/goods/detail/{each.address}.jpg" alt=""/>'
        for each in product.details
    )
    material = "면 60%, 폴리에스터 40%" if product.index % 3 else ""
    note = f'<div class="gods-detail-desc"><p>합성 설명 {product.style_no}</p></div>'
    facts = f"<tr><th>품번</th><td>{product.style_no}</td></tr><tr><th>소재</th><td>{material}</td></tr>"
    table = f'<table class="tbl-info">{facts}</table>'
    return f'<div class="gods-detail-img">{pictures}</div>{note}{table}{_size_table(product)}'


def _size_table(product: SyntheticProduct) -> str:
    if not product.measurements:
        return ""
    names = next(iter(product.measurements.values()))
    head = "".join(f"<th>{name}</th>" for name in names)
    rows = "".join(
        f"<tr><th>{size}</th>{''.join(f'<td>{value or 0}</td>' for value in row.values())}</tr>"
        for size, row in product.measurements.items()
    )
    return f'<div class="brand-size"><table><tr><th>사이즈(cm)</th>{head}</tr>{rows}</table></div>'


def _sitemap(shop: SyntheticShop) -> Answer:
    addresses = {category.code: category.slug for category in shop.categories}
    addresses |= {code: english for code, (_, english) in SSF_PARENTS.items()}
    rows = "".join(
        f"<url><loc>https://www.ssfshop.com/{english}/list?dspCtgryNo={code}</loc></url>"
        for code, english in sorted(addresses.items())
    )
    return xml(
        '<?xml version="1.0" encoding="UTF-8"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
        f"{rows}</urlset>"
    )
