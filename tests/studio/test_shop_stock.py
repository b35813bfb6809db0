"""Prices and stocks of the demo shop change as asked, as days pass, and not otherwise."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.demo_catalogue import DemoCatalogue
from studio.shop.stock import Change, RefusedChange, Stock, Stocks, UnknownProduct
from tests.studio.shop_records import PRODUCTS

CATALOGUE = DemoCatalogue(seed=3, version=1, products=PRODUCTS, models=())


def change(stocks: Stocks, id: str, **values: object) -> Stock:
    return stocks.change(id, Change.parse(json.dumps(values).encode()))


def test_it_begins_as_the_catalogue_says() -> None:
    stocks = Stocks(CATALOGUE)
    assert stocks.of("upper-01") == Stock(30_000, ("S",))
    assert not stocks.sold_out("upper-01")
    assert stocks.sold_out("extra-sold")
    assert not any(stocks.changed(product.id) for product in PRODUCTS)


def test_sold_out_is_every_size_and_back_is_none() -> None:
    stocks = Stocks(CATALOGUE)
    assert change(stocks, "upper-01", sold_out=True) == Stock(30_000, ("S", "M"))
    assert stocks.sold_out("upper-01")
    assert change(stocks, "upper-01", sold_out=False) == Stock(30_000, ())
    assert change(stocks, "upper-01", sold_out_sizes=["M", "S"], sale_price=1) == Stock(1, ("S", "M"))
    assert stocks.sold_out("upper-01")
    stocks.reset()
    assert not stocks.changed("upper-01")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('{"sale_price": 40001}', "more than the list price, 40000"),
        ('{"sale_price": 0}', "sale_price: Input should be greater than 0"),
        ('{"sale_price": "9900"}', "sale_price: Input should be a valid integer"),
        ('{"sale_price": 9900.5}', "sale_price"),
        ('{"sold_out": 1}', "sold_out: Input should be a valid boolean"),
        ('{"sold_out": true, "sold_out_sizes": ["S"]}', "not both"),
        ('{"sold_out_sizes": ["XXL"]}', "has no size 'XXL'; it has S, M"),
        ('{"price": 9900}', "price: Extra inputs are not permitted"),
        ("{}", "give sale_price, sold_out or sold_out_sizes"),
        ("[]", "object"),
        ("", "JSON"),
    ],
)
def test_what_no_shop_could_do_is_refused_and_changes_nothing(body: str, message: str) -> None:
    stocks = Stocks(CATALOGUE)
    with pytest.raises(RefusedChange, match=message):
        stocks.change("upper-01", Change.parse(body.encode()))
    assert not stocks.changed("upper-01")


def test_an_unknown_product_is_named() -> None:
    with pytest.raises(UnknownProduct, match="no product 'upper-99'; there are upper-01"):
        change(Stocks(CATALOGUE), "upper-99", sold_out=True)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_change_or_refused(body: bytes) -> None:
    try:
        Change.parse(body)
    except RefusedChange as error:
        assert str(error)


def test_days_pass_alike_for_everybody_and_change_prices_and_stocks() -> None:
    one, other = Stocks(CATALOGUE), Stocks(CATALOGUE)
    for day in range(1, 30):
        before = {product.id: one.of(product.id) for product in PRODUCTS}
        changed = one.next_day()
        assert changed == other.next_day()
        assert one.day == day
        assert changed == {id: one.of(id) for id in before if one.of(id) != before[id]}
        assert any(stock.sale_price != before[id].sale_price for id, stock in changed.items())
        assert any(stock.sold_out_sizes != before[id].sold_out_sizes for id, stock in changed.items())
        assert len(changed) < len(PRODUCTS) / 2
        assert all(0 < stock.sale_price <= 40_000 for stock in changed.values())
