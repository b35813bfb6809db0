"""The shops' own tables: category trees, size types and scales of material; and the one invented seller.

Codes and names are the real shops' (specification of the shops, sections 1.3 to 1.6 and 2.2); the seller is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ShopClass = Literal["upper", "lower", "dress", "outer", "none"]
Cut = Literal["tee", "shirt", "knit", "pants", "skirt", "dress", "outer"]


@dataclass(frozen=True, slots=True)
class Category:
    """A leaf category: what its code means, and what a garment in it is measured by."""

    code: str
    name: str
    garment_class: ShopClass
    cut: Cut
    path: tuple[str, ...]
    slug: str = ""
    """What stands before `/list` in SSF's addresses."""


MUSINSA_TOPS = {
    "001": "상의",
    "002": "아우터",
    "003": "바지",
    "017": "스포츠/레저",
    "100": "원피스/스커트",
    "106": "키즈",
}
_MUSINSA: tuple[tuple[str, str, ShopClass, Cut], ...] = (
    ("001001", "반소매 티셔츠", "upper", "tee"),
    ("001002", "셔츠/블라우스", "upper", "shirt"),
    ("001003", "피케/카라 티셔츠", "upper", "tee"),
    ("001004", "후드 티셔츠", "upper", "tee"),
    ("001005", "맨투맨/스웨트", "upper", "tee"),
    ("001006", "니트/스웨터", "upper", "knit"),
    ("001010", "긴소매 티셔츠", "upper", "tee"),
    ("001011", "민소매 티셔츠", "upper", "tee"),
    ("002020", "카디건", "outer", "outer"),
    ("002022", "후드 집업", "outer", "outer"),
    ("003002", "데님 팬츠", "lower", "pants"),
    ("003004", "트레이닝/조거 팬츠", "lower", "pants"),
    ("003007", "코튼 팬츠", "lower", "pants"),
    ("003008", "슈트 팬츠/슬랙스", "lower", "pants"),
    ("003009", "숏 팬츠", "lower", "pants"),
    ("003010", "점프 슈트/오버올", "none", "pants"),
    ("100001", "미니원피스", "dress", "dress"),
    ("100002", "미디원피스", "dress", "dress"),
    ("100003", "맥시원피스", "dress", "dress"),
    ("100004", "미니스커트", "lower", "skirt"),
    ("100005", "미디스커트", "lower", "skirt"),
    ("100006", "롱스커트", "lower", "skirt"),
    ("017016", "상의", "upper", "tee"),
    ("017020", "하의", "lower", "pants"),
    ("017017", "스커트", "lower", "skirt"),
    ("017019", "원피스", "dress", "dress"),
)
_SSF: tuple[tuple[str, str, ShopClass, Cut, str], ...] = (
    ("SFMA41A01", "티셔츠", "upper", "tee", "T-shirts"),
    ("SFMA41A02", "셔츠/블라우스", "upper", "shirt", "Shirts-Blouses"),
    ("SFMA41A03", "니트", "upper", "knit", "Knitwear"),
    ("SFMA41A04", "팬츠", "lower", "pants", "Pants-Trousers"),
    ("SFMA41A04A07", "데님", "lower", "pants", "Denim"),
    ("SFMA41A04A01", "와이드", "lower", "pants", "Wide"),
    ("SFMA41A05", "스커트", "lower", "skirt", "Skirts"),
    ("SFMA41A06A01", "반소매/민소매 원피스", "dress", "dress", "Short-Sleeve"),
    ("SFMA41A06A02", "긴소매 원피스", "dress", "dress", "Long-Sleeve"),
    ("SFMA41A07", "아우터", "outer", "outer", "Outerwear"),
    ("SFMA41A21", "재킷/베스트", "outer", "outer", "Jackets-Vests"),
    ("SFMA42A01", "티셔츠", "upper", "tee", "T-Shirts"),
    ("SFMA42A02", "셔츠", "upper", "shirt", "Shirts"),
    ("SFMA42A03", "니트", "upper", "knit", "Knitwear"),
    ("SFMA42A04", "팬츠", "lower", "pants", "Pants-Trousers"),
    ("SFMA42A05", "아우터", "outer", "outer", "Outerwear"),
    ("SFMA42A19", "재킷/베스트", "outer", "outer", "Jackets-Vests"),
)
SSF_TOPS = {"SFMA41": "여성", "SFMA42": "남성"}
SSF_PARENTS = {"SFMA41A04": ("팬츠", "Pants-Trousers"), "SFMA41A06": ("원피스", "Dresses")}


def _ssf_path(code: str, name: str) -> tuple[str, ...]:
    parent = SSF_PARENTS.get(code[:9]) if len(code) > 9 else None
    return (SSF_TOPS[code[:6]], *([parent[0]] if parent else []), name)


CATEGORIES: dict[str, tuple[Category, ...]] = {
    "musinsa": tuple(
        Category(code, name, garment_class, cut, (MUSINSA_TOPS[code[:3]], name))
        for code, name, garment_class, cut in _MUSINSA
    ),
    "ssf": tuple(
        Category(code, name, garment_class, cut, _ssf_path(code, name), slug)
        for code, name, garment_class, cut, slug in _SSF
    ),
}
SIZE_TYPES: dict[Cut, tuple[int, str]] = {
    "tee": (5, "반소매티셔츠"),
    "shirt": (20, "셔츠"),
    "knit": (21, "긴소매티셔츠"),
    "pants": (6, "바지"),
    "skirt": (14, "스커트"),
    "dress": (38, "원피스"),
    "outer": (20, "아우터"),
}
"""MUSINSA's `sizeType` and its name."""
BASE_CATEGORIES: dict[Cut, tuple[str, str]] = {
    "tee": ("029001001", "티셔츠"),
    "shirt": ("029002001", "셔츠/블라우스"),
    "knit": ("029003001", "니트"),
    "pants": ("029015001", "바지"),
    "skirt": ("029014001", "스커트"),
    "dress": ("029013001", "원피스"),
    "outer": ("029010001", "아우터"),
}
"""MUSINSA's second tree: `baseCategory` and the second step of its path."""
MATERIALS: dict[str, tuple[str, ...]] = {
    "핏": ("스키니", "슬림", "레귤러", "루즈", "오버|사이즈"),
    "촉감": ("부드러움", "약간|부드러움", "보통", "약간|뻣뻣함", "뻣뻣함"),
    "신축성": ("없음", "거의 없음", "보통", "약간 있음", "있음"),
    "비침": ("있음", "약간 있음", "보통", "거의 없음", "없음"),
    "두께": ("얇음", "약간 얇음", "보통", "약간|두꺼움", "두꺼움"),
    "계절": ("봄", "여름", "가을", "겨울"),
}
"""MUSINSA's scales, of which a product has some items selected; `|` is a line break of the layout."""
SELLER_CONTACTS = ("seller.synthetic@example.com", "02-0000-1234", "홍합성", "서울시 없는구 합성로 12")
"""What a seller's block holds: none of it may be found in a catalogue afterwards."""
