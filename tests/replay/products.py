"""One synthetic product and its pictures, made from the shop's seed and the product's index alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache
from random import Random
from typing import TYPE_CHECKING, Literal

from studio.shop.product import Prices, ShopProduct
from studio.shop.tables import MATERIALS, Category, ShopClass
from tests.replay.words import ADJECTIVES, BRANDS, COLOURS, FABRICS, ITEMS, LABELS, MEASURES, SIZES

if TYPE_CHECKING:
    from tests.replay.catalogue import SyntheticShop

Flaw = Literal["missing-name", "missing-price", "gone", "set", "skort", "jumpsuit", "kids", "no-pictures"]
PictureForm = Literal["jpeg", "webp", "png"]

HOSTILE = (
    "bomb",
    "truncated",
    "html",
    "svg",
    "animation",
    "spacer",
    "sheet",
    "cmyk",
    "sixteen-bit",
    "rotated",
    "empty",
)
FIRST_DAY = date(2024, 1, 1)
SELLER_PICTURE = "https://cdn.seller-01.example/open_detail/1.jpg"


def draw(*parts: object) -> Random:
    """A random source that depends on the parts alone."""
    return Random(hashlib.blake2b(repr(parts).encode(), digest_size=8).digest())


@dataclass(frozen=True, slots=True)
class SyntheticPicture:
    """What one picture address shows.

    Equal `content` is equal bytes; equal `scene` and `colour` with another `quality` is a near duplicate. `hostile`
    names one of HOSTILE, whatever the rest says. `size` is (width, height).
    """

    address: str
    scene: str
    colour: tuple[int, int, int]
    form: PictureForm = "jpeg"
    size: tuple[int, int] = (600, 800)
    quality: int = 85
    hostile: str | None = None

    @property
    def content(self) -> tuple[object, ...]:
        return (self.scene, self.colour, self.form, self.size, self.quality, self.hostile)

    @property
    def extension(self) -> str:
        """The name's: a webp has a .jpg name, as in shops."""
        return "png" if self.form == "png" else "jpg"


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticProduct(ShopProduct):
    """A product with what a test knows of it beyond what the shop shows."""

    pictures: tuple[SyntheticPicture, ...]
    details: tuple[SyntheticPicture, ...]
    listed_in: tuple[str, ...]
    flaw: Flaw | None

    @property
    def garment_class(self) -> ShopClass:
        return "none" if self.flaw in ("set", "jumpsuit", "kids") else self.category.garment_class


@lru_cache(maxsize=8192)
def make_product(shop: SyntheticShop, index: int) -> SyntheticProduct:
    """The product of an index as the shop has it on its day."""
    source = draw(shop.seed, "product", index)
    group = shop.group(index)
    garment = draw(shop.seed, "garment", group[0])
    colour = garment.sample(COLOURS, len(COLOURS))[index - group[0]]
    brand = garment.choice(BRANDS)
    style_no = f"SY{garment.randrange(10**6):06d}"
    category, flaw, sold_out = shop.category(index), shop.flaw(index), shop.sold_out(index)
    made = FIRST_DAY + timedelta(days=source.randrange(600))
    sizes = _sizes(source, garment.choice(SIZES), sold_out)
    pictures, details = ((), ()) if flaw == "no-pictures" else _pictures(shop, index, colour[2], made)
    name = _name(shop, garment, category, flaw, colour[0], style_no)
    named = flaw != "missing-name"
    return SyntheticProduct(
        index=index,
        number=shop.number(index),
        name=name if named else "",
        name_en=f"{brand.name_en} {style_no}" if named else "",
        style_no=style_no,
        brand=brand,
        category=_KIDS[shop.shop](category) if flaw == "kids" else category,
        sex=_sex(shop, category, garment),
        prices=None if flaw == "missing-price" else _prices(shop, index),
        sold_out=sold_out,
        colour=colour[0],
        group=tuple(shop.number(member) for member in group if not shop.gone(member)),
        sizes=sizes,
        measurements=_measurements(category, source, [size for size, _ in sizes]),
        description=f"합성 상품 설명 {style_no}",
        composition="면 60%, 폴리에스터 40%" if index % 3 else "",
        headline="중괄호 }; 가 든 합성 문장" if index % 5 == 0 else None,
        labels=tuple(label for label in LABELS if source.random() < 0.15),
        season=source.choice(("", "0", "1", "2", "3")),
        season_year=source.choice(("2024", "2025", "0000")),
        material=_material(source),
        seller_pictures=(SELLER_PICTURE,) if index % 9 == 0 else (),
        pictures=pictures,
        details=details,
        made=made,
        listed_in=shop.listed_in(index),
        flaw=flaw,
    )


# Children's wear among adults': what its own page says of it.
_KIDS = {
    "musinsa": lambda category: replace(category, code="106001", name="키즈 상의", path=("키즈", "키즈 상의")),
    "ssf": lambda category: replace(category, code="SFMA43A01", name="상의", path=("키즈", "상의")),
}


