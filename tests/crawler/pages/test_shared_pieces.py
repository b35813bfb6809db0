"""Fields, prices, texts and picture addresses: what any text of a shop may turn into, and what it may not."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crawler.pages.fields import one_line, product_number, sexes
from crawler.pages.image_addresses import MUSINSA_IMAGES, absolute, detail_images, images, musinsa_image, ssf_image
from crawler.pages.prices import krw
from crawler.pages.texts import plain_text

PATH = "/images/goods_img/20260101/7000001/7000001_17670000000001"
LARGEST = f"https://image.msscdn.net/thumbnails{PATH}_big.jpg?w=1200"


@pytest.mark.parametrize(
    ("written", "won"),
    [
        (39900, 39900),
        (39900.0, 39900),
        (0, 0),
        ("182,400원", 182400),
        ("70400", 70400),
        ("₩1,690,000", 1690000),
        ("39.900", 39900),
        ("1.2만", 12000),
        ("1.2만원", 12000),
        ("3천", 3000),
        ("", None),
        ("free", None),
        ("가격 문의", None),
        ("-5", None),
        (-1, None),
        (True, None),
        (None, None),
        (float("nan"), None),
        (float("inf"), None),
        (10**11, None),
        ("9" * 100, None),
        ([1], None),
    ],
)
def test_prices(written: object, won: int | None) -> None:
    assert krw(written) == won


@given(st.one_of(st.text(), st.integers(), st.floats(), st.none(), st.binary()))
@example("1,2.3,4.5")
@example("٣٤٥")
@example("1e5")
def test_a_price_is_won_in_range_or_nothing(written: object) -> None:
    won = krw(written)
    assert won is None or (isinstance(won, int) and 0 <= won <= 10**10)


@given(st.one_of(st.text(), st.integers(), st.from_regex(r"[A-Za-z0-9]{1,45}", fullmatch=True)))
def test_one_line_is_storable(written: object) -> None:
    text = one_line(written, 30)
    if text is not None:
        assert 0 < len(text) <= 30
        assert text == text.strip()
        assert not {"\x00", "\n", "\r", "\t"} & set(text)
        text.encode()
    number = product_number(written)
    assert number is None or (number.isascii() and number.isalnum() and len(number) <= 40)


def test_lone_surrogates_and_nul_do_not_reach_a_record() -> None:
    assert one_line(json.loads('"a\\ud800\\u0000b"')) == "ab"


def test_sexes_are_ordered_and_unknown_words_ignored() -> None:
    assert sexes("남성", "여성", "아동", None) == ("women", "men")
    assert sexes("공용") == ("women", "men")
    assert sexes("M") == ("men",)


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>하나</p><p>둘<br>셋</p>", "하나\n둘\n셋"),
        ("가<b>나</b>다<!-- x -->라", "가나다라"),
        ("<style>p{}</style><script>1</script>글", "글"),
        ("전화 02-000-1234, 010 0000 1234 끝", "전화 [...], [...] 끝"),
        ("+82-10-0000-1234 / 1588-0000", "[...] / [...]"),
        ("a.b-c@example.co.kr", "[...]"),
        ("반품주소: 서울시 없는구", None),
        ("<p>총장 102.5 / 허리 38</p><p>사업자등록번호 000</p>", "총장 102.5 / 허리 38"),
        ("품번 SY0000012345678", "품번 SY0000012345678"),
        ("2026.01.01 - 2026.12.31", "2026.01.01 - 2026.12.31"),
        ("<img src=a.jpg>", None),
        (None, None),
    ],
)
def test_sellers_html_as_text_without_contacts(markup: object, text: str | None) -> None:
    assert plain_text(markup) == text


@given(st.text(alphabet="<>/abp=\"' &;#x0-1@.\n", max_size=200))
def test_any_markup_gives_text_or_nothing(markup: str) -> None:
    text = plain_text(markup, 50)
    assert text is None or 0 < len(text) <= 50


@pytest.mark.parametrize(
    "written",
    [
        f"{PATH}_500.jpg",
        f"{PATH}_big.jpg",
        f"//image.msscdn.net{PATH}_220.jpg",
        f"//image.musinsa.com{PATH}_125.jpg",
        f"https://image.msscdn.net{PATH}_320.jpg?20260101",
        f"https://image.msscdn.net/thumbnails{PATH}_big.jpg?w=780",
    ],
)
def test_every_form_of_a_musinsa_picture_is_one_address(written: str) -> None:
    assert musinsa_image(written) == LARGEST


def test_an_old_short_index_is_not_taken_for_a_size() -> None:
    assert musinsa_image("/images/goods_img/20160101/1/1_4_500.jpg") == (
        "https://image.msscdn.net/thumbnails/images/goods_img/20160101/1/1_4_big.jpg?w=1200"
    )


@pytest.mark.parametrize(
    ("written", "address"),
    [
        (
            "https://img.ssfshop.com/cmd/LB_750x1000/src/https://img.ssfshop.com/goods/A/1_0_ORGINL.jpg",
            "https://img.ssfshop.com/goods/A/1_0_ORGINL.jpg",
        ),
        ("//img.ssfshop.com/goods/A/1.jpg", "https://img.ssfshop.com/goods/A/1.jpg"),
        ("https://img.ssfshop.com/cmd/LB_1x1/src/https://img.ssfshop.com", None),
        (
            "https://img.ssfshop.com/cmd/LB_1x1/src/file:///etc/passwd",
            "https://img.ssfshop.com/cmd/LB_1x1/src/file:///etc/passwd",
        ),
        ("https://img.ssfshop.com", None),
        ("/v3/images/common/noImg_1500.gif", None),
    ],
)
def test_ssf_pictures(written: str, address: str | None) -> None:
    assert ssf_image(written) == address


@pytest.mark.parametrize(
    "written",
    [
        "data:image/png;base64,AAAA",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "ftp://example.com/a.jpg",
        "https://user:pass@example.com/a.jpg",
        "https://example.com:8080/a.jpg",
        "https://localhost/a.jpg",
        "https://example.com/img/1px.jpg",
        "https://example.com/blank.gif",
        "https://www.facebook.com/tr?id=1",
        "https://example.com/a.svg",
        "https://example.com/v.mp4",
        "https://[::1/a.jpg",
        "https://example.com:port/a.jpg",
        "",
        "x" * 3000,
        7,
        None,
    ],
)
def test_what_is_no_pictures_address(written: object) -> None:
    assert absolute(written, MUSINSA_IMAGES) is None


def test_a_sellers_html_gives_its_pictures_only() -> None:
    markup = """<style>.x{background:url(//seller.example.com/bg.png)}</style>
      <video poster="//seller.example.com/p.jpg"></video>
      <iframe src="https://video.example.com/v"></iframe><div style="background:url(//seller.example.com/c.jpg)"></div>
      <img src="//seller.example.com/a.jpg"><img src="//seller.example.com/a.jpg">
      <img src="//seller.example.com/dot.jpg" width="1" height="1">
      <img data-src="//seller.example.com/lazy one.jpg" src="data:image/gif;base64,A">
      <img srcset="//seller.example.com/s.jpg 480w, //seller.example.com/l.jpg 1200w"
      src="//seller.example.com/s.jpg"><img src=" ">"""
    assert detail_images(markup, MUSINSA_IMAGES) == (
        "https://seller.example.com/a.jpg",
        "https://seller.example.com/lazy%20one.jpg",
        "https://seller.example.com/l.jpg",
    )


@given(st.text(max_size=80))
def test_only_absolute_http_addresses_come_out(written: str) -> None:
    for url in (absolute(written, MUSINSA_IMAGES), musinsa_image(written), ssf_image(written)):
        if url is not None:
            parts = urlsplit(url)
            assert parts.scheme in ("http", "https")
            assert parts.hostname
            assert "@" not in parts.netloc
            assert url.isascii()
            assert not any(character.isspace() for character in url)


def test_a_picture_is_listed_once_under_its_first_role() -> None:
    listed: list[Any] = [(image.url, image.role, image.position) for image in images("m", ["g", None, "m"], ["d", "g"])]
    assert listed == [("m", "main", 0), ("g", "gallery", 1), ("d", "detail", 2)]
