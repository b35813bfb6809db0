"""SSF Shop's addresses: list pages and fragments, the category sitemap, and the way to products and pictures.

The contract that must not break: every address has an answer, whatever it holds; forms are those of the specification
of the shops, section 2. `/public/goods/detail/{no}/information` is this server's own address: the real one is unknown.
"""

from __future__ import annotations

import html as markup
import json
import re
from collections.abc import Sequence

from studio.shop import ssf_goods as goods
from studio.shop.answers import NOT_FOUND, Answer, Request, html, xml
from studio.shop.product import Picture, Shop, ShopProduct
from studio.shop.tables import SSF_PARENTS, SSF_TOPS

PAGE_HOSTS = ("www.ssfshop.com",)
IMAGE_HOSTS = ("img.ssfshop.com",)
PAGE_SIZE = 60
_GOODS_PICTURE = re.compile(
    r"/goods/[\w/]+/(?P<number>[A-Z0-9]{15})_\d+_(?:THNAIL_)?ORGINL_(?P<address>\d{14})000\.\w+$"
)
_DETAIL_PICTURE = re.compile(r"/goods/detail/(?P<address>\d{12}(?P<index>\d{9})\d{2})\.\w+$")
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


def answer(shop: Shop, request: Request) -> Answer:
    """The shop's answer to a request for www.ssfshop.com."""
    if request.path == "/selectProductList":
        return html(_fragment(shop, request.query))
    if re.fullmatch(r"/[^/]+/list", request.path):
        return _list_page(shop, request.query)
    if product := re.fullmatch(r"/[^/]+/([A-Z0-9]{10,})/good", request.path):
        return goods.page(shop, product[1])
    if information := re.fullmatch(r"/public/goods/detail/([A-Z0-9]{10,})/information", request.path):
        found = shop.find(information[1])
        return html(goods.information(found)) if found else NOT_FOUND
    if request.path == "/sitemap_category.xml":
        return _sitemap(shop)
    return NOT_FOUND


def picture(shop: Shop, request: Request) -> tuple[Picture, int | None] | None:
    """The picture at an image address and the width asked for (None: as it is); None for an address of no picture."""
    resized = re.match(r"/cmd/[LR]B_(\d{1,6})x\d*/src/", request.path)
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


# Lists


def _list_page(shop: Shop, query: dict[str, str]) -> Answer:
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
        f'<meta property="og:image" name="og_image" content="{goods.IMAGES}"/><title>합성 목록</title>'
        f"<script>{_GO_TO_PRODUCT}</script></head><body>{_menu()}{form}"
        f'<div class="goods_container" id="goods_container">{_fragment(shop, query)}</div>'
        f"<script>{layer}</script></body></html>"
    )


def _menu() -> str:
    tops = "".join(f'<a href="/main/THMA38A07?dspCtgryNo={code}">{name}</a>' for code, name in SSF_TOPS.items())
    return f'<nav><a href="/public/search/search/view">검색</a>{tops}</nav>'


def _members(shop: Shop, query: dict[str, str]) -> Sequence[int]:
    return shop.members(query.get("dspCtgryNo", "") or "-", query.get("benefit") != "EXC_SLDOUT")


def _fragment(shop: Shop, query: dict[str, str]) -> str:
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


def _card(product: ShopProduct, place: int) -> str:
    """One card; every fifth product has a plain address in place of the script's, as captures of 2026 do."""
    slug, brand = markup.escape(goods.slug(product.brand.name_en)), markup.escape(product.brand.name_en)
    script = f"javascript:goToProductDetail('{slug}','{product.number}','{place}',this, 'godList');"
    href = f"/{slug}/{product.number}/good?utag=synthetic" if product.index % 5 == 0 else script
    name, colour = markup.escape(product.name), markup.escape(product.colour)
    colours = f'<span class="color"><span class="color07">{colour}</span></span>' if product.index % 3 else ""
    tags = "".join(f'<span class="tag"><span class="txt">{text}</span></span>' for _, text in product.labels)
    return (
        f'<li data-prdno="{product.number}" view-godno="{product.number}" '
        f'class="god-item{" soldout" if product.sold_out else ""}"><a href="{href}"><div class="god-img">'
        f'{_card_pictures(product, name)}</div><div class="god-info"><span class="brand"> {brand}</span>'
        f'<span class="name"> {name}</span><span class="price">{_card_price(product)}</span>'
        f'<span class="tags">{tags}</span>{colours}<span class="score"><span class="point"><em>4.5</em></span>'
        f'<span class="review">(<em>{product.index % 40}</em>)</span><span class="heart"><em>1.2천</em></span></span>'
        f"</div></a></li>"
    )


def _card_pictures(product: ShopProduct, name: str) -> str:
    if not product.pictures:
        return f'<img src="{goods.IMAGES}" alt="{name}" onerror="this.src=\'{goods.PLACEHOLDER}\'" />'
    first = (
        f'<img src="{goods.resized(product, 0, "500x660")}" alt="{name}" onerror="this.src=\'{goods.PLACEHOLDER}\'" />'
    )
    if len(product.pictures) < 2:
        return first
    return f'{first}<span class="hover"><img src="{goods.resized(product, 1, "500x660")}" alt="{name}" /></span>'


def _card_price(product: ShopProduct) -> str:
    prices = product.prices
    if prices is None:
        return ""
    won = '<span class="wa_hidden">원</span>'
    if prices.list_price == prices.sale_price:
        return f'{prices.sale_price:,}{won}<span class="wa_hidden">판매가</span>'
    return (
        f'<del><span class="wa_hidden">원가</span>{prices.list_price:,}{won}</del>'
        f"<em class='sale'><span class=\"wa_hidden\">할인율</span>{prices.rate}%</em>"
        f'{prices.sale_price:,}{won}<span class="wa_hidden">판매가</span>'
    )


def _sitemap(shop: Shop) -> Answer:
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
