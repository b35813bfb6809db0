"""Word lists and category tables that synthetic products are made from: invented names, the shops' real code trees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

GarmentClass = Literal["upper", "lower", "dress", "outer", "none"]
Cut = Literal["tee", "shirt", "knit", "pants", "skirt", "dress", "outer"]


@dataclass(frozen=True, slots=True)
class Category:
    """A leaf category: what its code means, and what a garment in it is measured by."""

    code: str
    name: str
    garment_class: GarmentClass
    cut: Cut
    path: tuple[str, ...]
    slug: str = ""
    weight: int = 4


MUSINSA_TOPS = {"001": "상의", "002": "아우터", "003": "바지", "017": "스포츠/레저", "100": "원피스/스커트"}
_MUSINSA: tuple[tuple[str, str, GarmentClass, Cut, int], ...] = (
    ("001001", "반소매 티셔츠", "upper", "tee", 10),
    ("001002", "셔츠/블라우스", "upper", "shirt", 8),
    ("001003", "피케/카라 티셔츠", "upper", "tee", 4),
    ("001004", "후드 티셔츠", "upper", "tee", 4),
    ("001005", "맨투맨/스웨트", "upper", "tee", 5),
    ("001006", "니트/스웨터", "upper", "knit", 6),
    ("001010", "긴소매 티셔츠", "upper", "tee", 6),
    ("001011", "민소매 티셔츠", "upper", "tee", 3),
    ("002020", "카디건", "outer", "outer", 4),
    ("002022", "후드 집업", "outer", "outer", 4),
    ("003002", "데님 팬츠", "lower", "pants", 8),
    ("003004", "트레이닝/조거 팬츠", "lower", "pants", 5),
    ("003007", "코튼 팬츠", "lower", "pants", 5),
    ("003008", "슈트 팬츠/슬랙스", "lower", "pants", 5),
    ("003009", "숏 팬츠", "lower", "pants", 4),
    ("003010", "점프 슈트/오버올", "none", "pants", 1),
    ("100001", "미니원피스", "dress", "dress", 4),
    ("100002", "미디원피스", "dress", "dress", 4),
    ("100003", "맥시원피스", "dress", "dress", 3),
    ("100004", "미니스커트", "lower", "skirt", 4),
    ("100005", "미디스커트", "lower", "skirt", 3),
    ("100006", "롱스커트", "lower", "skirt", 3),
    ("017016", "상의", "upper", "tee", 2),
    ("017020", "하의", "lower", "pants", 2),
    ("017017", "스커트", "lower", "skirt", 1),
    ("017019", "원피스", "dress", "dress", 1),
)
_SSF: tuple[tuple[str, str, GarmentClass, Cut, str, int], ...] = (
    ("SFMA41A01", "티셔츠", "upper", "tee", "T-shirts", 8),
    ("SFMA41A02", "셔츠/블라우스", "upper", "shirt", "Shirts-Blouses", 8),
    ("SFMA41A03", "니트", "upper", "knit", "Knitwear", 8),
    ("SFMA41A04A07", "데님", "lower", "pants", "Denim", 5),
    ("SFMA41A04A01", "와이드", "lower", "pants", "Wide", 5),
    ("SFMA41A05", "스커트", "lower", "skirt", "Skirts", 8),
    ("SFMA41A06A01", "반소매/민소매 원피스", "dress", "dress", "Short-Sleeve", 5),
    ("SFMA41A06A02", "긴소매 원피스", "dress", "dress", "Long-Sleeve", 5),
    ("SFMA41A07", "아우터", "outer", "outer", "Outerwear", 4),
    ("SFMA41A21", "재킷/베스트", "outer", "outer", "Jackets-Vests", 3),
    ("SFMA42A01", "티셔츠", "upper", "tee", "T-Shirts", 7),
    ("SFMA42A02", "셔츠", "upper", "shirt", "Shirts", 6),
    ("SFMA42A03", "니트", "upper", "knit", "Knitwear", 5),
    ("SFMA42A04", "팬츠", "lower", "pants", "Pants-Trousers", 8),
    ("SFMA42A05", "아우터", "outer", "outer", "Outerwear", 4),
    ("SFMA42A19", "재킷/베스트", "outer", "outer", "Jackets-Vests", 3),
)
SSF_TOPS = {"SFMA41": "여성", "SFMA42": "남성"}
SSF_PARENTS = {"SFMA41A04": ("팬츠", "Pants-Trousers"), "SFMA41A06": ("원피스", "Dresses")}


def _ssf_path(code: str, name: str) -> tuple[str, ...]:
    parent = SSF_PARENTS.get(code[:9]) if len(code) > 9 else None
    return (SSF_TOPS[code[:6]], *([parent[0]] if parent else []), name)


CATEGORIES: dict[str, tuple[Category, ...]] = {
    "musinsa": tuple(
        Category(code, name, garment_class, cut, (MUSINSA_TOPS[code[:3]], name), weight=weight)
        for code, name, garment_class, cut, weight in _MUSINSA
    ),
    "ssf": tuple(
        Category(code, name, garment_class, cut, _ssf_path(code, name), slug, weight)
        for code, name, garment_class, cut, slug, weight in _SSF
    ),
}

BRANDS: tuple[tuple[str, str, str], ...] = (
    ("harunari", "하루나리", "HARUNARI"),
    ("moredal", "모래달", "MOREDAL"),
    ("greenpond", "그린폰드", "GREEN POND"),
    ("stvale", "세인트 베일", "ST. VALE"),
    ("onulworks", "오늘웍스", "ONUL WORKS"),
    ("baramgil", "바람길", "BARAMGIL"),
    ("twomoon", "투문", "TWO MOON"),
    ("nutisup", "누티숲", "NUTISUP"),
    ("pollen", "폴렌", "POLLEN"),
    ("ohteo", "오터", "OHTEO"),
    ("kkotbyeo", "꽃벼", "KKOTBYEO"),
    ("rigaline", "리가라인", "RIGA LINE"),
)
COLOURS: tuple[tuple[str, str, tuple[int, int, int]], ...] = (
    ("블랙", "BLACK", (28, 28, 30)),
    ("화이트", "WHITE", (238, 237, 232)),
    ("네이비", "NAVY", (32, 44, 88)),
    ("베이지", "BEIGE", (205, 184, 150)),
    ("카키", "KHAKI", (94, 98, 62)),
    ("버건디", "BURGUNDY", (112, 24, 44)),
    ("스카이블루", "SKY BLUE", (140, 186, 226)),
    ("머스타드", "MUSTARD", (204, 158, 44)),
    ("멜란지 그레이", "MELANGE GRAY", (150, 150, 152)),
    ("핑크", "PINK", (226, 150, 170)),
)
ADJECTIVES = ("포근한", "하루결", "느린", "달무늬", "새벽", "바닷가", "골목", "물결", "산책", "여름밤", "단정한")
FABRICS = ("린넨", "코튼", "시어서커", "울", "데님", "텐셀", "피케", "저지", "트윌", "코듀로이")
ITEMS: dict[Cut, tuple[str, ...]] = {
    "tee": ("티셔츠", "라운드 티", "포켓 티셔츠"),
    "shirt": ("셔츠", "블라우스", "오픈칼라 셔츠"),
    "knit": ("니트", "브이넥 스웨터", "가디건형 니트"),
    "pants": ("와이드 팬츠", "테이퍼드 팬츠", "밴딩 팬츠"),
    "skirt": ("플리츠 스커트", "랩 스커트", "에이라인 스커트"),
    "dress": ("셔츠 원피스", "랩 원피스", "니트 원피스"),
    "outer": ("재킷", "집업", "코트"),
}
MEASURES: dict[Cut, tuple[str, ...]] = {
    "tee": ("총장", "어깨너비", "가슴단면", "소매길이", "밑단단면", "소매부리단면", "암홀"),
    "shirt": ("총장", "어깨너비", "가슴단면", "소매길이"),
    "knit": ("총장", "어깨너비", "가슴단면", "소매길이"),
    "pants": ("총장", "허리단면", "엉덩이단면", "허벅지단면", "밑위", "밑단단면"),
    "skirt": ("총장", "허리단면", "엉덩이단면", "밑단단면"),
    "dress": ("총장", "어깨너비", "가슴단면", "허리단면", "소매길이"),
    "outer": ("총장", "어깨너비", "가슴단면", "소매길이"),
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
BASE_CATEGORIES: dict[Cut, tuple[str, str]] = {
    "tee": ("029001001", "티셔츠"),
    "shirt": ("029002001", "셔츠/블라우스"),
    "knit": ("029003001", "니트"),
    "pants": ("029015001", "바지"),
    "skirt": ("029014001", "스커트"),
    "dress": ("029013001", "원피스"),
    "outer": ("029010001", "아우터"),
}
SIZES = (("S", "M", "L"), ("M", "L", "XL"), ("FREE",), ("1 (M)", "2 (L)"), ("0. S", "1. M"))
MATERIALS: dict[str, tuple[str, ...]] = {
    "핏": ("스키니", "슬림", "레귤러", "루즈", "오버|사이즈"),
    "촉감": ("부드러움", "약간|부드러움", "보통", "약간|뻣뻣함", "뻣뻣함"),
    "신축성": ("없음", "거의 없음", "보통", "약간 있음", "있음"),
    "비침": ("있음", "약간 있음", "보통", "거의 없음", "없음"),
    "두께": ("얇음", "약간 얇음", "보통", "약간|두꺼움", "두꺼움"),
    "계절": ("봄", "여름", "가을", "겨울"),
}
LABELS: tuple[tuple[str, str], ...] = (
    ("exclusive-synthetic", "단독"),
    ("big-campaign-sale", "합성 세일"),
    ("pre-order", "예약판매"),
)
# What a seller's block holds: none of it may be found in a catalogue afterwards.
SELLER_CONTACTS = ("seller.synthetic@example.com", "02-0000-1234", "홍합성", "서울시 없는구 합성로 12")
