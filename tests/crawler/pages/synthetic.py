"""Synthetic pages and answers in the shapes of both shops: all names, numbers and texts are invented."""

from __future__ import annotations

import json
from typing import Any

from web_poet import HttpResponse

from crawler.captures import page_classes
from crawler.pages.base import InformationPage, ParsedPage, ShopPage

MUSINSA_NO = "7000001"
SSF_NO = "GM0026010100001"
MUSINSA_PRODUCT = f"https://www.musinsa.com/products/{MUSINSA_NO}"
MUSINSA_CALL = f"https://goods-detail.musinsa.com/api2/goods/{MUSINSA_NO}"
SSF_PRODUCT = f"https://www.ssfshop.com/GREEN-POND/{SSF_NO}/good"
PLP_V1 = "https://api.musinsa.com/api2/dp/v1/plp/goods?category=001&caller=CATEGORY&gf=A&page=3&size=60"
PLP_V2 = "https://api.musinsa.com/api2/dp/v2/plp/goods?category=001&caller=CATEGORY&page=2&hmacId=abc"
SSF_LIST = "https://www.ssfshop.com/Dresses/list?dspCtgryNo=SFMA41A06"
SSF_FRAGMENT = "https://www.ssfshop.com/selectProductList?dspCtgryNo=SFMA41A06&currentPage=2&sortColumn=SALE_QTY_SEQ"


def read(url: str, body: str | bytes | object, status: int = 200, kind: type[ShopPage] | None = None) -> ParsedPage:
    """What the page object that the registry has for the address reads from a body (JSON unless text or bytes)."""
    raw = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    classes = page_classes(url)
    chosen = next(page for page in classes if issubclass(page, kind)) if kind else classes[0]
    return chosen(response=HttpResponse(url, raw, status=status)).parse()


def only(page: ParsedPage) -> Any:
    (record,) = page.records
    return record


def success(data: object) -> dict[str, Any]:
    return {"meta": {"result": "SUCCESS", "errorCode": "", "message": ""}, "data": data, "error": None}


def goods(**changes: Any) -> dict[str, Any]:
    """A product object of MUSINSA, with a seller's contacts that must never come out."""
    return {
        "goodsNo": int(MUSINSA_NO),
        "goodsNm": "달무늬 코튼 와이드 팬츠_블랙",
        "goodsNmEng": "MOONGRAIN WIDE PANTS",
        "thumbnailImageUrl": f"/images/goods_img/20260101/{MUSINSA_NO}/{MUSINSA_NO}_17670000000001_500.jpg",
        "styleNo": "SY000001",
        "sex": ["남성", "여성"],
        "brand": "greenpond",
        "brandInfo": {"brandName": "그린폰드"},
        "season": "2",
        "seasonYear": "2026",
        "category": {
            "categoryDepth1Code": "003",
            "categoryDepth1Name": "바지",
            "categoryDepth2Code": "003007",
            "categoryDepth2Name": "코튼 팬츠",
            "categoryDepth3Code": "",
            "categoryDepth3Name": "",
        },
        "baseCategory": "029015001",
        "baseCategoryFullPath": "Clothing > 바지 > 코튼 팬츠",
        "goodsImages": [
            {"imageUrl": f"/images/prd_img/20260101/{MUSINSA_NO}/detail_{MUSINSA_NO}_{n}_500.jpg"} for n in (1, 2)
        ],
        "goodsPrice": {"normalPrice": 50000, "salePrice": 40000, "couponPrice": 36000, "finalPrice": 35000},
        "goodsSaleType": "SALE",
        "isOutOfStock": False,
        "isSale": False,
        "isSellPeriod": False,
        "labels": [{"code": "pre-order", "name": "예약"}],
        "goodsMaterial": {
            "materials": [
                {
                    "name": "핏",
                    "items": [{"name": "오버|사이즈", "isSelected": True}, {"name": "슬림", "isSelected": False}],
                },
                {"name": "두께", "items": [{"name": "보통", "isSelected": False}]},
            ]
        },
        "goodsContents": (
            '<p>부드러운 조직</p><img src="//image.msscdn.net/images/prd_img/1.jpg"><p>문의 010-0000-1234</p>'
        ),
        "similarNo": 0,
        "company": {"name": "합성상사", "phoneNumber": "02-0000-1234", "email": "seller.synthetic@example.com"},
        "goodsLogisticsInfoV2": [{"returnShippingAddress": "서울시 없는구 합성로 12"}],
        **changes,
    }


