"""What the demo catalogue sells: 36 products by family, their shop data, and the odd flawed one beside them.

The contract that must not break: everything follows from SEED and a product's place, so a catalogue made again is the
same; names, brands and prices are invented.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from studio.demo_catalogue import DemoProduct, Flaw
from studio.garments import Garment, sample_garment
from vitonhd.garment_classes import GarmentClass

SEED = 20
Audience = Literal["women", "men"]

# By class: family and whose; twelve of each.
_RANGE: dict[GarmentClass, tuple[str, ...]] = {
    GarmentClass.UPPER: (
        "tee women", "tee men", "tee men", "long-sleeve women", "long-sleeve men", "shirt women", "shirt men",
        "sleeveless women", "sleeveless men", "crop women", "sweatshirt men", "hoodie women",
    ),
    GarmentClass.LOWER: (
        "jeans women", "jeans men", "slacks women", "slacks men", "wide women", "wide men", "shorts women",
        "shorts men", "mini-skirt women", "midi-skirt women", "midi-skirt women", "long-skirt women",
    ),
    GarmentClass.DRESS: tuple(f"{length}-dress women" for length in ("mini", "midi", "long") for _ in range(4)),
}  # fmt: skip
_ITEMS = {
    "tee": ("반소매 티셔츠", "Short Sleeve Tee"),
    "long-sleeve": ("긴소매 티셔츠", "Long Sleeve Tee"),
    "shirt": ("셔츠", "Shirt"),
    "sleeveless": ("민소매 티셔츠", "Sleeveless Top"),
    "crop": ("크롭 티셔츠", "Crop Tee"),
    "sweatshirt": ("맨투맨", "Sweatshirt"),
    "hoodie": ("후드 티셔츠", "Hoodie"),
    "jeans": ("데님 팬츠", "Jeans"),
    "slacks": ("슬랙스", "Slacks"),
    "wide": ("와이드 팬츠", "Wide Trousers"),
    "shorts": ("쇼츠", "Shorts"),
    "mini-skirt": ("미니 스커트", "Mini Skirt"),
    "midi-skirt": ("미디 스커트", "Midi Skirt"),
    "long-skirt": ("롱 스커트", "Long Skirt"),
    "mini-dress": ("미니 원피스", "Mini Dress"),
    "midi-dress": ("미디 원피스", "Midi Dress"),
    "long-dress": ("롱 원피스", "Long Dress"),
}
_PATTERNS = {
    "plain": ("", ""),
    "stripes": ("스트라이프", "Striped"),
    "pinstripes": ("핀스트라이프", "Pinstriped"),
    "checks": ("체크", "Checked"),
    "dots": ("도트", "Dotted"),
    "print": ("프린트", "Printed"),
    "logo": ("로고", "Logo"),
    "denim": ("워싱", "Washed"),
    "heather": ("멜란지", "Melange"),
}
_BRANDS = (("하루나리", "HARUNARI"), ("모래달", "MOREDAL"), ("오늘웍스", "ONUL WORKS"), ("누티숲", "NUTISUP"))
_COLOURS = (
    ("화이트", "WHITE", (236, 234, 228)), ("블랙", "BLACK", (26, 26, 30)), ("그레이", "GRAY", (140, 140, 145)),
    ("네이비", "NAVY", (33, 46, 84)), ("베이지", "BEIGE", (199, 178, 148)), ("카키", "KHAKI", (92, 107, 82)),
    ("레드", "RED", (158, 41, 46)), ("핑크", "PINK", (230, 184, 189)), ("스카이블루", "SKY BLUE", (168, 199, 224)),
    ("브라운", "BROWN", (102, 69, 51)), ("머스타드", "MUSTARD", (224, 194, 102)), ("블루", "BLUE", (77, 122, 158)),
    ("라벤더", "LAVENDER", (184, 168, 209)), ("그린", "GREEN", (61, 89, 71)), ("오렌지", "ORANGE", (217, 115, 77)),
    ("인디고", "INDIGO", (51, 71, 107)),
)  # fmt: skip
_MATERIALS = {"denim": "면 98%, 폴리우레탄 2%", "heather": "면 60%, 폴리에스터 40%"}
_SIZES = {"women": ("S", "M", "L"), "men": ("M", "L", "XL")}
_PRICES = {GarmentClass.UPPER: (19, 69), GarmentClass.LOWER: (39, 99), GarmentClass.DRESS: (59, 149)}
_FLAWED: dict[str, Flaw] = {
    "upper-03": "sold-out",
    "lower-04": "sold-out",
    "upper-05": "text-picture",
    "dress-02": "text-picture",
    "lower-07": "broken-picture",
}
_SHOULDER = 1.43
"""Height of the mean body's shoulder point, metres: lengths of tops and dresses are measured from there."""


