"""What the shops' writers are given: a product with its pictures, and a shop that has products.

The contract that must not break: a picture's address leads back to its product. A gallery picture's `address` is 14
digits, unique in its product; a detail picture's is 12 digits, then the product's index (9 digits) and a place (2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple, Protocol

from studio.shop.tables import Category


class Brand(NamedTuple):
    """A brand: its slug at MUSINSA, its Korean name, and its Latin name, which SSF shows."""

    code: str
    name: str
    name_en: str


class Prices(NamedTuple):
    """KRW: before and after the discount, with a coupon, and what is paid in the end."""

    list_price: int
    sale_price: int
    coupon_price: int
    final_price: int

    @property
    def rate(self) -> int:
        """The discount in per cent."""
        return 100 - self.sale_price * 100 // self.list_price


class Picture(Protocol):
    """A picture of a product, as far as addresses go; `extension` is without the point."""

    @property
    def address(self) -> str: ...

    @property
    def extension(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopProduct:
    """One product as a shop shows it. Lengths are in cm (0.0: not measured); `pictures[0]` is the main picture."""

    index: int
    """Its place in the shop. The writers take the form of a page from it: the real shops have several."""
    number: str
    name: str
    """Empty for a row without a name."""
    name_en: str
    style_no: str
    brand: Brand
    category: Category
    sex: tuple[str, ...]
    """Of 남성, 여성."""
    prices: Prices | None
    """None for a row that tells no price."""
    sold_out: bool
    colour: str
    group: tuple[str, ...]
    """The numbers of the colours of this garment, its own among them."""
    sizes: tuple[tuple[str, bool], ...]
    """Names, and whether each is sold out."""
    measurements: dict[str, dict[str, float]]
    """Size -> measure -> cm."""
    pictures: tuple[Picture, ...]
    details: tuple[Picture, ...]
    made: date
    description: str
    composition: str = ""
    """Fibres and their shares."""
    headline: str | None = None
    material: dict[str, tuple[str, ...]]
    """The selected items of MUSINSA's scales (`tables.MATERIALS`)."""
    labels: tuple[tuple[str, str], ...] = ()
    season: str = ""
    season_year: str = "0000"
    seller_pictures: tuple[str, ...] = ()
    """Addresses on sellers' own hosts, in the description."""


class Shop(Protocol):
    """A shop with `len()` products, known by index and by number; both stay a product's for ever."""

    @property
    def seed(self) -> int:
        """Signs the addresses of further list pages."""

    @property
    def categories(self) -> Sequence[Category]: ...

    def __len__(self) -> int: ...

    def number(self, index: int) -> str: ...

    def product(self, index: int) -> ShopProduct: ...

    def find(self, number: str) -> ShopProduct | None:
        """None where there is no such product, or no more."""

    def members(self, code: str, sold_out: bool = True) -> Sequence[int]:
        """Indices that a category's list (a leaf, or a prefix such as `001`) shows, sold-out ones last or left out."""

    def removed(self, index: int) -> bool:
        """Whether it has been taken out of the lists."""
