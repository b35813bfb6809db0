"""MUSINSA's pages on synthetic bodies: what the captured samples do not show, and what must be refused by name."""

from __future__ import annotations

import json

import pytest

from crawler.errors import Gone, Rejected
from crawler.pages.base import CategoryPage
from tests.crawler.pages.synthetic import (
    MUSINSA_CALL,
    MUSINSA_NO,
    MUSINSA_PRODUCT,
    PLP_V1,
    PLP_V2,
    goods,
    next_page,
    only,
    plp,
    read,
    row,
    state_page,
    success,
)

CATEGORY = "https://www.musinsa.com/category/001/goods?gf=A"


def category_page(code: str, *pages: object) -> str:
    lists = {"queryKey": [code, {"gf": "A"}], "state": {"data": {"pages": list(pages)}}}
    tree = {
        "queryKey": ["category/Category", "001"],
        "state": {
            "data": {
                "categoryCode": "001",
                "categoryTitle": "상의",
                "parentCategoryCode": "",
                "categoryList": [
                    {"categoryCode": "001001", "categoryTitle": "반소매", "parentCategoryCode": "001"},
                    {"categoryCode": "001002", "categoryTitle": "셔츠", "parentCategoryCode": "001"},
                ],
            }
        },
    }
    return next_page({"dehydratedState": {"queries": [{"queryKey": None}, tree, lists]}})


@pytest.mark.parametrize(
    ("url", "body"),
    [
        (MUSINSA_PRODUCT, state_page(goods(), "__MSS_FE__")),
        (MUSINSA_PRODUCT, state_page(goods(), "__MSS__")),
        (MUSINSA_PRODUCT + "?utm=1", next_page({"meta": success(goods())})),
        (f"https://www.musinsa.com/app/goods/{MUSINSA_NO}/0", state_page(goods())),
        (MUSINSA_CALL, success(goods())),
    ],
)
def test_every_embedding_of_a_product_gives_the_same_record(url: str, body: object) -> None:
    product = only(read(url, body))
    assert product.url == MUSINSA_PRODUCT
    assert (product.product_no, product.name, product.name_en) == (
        MUSINSA_NO,
        "달무늬 코튼 와이드 팬츠_블랙",
        "MOONGRAIN WIDE PANTS",
    )
    assert (product.list_price, product.sale_price, product.final_price) == (50000, 40000, 35000)
    assert (product.garment_class, product.class_reason) == ("lower", None)
    assert product.category_codes == ("003", "003007")
    assert product.category_path == ("바지", "코튼 팬츠")
    assert product.sex == ("women", "men")
    assert (product.season, product.season_year) == ("2", 2026)
    assert product.material == {"핏": ("오버 사이즈",)}
    assert product.colour_group is None
    assert [image.role for image in product.images] == ["main", "gallery", "gallery", "detail"]
    assert product.images[0].url.endswith("_17670000000001_big.jpg?w=1200")


def test_a_sellers_contacts_never_come_out() -> None:
    dumped = only(read(MUSINSA_CALL, success(goods()))).model_dump_json()
    for contact in ("합성상사", "0000-1234", "seller.synthetic", "합성로"):
        assert contact not in dumped


def test_a_script_end_inside_a_text_does_not_cut_the_state() -> None:
    product = only(read(MUSINSA_PRODUCT, state_page(goods(goodsNm='중괄호 }; "따옴표" 팬츠'))))
    assert product.name == '중괄호 }; "따옴표" 팬츠'


def test_a_broken_state_falls_back_to_the_other_embedding() -> None:
    broken = state_page(goods())[:400]
    assert only(read(MUSINSA_PRODUCT, broken + next_page({"meta": success(goods())}))).product_no == MUSINSA_NO


def test_a_body_without_charset_is_utf8() -> None:
    body = json.dumps(success(goods()), ensure_ascii=False).encode()
    assert only(read(MUSINSA_CALL, b"\xef\xbb\xbf" + body)).brand == "그린폰드"


@pytest.mark.parametrize(
    ("changes", "state", "sold_out"),
    [
        ({}, "on_sale", False),
        ({"isOutOfStock": True}, "sold_out", True),
        ({"goodsSaleType": "SOLD_OUT"}, "sold_out", True),
        ({"goodsSaleType": "STOP_SALE"}, "stopped", False),
        ({"goodsSaleType": "STAND_BY_SALE"}, "scheduled", False),
        ({"goodsSaleType": None}, "on_sale", False),
    ],
)
def test_stock_states(changes: dict[str, object], state: str, sold_out: bool) -> None:
    product = only(read(MUSINSA_CALL, success(goods(**changes))))
    assert (product.stock_state, product.sold_out) == (state, sold_out)


