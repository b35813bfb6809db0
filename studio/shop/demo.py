"""The demo catalogue as a shop of either site: its products under numbers, categories and addresses of that site.

The contract that must not break: a product's number follows from its place in the catalogue alone, for ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from studio.demo_catalogue import DemoCatalogue, DemoPicture, DemoProduct
from studio.shop.product import Brand, Prices, ShopProduct
from studio.shop.stock import Stocks, sizes_of
from studio.shop.tables import CATEGORIES, Category

_FIRST_NUMBER = 9_000_001
_MADE = date(2026, 1, 1)
_MUSINSA = {
    "tee": "001001",
    "crop": "001001",
    "shirt": "001002",
    "hoodie": "001004",
    "sweatshirt": "001005",
    "long-sleeve": "001010",
    "sleeveless": "001011",
    "jeans": "003002",
    "wide": "003007",
    "slacks": "003008",
    "shorts": "003009",
    "mini-dress": "100001",
    "midi-dress": "100002",
    "long-dress": "100003",
    "mini-skirt": "100004",
    "midi-skirt": "100005",
    "long-skirt": "100006",
}
_SSF_WOMEN = {
    "shirt": "SFMA41A02",
    "jeans": "SFMA41A04A07",
    "wide": "SFMA41A04A01",
    "slacks": "SFMA41A04",
    "shorts": "SFMA41A04",
    **dict.fromkeys(("mini-skirt", "midi-skirt", "long-skirt"), "SFMA41A05"),
    **dict.fromkeys(("mini-dress", "midi-dress", "long-dress"), "SFMA41A06A01"),
}
_SSF_MEN = {"shirt": "SFMA42A02", **dict.fromkeys(("jeans", "wide", "slacks", "shorts"), "SFMA42A04")}
_LONG_SLEEVE_CM = 40
_BY_CODE = {category.code: category for categories in CATEGORIES.values() for category in categories}


@dataclass(frozen=True, slots=True)
class PictureFile:
    """A picture of the catalogue at an address of the shop; a broken one is served cut off in the middle."""

    address: str
    path: Path
    broken: bool = False

    @property
    def extension(self) -> str:
        return self.path.suffix.removeprefix(".")

    def read(self) -> bytes:
        data = self.path.read_bytes()
        return data[: len(data) // 2] if self.broken else data


class DemoShop:
    """The catalogue at one site (`musinsa` or `ssf`) with today's prices and stocks: a `studio.shop.product.Shop`."""

    def __init__(self, site: str, catalogue: DemoCatalogue, stocks: Stocks) -> None:
        self.site = site
        self.seed = catalogue.seed
        self.categories = CATEGORIES[site]
        self._catalogue = catalogue
        self._stocks = stocks
        self._indices = {self.number(index): index for index in range(len(catalogue.products))}

    def __len__(self) -> int:
        return len(self._catalogue.products)

    def number(self, index: int) -> str:
        """`9000001` and on at MUSINSA; at SSF 15 places, of which sets begin with `SM`."""
        if self.site == "musinsa":
            return str(_FIRST_NUMBER + index)
        kind = "SM" if "set" in self._catalogue.products[index].flaws else "GM"
        return f"{kind}00{_MADE:%y%m%d}{index:05d}"

    def find(self, number: str) -> ShopProduct | None:
        index = self._indices.get(number)
        return None if index is None else self.product(index)

    def product(self, index: int) -> ShopProduct:
        product = self._catalogue.products[index]
        stock = self._stocks.of(product.id)
        return ShopProduct(
            index=index,
            number=self.number(index),
            name=f"{product.name}_{product.colour}" if self.site == "musinsa" else product.name,
            name_en=f"{product.name_en} {product.colour_en}",
            style_no=product.id,
            brand=Brand(product.brand_en.lower().replace(" ", ""), product.brand, product.brand_en),
            category=self.category(product),
            sex=("여성",) if product.audience == "women" else ("남성",),
            prices=Prices(product.list_price, stock.sale_price, stock.sale_price, stock.sale_price),
            sold_out=self._stocks.sold_out(product.id),
            colour=product.colour,
            group=tuple(map(self.number, self._colours(product))),
            sizes=tuple((size, size in stock.sold_out_sizes) for size in sizes_of(product)),
            measurements=product.measurements,
            pictures=tuple(self._pictures(product, f"{_MADE:%Y%m%d}0000", product.gallery)),
            details=tuple(self._pictures(product, f"{_MADE:%Y%m%d}0000{index:09d}", product.details)),
            made=_MADE,
            description=f"합성 상품 {product.name} {product.colour}",
            composition=product.material,
            material={},
        )

    def members(self, code: str, sold_out: bool = True) -> list[int]:
        found = [
            index for index, each in enumerate(self._catalogue.products) if self.category(each).code.startswith(code)
        ]
        states = [(self._stocks.sold_out(self._catalogue.products[index].id), index) for index in found]
        return [index for sold, index in sorted(states) if sold_out or not sold]

    def removed(self, index: int) -> bool:
        """None ever is."""
        return False

    def category(self, product: DemoProduct) -> Category:
        """The one category whose list shows the product; what is no single garment is filed under tops, as in shops."""
        if self.site == "musinsa":
            return _BY_CODE[_MUSINSA.get(product.family, "001001")]
        if product.audience == "men":
            return _BY_CODE[_SSF_MEN.get(product.family) or _SSF_WOMEN.get(product.family, "SFMA42A01")]
        sleeve = next((row.get("소매길이", 0) for row in product.measurements.values()), 0)
        code = _SSF_WOMEN.get(product.family, "SFMA41A01")
        return _BY_CODE["SFMA41A06A02" if code == "SFMA41A06A01" and sleeve >= _LONG_SLEEVE_CM else code]

    def _colours(self, product: DemoProduct) -> list[int]:
        """Indices of the products that are the same garment in other colours; a duplicate is nobody's colour."""
        key = _garment(product)
        return [
            index
            for index, other in enumerate(self._catalogue.products)
            if other.id == product.id
            or (_garment(other) == key and other.colour != product.colour and not other.same_as)
        ]

    def _pictures(self, product: DemoProduct, stamp: str, pictures: tuple[DemoPicture, ...]) -> list[PictureFile]:
        broken = product.gallery[-1:] if "broken-picture" in product.flaws else ()
        return [
            PictureFile(f"{stamp}{place:02d}", self._catalogue.path(picture), picture in broken)
            for place, picture in enumerate(pictures)
        ]


def _garment(product: DemoProduct) -> tuple[str, ...]:
    return (product.brand, product.name, product.family, product.audience)


def check_files(catalogue: DemoCatalogue) -> None:
    """Raise ValueError for a catalogue that names a picture which is not there, or not inside its folder."""
    root = catalogue.root.resolve()
    for product, picture in catalogue.pictures():
        path = catalogue.path(picture)
        if not path.resolve().is_relative_to(root) or not path.is_file():
            raise ValueError(f"{product.id}: {picture.file} is not a file of the catalogue in {catalogue.root}")
