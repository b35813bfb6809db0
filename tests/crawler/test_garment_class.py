"""The garment class of every category code of the specification, and of names that lie."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.garment_class import musinsa_category, musinsa_garment, ssf_category, ssf_garment
from crawler.pages.musinsa_categories import categories_in_csv

SAMPLES = Path(__file__).parents[2].parent / "shared" / "samples" / "shops"

MUSINSA = {
    "upper": "001 001001 001002 001003 001004 001005 001006 001008 001010 001011 017016",
    "outer": "002 002001 002007 002020 002022 002027 017018",
    "lower": "003 003002 003004 003005 003006 003007 003008 003009 100004 100005 100006 017017 017020 022",
    "dress": "100001 100002 100003 017019 020",
    "jumpsuit": "003010",
    "underwear": "026 026001 026002 026003 026004 026005",
    "kids": "106 106004 106007 107009",
    "used": "109 109001 109004",
    "outlet": "107 107001 107011",
    "set": "017021",
    "swimwear": "017022",
    "not-clothing": "004 004003 017 017023 017024 017025 017026 017027 103 103004 105002 105003 107002 108002 999",
    "mixed-category": "100 105001 108001 108010 111003",
}
SSF = {
    "upper": "SFMA41A01 SFMA41A02 SFMA41A03 SFMA42A01 SFMA42A02 SFMA42A03",
    "lower": "SFMA41A04 SFMA41A04A07 SFMA41A05 SFMA42A04",
    "dress": "SFMA41A06 SFMA41A06A01 SFMA41A06A02",
    "outer": "SFMA41A07 SFMA41A21 SFMA42A05 SFMA42A19",
    "underwear": "SFMA41A31 SFMA42A07",
    "swimwear": "SFMA41A37 SFMA42A36",
    "kids": "SFMA43 SFMA43A01",
    "outlet": "SFMA44 SFMA44A01",
    "not-clothing": "SFMA45 SFMA46A02 SFMB84 SFMA41A12 SFMA41A36",
    "mixed-category": "SFMA41 SFMA41A14 SFMA42 SFMA42A06 SFMA42A13 SFME34 SFME34A01 SFME34A02 SFME35A01 SFME37A18 XXXX",
}
CLASSES = ("upper", "lower", "dress", "outer")


def cases(table: dict[str, str]) -> list[tuple[str, tuple[str, str | None]]]:
    return [
        (code, (word, None) if word in CLASSES else ("none", word))
        for word, codes in table.items()
        for code in codes.split()
    ]


@pytest.mark.parametrize(("code", "expected"), cases(MUSINSA))
def test_musinsas_codes(code: str, expected: tuple[str, str | None]) -> None:
    assert musinsa_category(code) == expected


@pytest.mark.parametrize(("code", "expected"), cases(SSF))
def test_ssfs_codes(code: str, expected: tuple[str, str | None]) -> None:
    assert ssf_category(code) == expected


@pytest.mark.parametrize(
    ("codes", "name", "expected"),
    [
        (("100", "100004"), "플리츠 스커트", ("lower", None)),
        (("100", "100004"), "플리츠 스커트팬츠", ("lower", "skort")),
        (("100", "100004"), "데님 치마바지", ("lower", "skort")),
        (("100", "100004"), "Pleated Skort", ("lower", "skort")),
        (("003", "003005"), "기모 스커트 레깅스", ("lower", "skort")),
        (("100", "100004"), "테니스 스코트", ("lower", "skort")),
        (("003", "003002"), "데님 점프수트", ("none", "jumpsuit")),
        (("001", "001001"), "오버올 프린트 티셔츠", ("upper", None)),
        (("001", "001001"), "[2PACK] 티셔츠", ("none", "set")),
        (("001", "001001"), "라운드 티셔츠 2팩", ("none", "set")),
        (("001", "001001"), "1+1 티셔츠", ("none", "set")),
        (("001", "001001"), "티셔츠 패키지", ("none", "set")),
        (("001", "001001"), "트레이닝 SET", ("none", "set")),
        (("001", "001001"), "[SET] 니트", ("none", "set")),
        (("003", "003008"), "SET-UP 슬랙스", ("lower", None)),
        (("003", "003008"), "셋업 슬랙스", ("lower", None)),
        (("001", "001001"), "선셋 티셔츠", ("upper", None)),
        (("001", "001001"), "Sunset Tee", ("upper", None)),
        (("001", "001001"), "카세트 프린트 티셔츠", ("upper", None)),
        (("001", "001001"), "코르세트 탑", ("upper", None)),
        (("001", "001001"), "키즈 티셔츠", ("none", "kids")),
        (("001", "001001"), "Skidsweat", ("upper", None)),
        (("001", "001001"), "베이비 블루 티셔츠", ("upper", None)),
    ],
)
def test_names_that_lie_about_their_category(
    codes: tuple[str, ...], name: str, expected: tuple[str, str | None]
) -> None:
    assert musinsa_garment(codes, name) == expected


@pytest.mark.parametrize(
    ("base_code", "base_path", "expected"),
    [
        ("029001001", (), ("upper", "outlet")),
        ("029002001", (), ("upper", "outlet")),
        ("029013001", (), ("dress", "outlet")),
        ("029014002", (), ("lower", "outlet")),
        ("029015001", (), ("lower", "outlet")),
        ("029099", ("Clothing", "아우터", "재킷"), ("outer", "outlet")),
        ("029099", ("Clothing", "점프 슈트/오버올"), ("none", "jumpsuit")),
        ("", (), ("none", "outlet")),
    ],
)
def test_outlet_products_are_classed_by_the_base_tree(
    base_code: str, base_path: tuple[str, ...], expected: tuple[str, str | None]
) -> None:
    assert musinsa_garment(("107", "107001"), "이름", base_code=base_code, base_path=base_path) == expected


@pytest.mark.parametrize(
    ("number", "codes", "path", "expected"),
    [
        ("SM0026010100001", ("SFMA42A06",), ("남성", "정장"), ("none", "set")),
        ("TM0026010100001", ("SFMA41A01",), (), ("none", "gift-certificate")),
        ("GM0026010100001", ("SFMA41", "SFMA41A06A02"), ("여성", "원피스"), ("dress", None)),
        ("GM0026010100001", ("SFMA41A14",), ("여성", "팬츠", "와이드"), ("lower", None)),
        ("GM0026010100001", ("SFME34A01",), ("여성", "원피스/스커트", "미니 스커트"), ("lower", None)),
        ("GM0026010100001", ("SFME35A01",), ("골프", "여성", "아우터", "카디건"), ("outer", None)),
        ("GM0026010100001", ("SFME37A17",), ("스포츠", "남성", "티셔츠"), ("upper", None)),
        ("GM0026010100001", ("SFMA42A06",), ("남성", "정장", "재킷"), ("outer", None)),
        ("GM0026010100001", ("SFMA42A06",), ("남성", "정장", "드레스 셔츠"), ("upper", None)),
        ("GM0026010100001", ("SFME34A01",), ("여성", "향수"), ("none", "not-clothing")),
        ("GM0026010100001", ("SFMA44A01",), ("아울렛", "여성", "스커트"), ("lower", "outlet")),
        ("GM0026010100001", (), ("여성", "라운지웨어", "팬츠"), ("none", "underwear")),
        ("GM0026010100001", (), (), ("none", "mixed-category")),
    ],
)
def test_ssfs_products(
    number: str, codes: tuple[str, ...], path: tuple[str, ...], expected: tuple[str, str | None]
) -> None:
    assert ssf_garment(number, codes, path, "이름") == expected


@given(st.lists(st.text(max_size=12), max_size=4), st.lists(st.text(max_size=12), max_size=4), st.text(max_size=40))
def test_none_always_has_a_reason(codes: list[str], path: list[str], name: str) -> None:
    for verdict in (musinsa_garment(codes, name, path=path), ssf_garment(name, codes, path, name)):
        assert verdict.garment_class != "none" or verdict.reason


def test_every_code_of_the_captured_category_table_has_a_class() -> None:
    table = SAMPLES / "musinsa" / "category_master_2026-04.csv"
    if not table.exists():
        pytest.skip("the captured samples are not beside this checkout")
    expected = dict(cases(MUSINSA))
    found = {category.code: category for category in categories_in_csv(table.read_bytes())}
    with table.open(encoding="utf-8-sig", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["small_category_code"]]
    assert {row["small_category_code"] for row in rows} <= set(found)
    by_top = {"001": "upper", "002": "outer", "003": "lower", "026": "none", "106": "none", "109": "none"}
    for code, category in found.items():
        known = expected.get(code) or (by_top.get(code[:3], "none"), None)
        assert category.garment_class == known[0], code