@pytest.mark.parametrize(
    ("prices", "final"),
    [
        ({"salePrice": 40000, "couponPrice": 36000, "finalPrice": 35000}, 35000),
        ({"salePrice": 40000, "couponPrice": 36000}, 36000),
        ({"salePrice": 40000, "couponPrice": None, "finalPrice": "?"}, 40000),
        ({}, None),
    ],
)
def test_the_final_price_is_the_best_one_told(prices: dict[str, object], final: int | None) -> None:
    assert only(read(MUSINSA_CALL, success(goods(goodsPrice=prices)))).final_price == final


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"goodsNm": "주름 스커트 팬츠"}, ("lower", "skort")),
        ({"goodsNm": "조거 팬츠 2PACK"}, ("none", "set")),
        ({"usedProduct": {"grade": "A"}}, ("none", "used")),
        ({"labels": [{"code": "used", "name": "유즈드"}]}, ("none", "used")),
        ({"category": {"categoryDepth1Code": "107", "categoryDepth2Code": "107001"}}, ("lower", "outlet")),
        ({"category": {}, "baseCategory": "029013001"}, ("dress", None)),
        ({"category": None, "baseCategory": None, "baseCategoryFullPath": "Clothing > 스커트"}, ("lower", None)),
        ({"category": None, "baseCategory": None, "baseCategoryFullPath": None}, ("none", "mixed-category")),
    ],
)
def test_the_class_follows_category_base_tree_and_name(
    changes: dict[str, object], expected: tuple[str, str | None]
) -> None:
    product = only(read(MUSINSA_CALL, success(goods(**changes))))
    assert (product.garment_class, product.class_reason) == expected


def test_wrong_types_of_what_is_optional_read_as_absent() -> None:
    odd = {key: [[None]] for key in goods() if key not in ("goodsNo", "goodsNm")}
    product = only(read(MUSINSA_CALL, success(goods(**odd))))
    assert (product.product_no, product.brand, product.sale_price, product.images) == (MUSINSA_NO, None, None, ())


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (success(goods(goodsNm=" ")), "missing-name"),
        (success(goods(goodsNm=None)), "missing-name"),
        (success(goods(goodsNo="../x")), "missing-number"),
        (success(goods(goodsNo=1234)), "other-product"),
        (success(None), "no-product-data"),
        (success([]), "no-product-data"),
        ({"meta": {"result": "FAIL", "errorCode": "E1", "message": "down"}, "data": None}, "shop-error"),
        ("{", "not-json"),
        ("[1]", "not-json"),
        ("<html>login</html>", "no-product-data"),
        ("  ", "empty-page"),
    ],
)
def test_a_page_that_is_no_product_is_rejected_by_name(body: object, reason: str) -> None:
    with pytest.raises(Rejected) as caught:
        read(MUSINSA_CALL, body)
    assert caught.value.reason == reason


def test_a_gone_product_is_gone_in_the_page_and_in_the_call() -> None:
    answer = {
        "meta": {"result": "FAIL", "errorCode": "DISPLAY_000_0006", "message": "없음"},
        "data": None,
        "error": None,
    }
    for url, body in ((MUSINSA_CALL, answer), (MUSINSA_PRODUCT, next_page({"meta": answer}))):
        with pytest.raises(Gone):
            read(url, body)
    with pytest.raises(Gone):
        read(MUSINSA_PRODUCT, "<html></html>", status=404)
    with pytest.raises(Rejected, match="http-status"):
        read(MUSINSA_PRODUCT, state_page(goods()), status=503)


