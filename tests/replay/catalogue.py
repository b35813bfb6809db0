"""A synthetic shop's catalogue of any size: every product follows from (seed, index), so a shop is always the same.

Products are made when they are asked for; only the category lists (4 bytes a row) are kept.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cached_property, lru_cache

from studio.shop.tables import CATEGORIES, Category, ShopClass
from tests.replay.products import FIRST_DAY, Flaw, SyntheticProduct, draw, make_product
from tests.replay.words import WEIGHTS

# Shares of products, in the order in which one draw is compared with them.
FLAW_RATES: dict[Flaw, float] = {
    "missing-name": 0.004,
    "missing-price": 0.003,
    "gone": 0.01,
    "set": 0.01,
    "kids": 0.005,
    "no-pictures": 0.005,
}
SKORT_RATE = 0.15
SOLD_OUT_RATE = 0.03
TWO_CATEGORIES_RATE = 0.08
NEW_PER_DAY = 0.01

_GROUPS = ((1, 1, 2, 1, 3, 1, 1), (4, 1, 1, 2, 1, 1), (1,) * 10, (2, 1, 1, 4, 1, 1), (1, 3, 1, 1, 1, 1, 2))
_BLOCK = 10
_CATEGORIES = {shop: tuple(each for each in tree if each.code in WEIGHTS) for shop, tree in CATEGORIES.items()}
_FIRST_NUMBER, _NUMBER_STEP = 2_000_003, 7
_PREFIXES = ("GM00", "GM00", "GRSY", "GQSY", "GPSY")


@dataclass(frozen=True, slots=True)
class ExpectedProduct:
    """What a correct crawl knows of a product. SSF's page adds ` - {colour}` to the name; an untold price is None."""

    product_no: str
    name: str
    list_price: int | None
    sale_price: int | None
    garment_class: ShopClass
    sold_out: bool
    listed_in: tuple[str, ...]
    pictures: int
    flaw: Flaw | None