def next_page(page_props: object) -> str:
    state = json.dumps({"props": {"pageProps": page_props}, "page": "/x"}, ensure_ascii=False)
    return (
        f'<!DOCTYPE html><html><body><script id="__NEXT_DATA__" type="application/json">{state}</script></body></html>'
    )


def state_page(data: object, variable: str = "__MSS_FE__") -> str:
    state = json.dumps(data, ensure_ascii=False)
    return (
        f"<html><head><script>window.{variable} = window.{variable} || {{}};\n"
        f"window.{variable}.product = window.{variable}.product || {{}};\n"
        f"window.{variable}.product.state = {state};</script></head><body></body></html>"
    )


def row(number: int = 7000002, **changes: Any) -> dict[str, Any]:
    """A row of a plp answer."""
    return {
        "goodsNo": number,
        "goodsName": "물결 린넨 셔츠",
        "thumbnail": f"https://image.msscdn.net/images/goods_img/20260101/{number}/{number}_1_500.jpg",
        "displayGenderText": "공용",
        "isSoldOut": False,
        "normalPrice": 30000,
        "price": 20000,
        "brand": "twomoon",
        "brandName": "투문",
        "isAd": False,
        **changes,
    }


def plp(*rows: object, **pagination: Any) -> dict[str, Any]:
    return success({"list": list(rows), "pagination": {"page": 1, "size": 60, "totalCount": 120, **pagination}})


def card(
    number: str = SSF_NO, *, classes: str = "god-item", price: str | None = None, picture: bool = True, **changes: str
) -> str:
    """A card of SSF's grid."""
    price = (
        price
        if price is not None
        else "<del><span class='wa_hidden'>원가</span>99,000</del><em class='sale'>10%</em>89,100"
    )
    folder = f"https://img.ssfshop.com/cmd/LB_500x660/src/https://img.ssfshop.com/goods/SYSY/26/01/01/{number}"
    shown = f"{folder}_0_THNAIL_ORGINL_1.jpg" if picture else "https://img.ssfshop.com"
    hover = f'<span class="hover"><img src="{folder}_1_THNAIL_ORGINL_1.jpg"/></span>' if picture else ""
    link = changes.get("link", f"javascript:goToProductDetail('ST-VALE','{number}','1',this, 'godList');")
    return f"""<li data-prdno="{number}" view-godno="{number}" class="{classes}"><a href="{link}">
      <div class="god-img"><img src="{shown}" onerror="this.src='/v3/images/common/noImg_1500.gif'"/>{hover}</div>
      <div class="god-info"><span class="brand"> ST.VALE</span>
      <span class="name">{changes.get("name", " 숲길  랩 원피스 ")}</span>
      <span class="price">{price}<span class="wa_hidden">원</span><span class="wa_hidden">판매가</span></span>
      <span class="color"><span class="color07">갈색</span><span class="color32">검정색</span></span></div></a></li>"""


def grid(*cards: str, page: int = 1, last: int = 3, total: int = 130) -> str:
    """The inside of the list's container, which the fragment call answers."""
    return f"""<input type="hidden" value="{total}" id="ctgryGodsListTotalRow"/>
      <div id="listGoods"><ul id="dspGood">{"".join(cards)}</ul></div>
      <div id="pagingArea"><a class="on" href="javascript:void(0)">{page}</a>
      <a id="page_last" pageNo="{last}"></a></div>"""


def list_page(container: str) -> str:
    return f"""<html><body><form id="searchForm"><input type="hidden" name="dspCtgryNo" value="SFMA41A06"/>
      <input type="hidden" name="brandShopNo" value=""/><input type="hidden" name="currentPage" value="1"/>
      <input type="hidden" name="sortColumn" value="SALE_QTY_SEQ"/><input type="hidden" name="preferAge"/>
      <input type="hidden" name="serviceType" value="DSP"/></form>
      <div id="goods_container">{container}</div></body></html>"""


SIZE_LINKS = """<ul id="optionDiv1"><li><a optcd="M" statcd="SALE_PROGRS">M</a></li>
  <li><a optcd="L" statcd="SLDOUT">L</a></li></ul>"""