@dataclass(frozen=True)
class RangeItem:
    """A product without its pictures, and the garments that these show."""

    product: DemoProduct
    garments: tuple[Garment, ...]

    @property
    def feminine(self) -> bool:
        return self.product.audience == "women"


def demo_range() -> list[RangeItem]:
    """The 36 products, some of them with a flaw, and four flawed extra ones."""
    items = [
        _item(garment_class, place, *entry.split())
        for garment_class, entries in _RANGE.items()
        for place, entry in enumerate(entries, 1)
    ]
    by_id = {item.product.id: item for item in items}
    for id, flaw in _FLAWED.items():
        by_id[id] = replace(by_id[id], product=replace(by_id[id].product, flaws=(flaw,)))
    return [*by_id.values(), *_extras(by_id)]


def _extras(by_id: dict[str, RangeItem]) -> list[RangeItem]:
    top, skirt = by_id["upper-04"], by_id["lower-10"]
    together = replace(
        top.product, id="extra-set", name="티셔츠 스커트 세트", name_en="Tee and Skirt SET", garment_class=None,
        family="set", flaws=("set",),
    )  # fmt: skip
    skort = _item(GarmentClass.LOWER, 21, "mini-skirt", "women")
    lonely = _item(GarmentClass.UPPER, 22, "tee", "women")
    copy = by_id["upper-01"].product
    return [
        RangeItem(together, (skirt.garments[0], top.garments[0])),
        _extra(skort, "skort", "플리츠 스커트 팬츠", "Pleated Skort"),
        _extra(lonely, "no-packshot", lonely.product.name, lonely.product.name_en),
        RangeItem(replace(copy, id="extra-duplicate", flaws=("duplicate",), same_as=copy.id), ()),
    ]


def _extra(item: RangeItem, flaw: Flaw, name: str, name_en: str) -> RangeItem:
    return replace(item, product=replace(item.product, id=f"extra-{flaw}", flaws=(flaw,), name=name, name_en=name_en))


def _item(garment_class: GarmentClass, place: int, family: str, audience: str) -> RangeItem:
    rng = np.random.default_rng([SEED, tuple(GarmentClass).index(garment_class), place])
    women = audience == "women"
    garment = sample_garment(garment_class, rng, feminine=women, family=family)
    colour, colour_en = _colour_name(garment)
    pattern, pattern_en = _PATTERNS[garment.pattern.kind]
    item, item_en = _ITEMS[family]
    brand, brand_en = _BRANDS[int(rng.integers(len(_BRANDS)))]
    price = int(rng.integers(*_PRICES[garment_class])) * 1000 + 900
    discount = int(rng.choice((0, 0, 10, 20, 30)))
    sizes = _SIZES[audience]
    product = DemoProduct(
        id=f"{garment_class}-{place:02d}", name=f"{pattern} {item}".strip(), name_en=f"{pattern_en} {item_en}".strip(),
        brand=brand, brand_en=brand_en, garment_class=garment_class, family=family, pattern=garment.pattern.kind,
        colour=colour, colour_en=colour_en, audience="women" if women else "men", list_price=price,
        sale_price=price * (100 - discount) // 100 // 10 * 10,
        material=_MATERIALS.get(garment.pattern.kind, "면 100%"), measurements=_measurements(garment, sizes),
        pictures=(), sold_out_sizes=(sizes[int(rng.integers(3))],) if rng.random() < 0.25 else (),
    )  # fmt: skip
    return RangeItem(product, (garment,))


def _colour_name(garment: Garment) -> tuple[str, str]:
    """The nearest named colour to the ground of the pattern."""
    ground = np.array(garment.pattern.colours[0]) * 255
    distances = [float(np.linalg.norm(ground - np.array(colour))) for _, _, colour in _COLOURS]
    name, name_en, _ = _COLOURS[int(np.argmin(distances))]
    return name, name_en


def _measurements(garment: Garment, sizes: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """A plausible size table in cm: lengths from the garment's own heights, widths from its ease."""
    end = garment.skirt if garment.skirt is not None else garment.hem
    start = garment.waist if garment.sleeve is None else _SHOULDER
    table = {"총장": 100 * (start - end)}
    if garment.sleeve is None:
        table |= {"허리단면": 34 + 100 * garment.ease, "엉덩이단면": 46 + 120 * garment.ease}
        if garment.leg is not None:
            knee, hem = (100 * np.pi * radius for radius in garment.leg)
            table |= {"허벅지단면": max(26 + 100 * garment.ease, knee), "밑단단면": hem}
    else:
        table |= {"어깨너비": 38 + 120 * garment.ease, "가슴단면": 44 + 200 * garment.ease}
        if garment.sleeve > 0:
            table["소매길이"] = 58 * garment.sleeve
    steps = {"총장": 1.5, "소매길이": 1.0, "밑단단면": 0.5}
    return {
        size: {name: round(value + number * steps.get(name, 2.0), 1) for name, value in table.items()}
        for number, size in enumerate(sizes)
    }