def test_a_list_call_leaves_adverts_and_banners_out_and_names_bad_rows() -> None:
    page = read(
        PLP_V2,
        plp(
            row(7000002, couponPrice=18000),
            row(7000003, isAd=True),
            {"bannerUrl": "https://example.com"},
            row(7000004, goodsName=None),
            row(7000005, price="free"),
            row(7000006, price=-1),
            row(7000007, price=None),
            row("a b"),  # type: ignore[arg-type]
            7,
            nextPageUrl="https://api.musinsa.com/api2/dp/v2/plp/goods?page=3&hmacId=def",
        ),
    )
    kept = {record.product_no: record for record in page.records if record.kind == "listing"}
    assert list(kept) == ["7000002", "7000007"]
    assert (kept["7000002"].sale_price, kept["7000002"].final_price, kept["7000007"].sale_price) == (20000, 18000, None)
    assert kept["7000002"].category_codes == ("001",)
    rejected = [(record.product_no, record.reason) for record in page.records if record.kind == "rejection"]
    assert rejected == [
        ("7000004", "missing-name"),
        ("7000005", "bad-price"),
        ("7000006", "bad-price"),
        ("a b", "missing-number"),
        (None, "not-a-row"),
    ]
    assert page.next_url == "https://api.musinsa.com/api2/dp/v2/plp/goods?page=3&hmacId=def"
    assert page.total == 120


def test_an_empty_list_is_the_end_though_a_next_address_is_given() -> None:
    page = read(PLP_V2, plp(nextPageUrl="https://api.musinsa.com/api2/dp/v2/plp/goods?page=9", hasNext=True))
    assert (page.records, page.next_url) == ((), None)


def test_v1_goes_on_by_page_number_and_v2_never_does() -> None:
    following = read(PLP_V1, plp(row(infoLabelList=[{"code": "new", "title": "신상"}])))
    assert following.next_url == PLP_V1.replace("page=3", "page=4")
    assert only(following).labels == ("new",)
    assert read(PLP_V2, plp(row())).next_url is None
    assert read(PLP_V1, plp(row(), hasNext=False)).next_url is None


def test_a_category_page_gives_the_list_of_the_category_asked_for() -> None:
    first = plp(row(), nextPageUrl="/api2/dp/v2/plp/goods?page=2&hmacId=x")
    page = read(CATEGORY, category_page("001", {"data": first["data"]}))
    assert only(page).product_no == "7000002"
    assert page.next_url == "https://www.musinsa.com/api2/dp/v2/plp/goods?page=2&hmacId=x"
    with pytest.raises(Rejected, match="not-a-list"):
        read(CATEGORY, category_page("002", {"data": first["data"]}))


def test_a_category_page_gives_the_category_tree() -> None:
    records = read(CATEGORY, category_page("001"), kind=CategoryPage).records
    assert [(r.code, r.parent_code, r.garment_class) for r in records if r.kind == "category"] == [
        ("001", None, "upper"),
        ("001001", "001", "upper"),
        ("001002", "001", "upper"),
    ]


def test_sizes_that_were_not_measured_are_none() -> None:
    items = [{"name": "총장", "value": 60.5}, {"name": "암홀", "value": 0.0}, {"name": "화장", "value": "70"}]
    sizes = {"typeName": "셔츠", "sizes": [{"name": "0. S", "items": items}, {"items": items}, None]}
    table = only(read(f"{MUSINSA_CALL}/actual-size", success(sizes)))
    assert table.measurements == {"0. S": {"총장": 60.5, "암홀": None, "화장": None}}
    assert only(read(f"{MUSINSA_CALL}/actual-size", success(None))).measurements == {}


def test_options_leave_deleted_values_out_and_say_nothing_of_stock() -> None:
    basic = [
        {"name": "색상", "optionValues": [{"name": "블랙"}, {"name": "화이트", "isDeleted": True}]},
        {"name": "SIZE", "optionValues": [{"name": "M"}, {"name": "L"}, {"name": "M"}]},
        {"name": "각인", "optionValues": [{"name": "있음"}]},
    ]
    options = only(read(f"{MUSINSA_CALL}/options?goodsSaleType=SALE&optKindCd=CLOTHES", success({"basic": basic})))
    assert options.colours == ("블랙",)
    assert [(size.name, size.sold_out) for size in options.sizes] == [("M", None), ("L", None)]


def test_other_tabs_are_no_colours() -> None:
    tabs = [
        {"curationType": "RECOMMEND", "curationGoodsList": [{"goodsNo": 1, "goodsName": "a"}]},
        {
            "curationType": "OTHER_COLOR",
            "curationGoodsList": [{"goodsNo": 2, "goodsName": "b", "isSoldOut": True}, {"goodsNo": 3}],
        },
    ]
    group = only(read(f"{MUSINSA_CALL}/curation/other-color", success({"curationTabs": tabs})))
    assert [(variant.product_no, variant.sold_out) for variant in group.variants] == [("2", True)]