BREADCRUMB = '<li><a href="/">Home</a></li><li>여성</li><li><a href="/P/list?dspCtgryNo=SFMA41A04">팬츠</a></li>'
SIZE_INPUTS = """<div class="gods-option">
  <input type="hidden" name="sizeItmNo" sizeItmNm="S" itmStatCd="SALE_PROGRS" onlineUsefulInvQty="4"/>
  <input type="hidden" name="sizeItmNo" sizeItmNm="M" itmStatCd="SALE_PROGRS" onlineUsefulInvQty="0"/></div>"""


def ssf_product(
    *,
    linked: dict[str, Any] | None = None,
    sizes: str = SIZE_LINKS,
    name: str = "새벽 트윌 팬츠 - 네이비",
    extra: str = "",
    breadcrumb: str = BREADCRUMB,
) -> str:
    """A product page as the server sends it (reconstructed from the specification; no page was captured)."""
    folder = "https://img.ssfshop.com/goods/SYSY/26/01/01/" + SSF_NO
    data = {
        "@context": "https://schema.org",
        "@type": "Product",
        "name": name,
        "image": [f"https://img.ssfshop.com/cmd/LB_750x1000/src/{folder}_{n}_THNAIL_ORGINL_1.jpg" for n in range(4)],
        "brand": {"@type": "Brand", "name": "GREEN POND"},
        "category": "여성 » 팬츠 » 와이드",
        "offers": {"price": 70400, "priceCurrency": "KRW", "availability": "https://schema.org/InStock"},
        **(linked or {}),
    }
    script = json.dumps(data, ensure_ascii=False)
    heading = (
        f'<h2 class="brand-name">GREEN POND</h2><div class="gods-name" id="goodDtlTitle">{name}</div>' if name else ""
    )
    return f"""<html><head><meta property="og:image" content="https://img.ssfshop.com"/>
      <script type="application/ld+json">{script}</script><script>window._godNo = "{SSF_NO}";</script></head><body>
      <div class="breadcrumb"><ol>{breadcrumb}</ol></div>{heading}
      <div class="gods-price"><span class="cost"><del>88,000</del></span>
      <span class="sale"><em class="price">70,400</em></span></div><div class="preview-thumb">
      <a class="thumb-item" data="https://img.ssfshop.com/cmd/RB_100x133/src/{folder}_0_THNAIL_ORGINL_1.jpg"></a></div>
      {sizes}<div class="opt-select color-thumbs">
      <label onclick="location.href='/GREEN-POND/GM0026010100002/good'"></label>
      <label onclick="location.href='/GREEN-POND/{SSF_NO}/good'"></label></div>
      <div class="recommended"><a href="/OHTEO/GRSY26010100009/good">다른 상품</a></div>{extra}</body></html>"""


INFORMATION_TAB = """<div id="godsTabView"><div class="gods-detail-img">
    <img src="/v3/images/common/noImg_1500.gif" data-original="//seller.example.com/a.jpg"/>
    <img src="https://seller.example.com/b.jpg"/><img src="data:image/gif;base64,AAAA"/>
    <img src="https://seller.example.com/1px.gif"/><iframe src="https://video.example.com/v"></iframe></div>
  <div class="gods-detail-desc"><p>잔잔한 결의 원단</p><p>문의 seller.synthetic@example.com</p>
    <p>고객센터 1500-0000</p></div>
  <table class="tbl-info"><tr><th>소재</th><td>면 100%</td></tr><tr><th>제조자</th><td>합성상사</td></tr>
    <tr><th>A/S 책임자와 전화번호</th><td>02-0000-1234</td></tr></table>
  <div id="goodsMySizeList"><table><tr><th>총장</th><th>허리</th></tr><tr><td>170</td><td>60</td></tr></table></div>
  <div class="brand-size"><table><tr><th>사이즈</th><th>총장</th><th>허리단면</th></tr>
    <tr><td>S</td><td>100.5</td><td>36cm</td></tr><tr><td>M</td><td>102</td><td>-</td></tr></table></div>
  <div class="recommend"><img src="https://img.ssfshop.com/goods/ZZZZ/other.jpg"/></div></div>"""


def information(page: str) -> ParsedPage:
    return read(SSF_PRODUCT, page, kind=InformationPage)
