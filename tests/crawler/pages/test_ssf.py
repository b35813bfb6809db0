"""SSF's pages on synthetic bodies: no product page, information tab or sold-out card of the shop was captured."""

from __future__ import annotations

import pytest

from crawler.errors import Gone, Rejected
from tests.crawler.pages.synthetic import (
    INFORMATION_TAB,
    SIZE_INPUTS,
    SSF_FRAGMENT,
    SSF_LIST,
    SSF_NO,
    SSF_PRODUCT,
    card,
    grid,
    information,
    list_page,
    only,
    read,
    ssf_product,
)

NEXT = "https://www.ssfshop.com/selectProductList?dspCtgryNo=SFMA41A06&currentPage={}&sortColumn=SALE_QTY_SEQ"


def test_a_product_page_without_javascript_is_complete_but_for_the_tab() -> None:
    product = only(read(SSF_PRODUCT + "?dspCtgryNo=SFMA41A14", ssf_product()))
    assert product.url == SSF_PRODUCT
    assert (product.name, product.brand, product.colours) == ("새벽 트윌 팬츠 - 네이비", "GREEN POND", ("네이비",))
    assert (product.list_price, product.sale_price, product.final_price) == (88000, 70400, 70400)
    assert (product.category_codes, product.category_path) == (("SFMA41A04",), ("여성", "팬츠"))
    assert (product.garment_class, product.sex) == ("lower", ("women",))
    assert [(size.name, size.sold_out) for size in product.sizes] == [("M", False), ("L", True)]
    assert product.colour_products == ("GM0026010100002",)
    assert [image.role for image in product.images] == ["main", "gallery", "gallery", "gallery"]
    assert product.images[0].url == f"https://img.ssfshop.com/goods/SYSY/26/01/01/{SSF_NO}_0_THNAIL_ORGINL_1.jpg"
    assert (product.sold_out, product.stock_state) == (False, "on_sale")


def test_the_decorated_address_gives_the_same_canonical_one() -> None:
    assert only(read(f"https://www.ssfshop.com/x/{SSF_NO}/good", ssf_product())).url == SSF_PRODUCT


def test_sizes_in_hidden_inputs_are_sold_out_by_stock() -> None:
    product = only(read(SSF_PRODUCT, ssf_product(sizes=SIZE_INPUTS)))
    assert [(size.name, size.sold_out) for size in product.sizes] == [("S", False), ("M", True)]


@pytest.mark.parametrize(
    ("page", "sold_out"),
    [
        (ssf_product(linked={"offers": {"price": 1, "availability": "https://schema.org/OutOfStock"}}), True),
        (ssf_product(linked={"offers": [{"price": 1, "availability": "OutOfStock"}]}), True),
        (ssf_product(extra='<div class="submit"><a class="btn order disabled">품절</a></div>'), True),
        (ssf_product(extra='<div id="restockSoldOut">재입고</div>'), True),
        (ssf_product(extra='<div id="restockSoldOut" style="display: none">재입고</div>'), False),
        (ssf_product(sizes='<ul id="optionDiv1"><li><a optcd="M" statcd="SLDOUT">M</a></li></ul>'), True),
        (ssf_product(sizes=""), False),
    ],
)
def test_sold_out_in_each_of_its_shapes(page: str, sold_out: bool) -> None:
    assert only(read(SSF_PRODUCT, page)).sold_out is sold_out


def test_json_ld_alone_is_enough_and_so_is_html_alone() -> None:
    page = ssf_product()
    head, body = page.split("<body>")
    linked = only(read(SSF_PRODUCT, head + "<body></body></html>"))
    assert (linked.name, linked.brand, linked.sale_price, len(linked.images)) == (
        "새벽 트윌 팬츠 - 네이비",
        "GREEN POND",
        70400,
        4,
    )
    assert linked.category_path == ("여성", "팬츠", "와이드")
    plain = only(read(SSF_PRODUCT, "<html><body>" + body))
    assert (plain.name, plain.list_price, plain.sale_price, len(plain.images)) == (
        "새벽 트윌 팬츠 - 네이비",
        88000,
        70400,
        1,
    )


def test_a_path_decides_where_the_list_mixes_garments() -> None:
    breadcrumb = '<li><a href="/list?dspCtgryNo=SFMA41A14">신상품</a></li>'
    page = ssf_product(breadcrumb=breadcrumb + "<li>원피스/스커트</li><li>롱 스커트</li>")
    assert only(read(SSF_PRODUCT, page)).garment_class == "lower"


@pytest.mark.parametrize(
    ("url", "body", "reason"),
    [
        (SSF_PRODUCT, "<html><body>점검 중</body></html>", "no-product-data"),
        (SSF_PRODUCT, ssf_product(name="", linked={"name": " "}), "missing-name"),
        (SSF_PRODUCT.replace(SSF_NO, "GM0026010100077"), ssf_product(), "other-product"),
        (SSF_LIST, "<html><body>점검 중</body></html>", "not-a-list"),
        (SSF_FRAGMENT, "<p>nothing</p>", "not-a-list"),
        (SSF_FRAGMENT, "", "empty-page"),
    ],
)
def test_a_page_that_is_not_what_its_address_promises_is_rejected(url: str, body: str, reason: str) -> None:
    with pytest.raises(Rejected) as caught:
        read(url, body)
    assert caught.value.reason == reason


