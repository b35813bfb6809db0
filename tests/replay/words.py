"""Invented words that synthetic products are made from, and how common each category of `studio.shop.tables` is."""

from __future__ import annotations

from studio.shop.product import Brand
from studio.shop.tables import Cut

WEIGHTS = {
    "001001": 10,
    "001002": 8,
    "001003": 4,
    "001004": 4,
    "001005": 5,
    "001006": 6,
    "001010": 6,
    "001011": 3,
    "002020": 4,
    "002022": 4,
    "003002": 8,
    "003004": 5,
    "003007": 5,
    "003008": 5,
    "003009": 4,
    "003010": 1,
    "100001": 4,
    "100002": 4,
    "100003": 3,
    "100004": 4,
    "100005": 3,
    "100006": 3,
    "017016": 2,
    "017020": 2,
    "017017": 1,
    "017019": 1,
    "SFMA41A01": 8,
    "SFMA41A02": 8,
    "SFMA41A03": 8,
    "SFMA41A04A07": 5,
    "SFMA41A04A01": 5,
    "SFMA41A05": 8,
    "SFMA41A06A01": 5,
    "SFMA41A06A02": 5,
    "SFMA41A07": 4,
    "SFMA41A21": 3,
    "SFMA42A01": 7,
    "SFMA42A02": 6,
    "SFMA42A03": 5,
    "SFMA42A04": 8,
    "SFMA42A05": 4,
    "SFMA42A19": 3,
}
"""By category code: how many of the products are in it, in parts of all."""
BRANDS: tuple[Brand, ...] = (
    Brand("harunari", "하루나리", "HARUNARI"),
    Brand("moredal", "모래달", "MOREDAL"),
    Brand("greenpond", "그린폰드", "GREEN POND"),
    Brand("stvale", "세인트 베일", "ST. VALE"),
    Brand("onulworks", "오늘웍스", "ONUL WORKS"),
    Brand("baramgil", "바람길", "BARAMGIL"),
    Brand("twomoon", "투문", "TWO MOON"),
    Brand("nutisup", "누티숲", "NUTISUP"),
    Brand("pollen", "폴렌", "POLLEN"),
    Brand("ohteo", "오터", "OHTEO"),
    Brand("kkotbyeo", "꽃벼", "KKOTBYEO"),
    Brand("rigaline", "리가라인", "RIGA LINE"),
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
SIZES = (("S", "M", "L"), ("M", "L", "XL"), ("FREE",), ("1 (M)", "2 (L)"), ("0. S", "1. M"))
LABELS: tuple[tuple[str, str], ...] = (
    ("exclusive-synthetic", "단독"),
    ("big-campaign-sale", "합성 세일"),
    ("pre-order", "예약판매"),
)