def _sizes(source: Random, names: tuple[str, ...], sold_out: bool) -> tuple[tuple[str, bool], ...]:
    """Names and whether each is sold out; a product that is on sale has its first size left."""
    return tuple((name, sold_out or (name != names[0] and source.random() < 0.1)) for name in names)


def _name(
    shop: SyntheticShop, garment: Random, category: Category, flaw: Flaw | None, colour: str, style_no: str
) -> str:
    item = garment.choice(ITEMS[category.cut])
    item = {"skort": "스커트팬츠", "jumpsuit": "점프슈트", "set": "투피스 세트"}.get(flaw or "", item)
    kids = "키즈 " if flaw == "kids" else ""
    name = f"{kids}{garment.choice(ADJECTIVES)} {garment.choice(FABRICS)} {item} {style_no}"
    return f"{name}_{colour}" if shop.shop == "musinsa" else name


def _sex(shop: SyntheticShop, category: Category, garment: Random) -> tuple[str, ...]:
    if shop.shop == "ssf":
        return (category.path[0],)
    if category.cut in ("skirt", "dress"):
        return ("여성",)
    return garment.choice((("남성",), ("여성",), ("남성", "여성")))


def _prices(shop: SyntheticShop, index: int) -> Prices:
    """List, sale, coupon and final price: all four differ for a quarter of the products."""
    source = draw(shop.seed, "price", index)
    listed = source.randrange(12, 250) * 1000
    discount = source.choice((0, 0, 5, 10, 20, 35, 50))
    for day in range(shop.first_day(index) + 1, shop.day + 1):
        change = draw(shop.seed, "price", index, day)
        if change.random() < 0.03:
            discount = (discount + change.randrange(1, 12) * 5) % 75
    sale = listed * (100 - discount) // 1000 * 10
    coupon = sale * 9 // 100 * 10 if source.random() < 0.5 else sale
    final = coupon - 500 if coupon != sale and source.random() < 0.6 else coupon
    return Prices(listed, sale, coupon, final)


def _measurements(category: Category, source: Random, sizes: list[str]) -> dict[str, dict[str, float]]:
    if source.random() < 0.075:
        return {}
    first = {name: source.randrange(30, 200) / 2 for name in MEASURES[category.cut]}
    unmeasured = {name for name in first if source.random() < 0.1}
    return {
        size: {name: 0.0 if name in unmeasured else value + step for name, value in first.items()}
        for step, size in enumerate(sizes)
    }


def _material(source: Random) -> dict[str, tuple[str, ...]]:
    """Chosen items by name; empty for two products in three, as in the shop."""
    if source.random() < 0.65:
        return {}
    return {
        name: tuple(sorted(source.sample(items, source.choice((1, 1, 1, 2))), key=items.index))
        for name, items in MATERIALS.items()
    }


def _pictures(
    shop: SyntheticShop, index: int, colour: tuple[int, int, int], made: date
) -> tuple[tuple[SyntheticPicture, ...], tuple[SyntheticPicture, ...]]:
    """Gallery and detail pictures. Colours of one garment show the same scene in another colour."""
    source = draw(shop.seed, "pictures", index)
    scene = f"{shop.seed}:{shop.shop}:{shop.group(index)[0]}"
    stamp = f"{made:%Y%m%d}{source.randrange(10**4):04d}"
    gallery: list[SyntheticPicture] = []
    for place in range(source.randint(1, shop.pictures) if shop.pictures else 0):
        gallery.append(_gallery_picture(source, f"{stamp}{place:02d}", f"{scene}:{place}", colour, gallery))
    if gallery and source.random() < shop.hostile:
        gallery[-1] = replace(gallery[-1], hostile=source.choice(HOSTILE))
    return tuple(gallery), tuple(_details(source, f"{stamp}{index:09d}", scene, colour))


def _details(source: Random, address: str, scene: str, colour: tuple[int, int, int]) -> Iterator[SyntheticPicture]:
    for place in range(source.randint(0, 3)):
        height = source.choice((600, 900))
        yield SyntheticPicture(f"{address}{place:02d}", f"{scene}:detail:{place}", colour, size=(600, height))
    if source.random() < 0.05:
        yield SyntheticPicture(f"{address}90", f"{scene}:sheet", colour, size=(500, 4000))
    if source.random() < 0.3:  # the shop's notice: equal bytes at many addresses
        yield SyntheticPicture(f"{address}99", "notice", (220, 220, 220))


def _gallery_picture(
    source: Random, address: str, scene: str, colour: tuple[int, int, int], before: list[SyntheticPicture]
) -> SyntheticPicture:
    share = source.random()
    if before and share < 0.03:
        return replace(before[0], address=address)
    if before and share < 0.06:
        width, height = before[0].size
        return replace(before[0], address=address, quality=70, size=(width * 9 // 10, height * 9 // 10))
    form: PictureForm = "webp" if share > 0.97 else "png" if share > 0.96 else "jpeg"
    size = (1200, 1600) if source.random() < 0.02 else (600, 800)
    return SyntheticPicture(address, scene, colour, form=form, size=size)