def test_a_product_that_answers_404_is_gone() -> None:
    with pytest.raises(Gone):
        read(SSF_PRODUCT, "<html></html>", status=404)


def test_the_information_tab_gives_sellers_pictures_and_garment_sizes_only() -> None:
    record = only(information(ssf_product(extra=INFORMATION_TAB)))
    assert [image.url for image in record.images] == [
        "https://seller.example.com/a.jpg",
        "https://seller.example.com/b.jpg",
    ]
    assert {image.role for image in record.images} == {"detail"}
    assert record.measurements == {"S": {"총장": 100.5, "허리단면": 36.0}, "M": {"총장": 102.0, "허리단면": None}}
    assert record.material == {"소재": ("면 100%",)}
    assert record.detail_text == "잔잔한 결의 원단\n문의 [...]"
    assert record.url == SSF_PRODUCT


def test_a_size_table_may_be_turned() -> None:
    table = """<table><tr><th>구분</th><th>S</th><th>M</th></tr><tr><th>총장</th><td>60</td><td>0</td></tr>
      <tr><th>가슴둘레</th><td>90</td><td>95</td></tr></table>"""
    page = f'<div id="godsTabView"><div class="gods-detail-img"></div>{table}</div>'
    assert only(information(page)).measurements == {
        "S": {"총장": 60.0, "가슴둘레": 90.0},
        "M": {"총장": None, "가슴둘레": 95.0},
    }


def test_a_page_without_the_tab_has_no_information() -> None:
    with pytest.raises(Rejected, match="no-information"):
        information(ssf_product())


def test_the_page_and_the_fragment_hold_the_same_cards() -> None:
    cards = (card(), card("GRSY26010100002"))
    whole = read(SSF_LIST, list_page(grid(*cards)))
    fragment = read(SSF_FRAGMENT, grid(*cards, page=2))
    assert whole.records == fragment.records
    assert whole.next_url == NEXT.format(2) + "&serviceType=DSP"
    assert fragment.next_url == NEXT.format(3)
    assert whole.total == 130


def test_a_card_in_full() -> None:
    listing = only(read(SSF_FRAGMENT, grid(card(classes="god-item soldout"))))
    assert (listing.product_no, listing.name, listing.brand, listing.brand_code) == (
        SSF_NO,
        "숲길 랩 원피스",
        "ST.VALE",
        "ST-VALE",
    )
    assert (listing.list_price, listing.sale_price) == (99000, 89100)
    assert listing.sold_out is True
    assert listing.colours == ("갈색", "검정색")
    assert listing.category_codes == ("SFMA41A06",)
    assert [image.role for image in listing.images] == ["main", "gallery"]
    assert listing.url == f"https://www.ssfshop.com/ST-VALE/{SSF_NO}/good"


def test_a_plain_link_names_the_slug_too() -> None:
    listing = only(read(SSF_FRAGMENT, grid(card(link=f"/ST-VALE/{SSF_NO}/good?utag=x"))))
    assert listing.url == f"https://www.ssfshop.com/ST-VALE/{SSF_NO}/good"


def test_odd_cards() -> None:
    page = read(
        SSF_FRAGMENT,
        grid(
            card("GRSY26010100003", price="120,000"),
            card("GRSY26010100004", price=""),
            card("GRSY26010100005", price="가격 문의"),
            card("GRSY26010100006", name=" "),
            card("GRSY26010100007", picture=False),
            card("../../etc", link="#"),
        ),
    )
    told = [(r.product_no, r.reason if r.kind == "rejection" else (r.list_price, r.sale_price)) for r in page.records]
    assert told == [
        ("GRSY26010100003", (120000, 120000)),
        ("GRSY26010100004", (None, None)),
        ("GRSY26010100005", "bad-price"),
        ("GRSY26010100006", "missing-name"),
        ("GRSY26010100007", (99000, 89100)),
        (None, "missing-number"),
    ]
    assert page.records[4].images == ()  # type: ignore[union-attr]


def test_the_last_page_and_an_empty_list_are_ends() -> None:
    assert read(SSF_FRAGMENT, grid(card(), page=3, last=3)).next_url is None
    nothing = grid("<li class='nodata'>상세검색 결과가 없습니다.</li>", total=0)
    page = read(SSF_FRAGMENT, nothing)
    assert (page.records, page.next_url) == ((), None)


def test_a_shell_without_grid_goes_on_with_the_first_fragment() -> None:
    page = read(SSF_LIST, list_page(""))
    assert (page.records, page.next_url) == ((), NEXT.format(1) + "&serviceType=DSP")