@dataclass(frozen=True, slots=True)
class Expected:
    """How every listed number must end: a product, gone, or rejected for a reason (a slug)."""

    products: dict[str, ExpectedProduct] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()
    rejected: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SyntheticShop:
    """A shop (`musinsa` or `ssf`) of `products` products with at most `pictures` gallery pictures each (up to 6).

    `flaws` scales the rates of flawed rows (0: none), `hostile` is the share of products with a hostile gallery
    picture, `day` the state of the catalogue: each later day changes some prices and stocks, removes products and
    appends new ones.
    """

    shop: str
    products: int = 2000
    seed: int = 7
    pictures: int = 4
    flaws: float = 1.0
    hostile: float = 0.0
    day: int = 0

    def __post_init__(self) -> None:
        if self.shop not in CATEGORIES:
            raise ValueError(f"no synthetic shop {self.shop!r}; there are {', '.join(CATEGORIES)}")
        if not 0 <= self.pictures <= 6:
            raise ValueError(f"pictures must be 0 to 6, not {self.pictures}")

    def change(self, day: int) -> SyntheticShop:
        """The same shop on a later day."""
        return replace(self, day=day)

    def __len__(self) -> int:
        return self.products + self.day * self._new_per_day

    @property
    def _new_per_day(self) -> int:
        return max(1, round(self.products * NEW_PER_DAY))

    @property
    def categories(self) -> tuple[Category, ...]:
        return _CATEGORIES[self.shop]

    # Numbers

    def number(self, index: int) -> str:
        """The product number of an index; it never changes with the size or the day of the shop."""
        if self.shop == "musinsa":
            return str(_FIRST_NUMBER + _NUMBER_STEP * index)
        source = draw(self.seed, "number", index)
        day = FIRST_DAY + timedelta(days=index // 100_000 * 97 + source.randrange(97))
        prefix = "SMSY" if self.flaw(index) == "set" else source.choice(_PREFIXES)
        return f"{prefix}{day:%y%m%d}{index % 100_000:05d}"

    def index(self, number: str) -> int | None:
        """The index of a product number, None for a number that the shop never gave."""
        index = self._musinsa_index(number) if self.shop == "musinsa" else self._ssf_index(number)
        return index if index is not None and 0 <= index < len(self) and self.number(index) == number else None

    @staticmethod
    def _musinsa_index(number: str) -> int | None:
        if not (number.isascii() and number.isdigit()):
            return None
        index, rest = divmod(int(number) - _FIRST_NUMBER, _NUMBER_STEP)
        return None if rest else index

    @staticmethod
    def _ssf_index(number: str) -> int | None:
        digits = number[4:]
        if len(number) != 15 or not (digits.isascii() and digits.isdigit()):
            return None
        try:
            day = date(2000 + int(digits[:2]), int(digits[2:4]), int(digits[4:6]))
        except ValueError:
            return None
        return (day - FIRST_DAY).days // 97 * 100_000 + int(digits[6:])

    # What belongs to an index

    def group(self, index: int) -> range:
        """The indices that are colours of one garment, the index itself among them; the first is the head."""
        block, place = divmod(index, _BLOCK)
        start = block * _BLOCK
        for size in draw(self.seed, "group", block).choice(_GROUPS):
            if place < size:
                return range(start, min(start + size, len(self)))
            start, place = start + size, place - size
        raise AssertionError("the patterns of _GROUPS fill a block")

    def category(self, index: int) -> Category:
        """The category that the product's own page names: the same for all the colours of a garment."""
        source = draw(self.seed, "category", self.group(index)[0])
        return source.choices(self.categories, [WEIGHTS[category.code] for category in self.categories])[0]

    def flaw(self, index: int) -> Flaw | None:
        source = draw(self.seed, "flaw", index)
        share = source.random()
        for flaw, rate in FLAW_RATES.items():
            if (share := share - rate * self.flaws) < 0:
                return flaw
        category = self.category(index)
        if category.garment_class == "none":
            return "jumpsuit"
        return "skort" if category.cut == "skirt" and source.random() < SKORT_RATE * min(self.flaws, 1) else None

    def listed_in(self, index: int) -> tuple[str, ...]:
        """The leaf categories whose lists show the product; its own one first."""
        own = self.category(index)
        source = draw(self.seed, "listed", index)
        others = [other.code for other in self.categories if other.garment_class == own.garment_class and other != own]
        return (own.code, source.choice(others)) if others and source.random() < TWO_CATEGORIES_RATE else (own.code,)

    def first_day(self, index: int) -> int:
        """The day on which the product appeared in the shop."""
        return 0 if index < self.products else (index - self.products) // self._new_per_day + 1

    def gone(self, index: int) -> bool:
        """Whether its page says that there is no such product: from the start (the flaw) or since it was removed."""
        return self.flaw(index) == "gone" or self.removed(index)

    def removed(self, index: int) -> bool:
        """Whether it has been taken out of the lists on some day until today."""
        days = range(self.first_day(index) + 1, self.day + 1)
        return any(draw(self.seed, "removed", index, day).random() < 0.01 for day in days)

    def product(self, index: int) -> SyntheticProduct:
        """The product of an index on this day."""
        if not 0 <= index < len(self):
            raise IndexError(f"the shop has {len(self)} products, there is no index {index}")
        return make_product(self, index)

    def find(self, number: str) -> SyntheticProduct | None:
        """The product of a number; None where the shop has none or its page is gone."""
        index = self.index(number)
        return None if index is None or self.gone(index) else self.product(index)

    # Lists

    @cached_property
    def _lists(self) -> dict[str, array[int]]:
        lists = {category.code: array("I") for category in self.categories}
        for index in range(len(self)):
            if not self.removed(index):
                for code in self.listed_in(index):
                    lists[code].append(index)
        return lists

    @lru_cache(maxsize=64)  # noqa: B019 - a few shops live as long as the test process
    def members(self, code: str, sold_out: bool = True) -> array[int]:
        """Indices that a category's list (a leaf or a prefix such as `001`) shows, sold-out ones last or left out."""
        found = sorted({index for leaf, indices in self._lists.items() if leaf.startswith(code) for index in indices})
        states = [(self.sold_out(index), index) for index in found]
        return array("I", (index for sold, index in sorted(states) if sold_out or not sold))

    def sold_out(self, index: int) -> bool:
        state = draw(self.seed, "stock", index).random() < SOLD_OUT_RATE
        for day in range(self.first_day(index) + 1, self.day + 1):
            state ^= draw(self.seed, "stock", index, day).random() < 0.02
        return state

    def expected(self, codes: Iterable[str] | None = None, *, sold_out: bool | None = None) -> Expected:
        """How a correct crawl of these categories (default: all) ends, whatever the order of its requests.

        `sold_out`: whether the lists show sold-out products; by default as the shop does it (SSF yes, MUSINSA no).
        """
        shown = self.shop == "ssf" if sold_out is None else sold_out
        expected = Expected()
        gone: set[str] = set()
        for index in self._listed(codes, shown):
            number = self.number(index)
            if self.gone(index):
                gone.add(number)
            elif self.flaw(index) == "missing-name":
                expected.rejected[number] = "missing-name"
            else:
                expected.products[number] = _expectation(self.product(index))
        return replace(expected, gone=frozenset(gone))

    def _listed(self, codes: Iterable[str] | None, sold_out: bool) -> Iterator[int]:
        wanted = [""] if codes is None else list(codes)
        return iter(sorted({index for code in wanted for index in self.members(code, sold_out)}))


def _expectation(product: SyntheticProduct) -> ExpectedProduct:
    prices = product.prices
    return ExpectedProduct(
        product_no=product.number,
        name=product.name,
        list_price=prices and prices.list_price,
        sale_price=prices and prices.sale_price,
        garment_class=product.garment_class,
        sold_out=product.sold_out,
        listed_in=product.listed_in,
        pictures=len(product.pictures),
        flaw=product.flaw,
    )
