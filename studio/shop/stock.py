"""Prices and stocks of the demo shop, and how they change: on request, or by a day.

The contract that must not break: the catalogue itself never changes, and the same days bring the same changes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from studio.demo_catalogue import DemoCatalogue, DemoProduct

_DISCOUNTS = (0, 5, 10, 15, 20, 30, 40, 50)
_SHARE = 8
"""One product in so many changes its price in a day, and as many their stock."""


class UnknownProduct(Exception):
    """There is no product of this id; the message names some that there are."""


class RefusedChange(Exception):
    """A change that a shop can't make; the message says what and why."""


class Change(BaseModel):
    """What a request wants changed. `sold_out` stands for all sizes or none, so it excludes `sold_out_sizes`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    sale_price: int | None = Field(default=None, gt=0)
    sold_out: bool | None = None
    sold_out_sizes: list[str] | None = None

    @model_validator(mode="after")
    def _one_way_to_say_it(self) -> Change:
        if self.sold_out is not None and self.sold_out_sizes is not None:
            raise ValueError("give sold_out or sold_out_sizes, not both")
        if not self.model_fields_set:
            raise ValueError("give sale_price, sold_out or sold_out_sizes")
        return self

    @classmethod
    def parse(cls, body: bytes) -> Change:
        """A change from JSON; raises RefusedChange."""
        try:
            return cls.model_validate_json(body)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            message = first["msg"].removeprefix("Value error, ")
            raise RefusedChange(f"{where}: {message}" if where else message) from None


@dataclass(frozen=True, slots=True)
class Stock:
    """What may change about a product: KRW, and which of its sizes are sold out."""

    sale_price: int
    sold_out_sizes: tuple[str, ...]


def sizes_of(product: DemoProduct) -> tuple[str, ...]:
    """Its sizes, in order; one of no name in particular where it has no size table."""
    return tuple(product.measurements) or ("FREE",)


class Stocks:
    """Price and stock of every product, by id; `day` counts from 0."""

    def __init__(self, catalogue: DemoCatalogue) -> None:
        self._products = {product.id: product for product in catalogue.products}
        self._seed = catalogue.seed
        self.reset()

    def reset(self) -> None:
        """Back to the catalogue's own prices and stocks, and to day 0."""
        self.day = 0
        self._now = {id: _first(product) for id, product in self._products.items()}

    def of(self, id: str) -> Stock:
        return self._now[id]

    def sold_out(self, id: str) -> bool:
        """Whether every size is."""
        return set(sizes_of(self._products[id])) <= set(self._now[id].sold_out_sizes)

    def changed(self, id: str) -> bool:
        """Whether it differs from the catalogue."""
        return self._now[id] != _first(self._products[id])

    def change(self, id: str, change: Change) -> Stock:
        """Make a change; raises UnknownProduct or RefusedChange, and then nothing has changed."""
        if (product := self._products.get(id)) is None:
            some = ", ".join(list(self._products)[:3])
            raise UnknownProduct(f"there is no product {id!r}; there are {some} and others: GET /_demo/products")
        if change.sale_price is not None and change.sale_price > product.list_price:
            raise RefusedChange(f"sale_price: {change.sale_price} is more than the list price, {product.list_price}")
        sizes = sizes_of(product)
        if unknown := sorted(set(change.sold_out_sizes or ()) - set(sizes)):
            raise RefusedChange(f"sold_out_sizes: {id} has no size {unknown[0]!r}; it has {', '.join(sizes)}")
        now = self._now[id]
        if change.sale_price is not None:
            now = replace(now, sale_price=change.sale_price)
        if change.sold_out is not None:
            now = replace(now, sold_out_sizes=sizes if change.sold_out else ())
        if (gone := change.sold_out_sizes) is not None:
            now = replace(now, sold_out_sizes=tuple(size for size in sizes if size in gone))
        self._now[id] = now
        return now

    def next_day(self) -> dict[str, Stock]:
        """The next day: some prices and some stocks differ from today's. Returns those that changed."""
        self.day += 1
        source = Random(f"{self._seed} {self.day}")  # noqa: S311 - the same days for everybody
        ids = list(self._products)
        number = max(1, len(ids) // _SHARE)
        before = dict(self._now)
        for id in source.sample(ids, number):
            self._now[id] = replace(self._now[id], sale_price=self._another_price(id, source))
        for id in source.sample(ids, number):
            sizes = sizes_of(self._products[id])
            gone = () if self._now[id].sold_out_sizes else source.choice((sizes, sizes[:1]))
            self._now[id] = replace(self._now[id], sold_out_sizes=gone)
        return {id: stock for id, stock in self._now.items() if stock != before[id]}

    def _another_price(self, id: str, source: Random) -> int:
        listed = self._products[id].list_price
        prices = [listed * (100 - discount) // 1000 * 10 for discount in _DISCOUNTS]
        return source.choice([price for price in prices if 0 < price != self._now[id].sale_price] or [listed])


def _first(product: DemoProduct) -> Stock:
    return Stock(product.sale_price, sizes_of(product) if product.sold_out else product.sold_out_sizes)
