"""Prices as integer won, from the numbers and the words in which the shops write them."""

from __future__ import annotations

import math
import re
from decimal import ROUND_HALF_UP, Decimal

from price_parser import Price

MAX_PRICE = 10**10
_WORDS = {"천": 1_000, "만": 10_000, "억": 100_000_000}
_IN_WORDS = re.compile(r"([0-9][0-9,]*(?:\.[0-9]+)?)\s*([천만억])\s*원?\Z")


def krw(value: object) -> int | None:
    """Won (0 to 10**10) from 39900, 39900.0, "39,900원" or "1.2만"; None where no such amount is written.

    A point in a text is a thousands mark before exactly three digits ("39.900" is 39900), as price-parser reads it;
    a fraction of a won is rounded half up.
    """
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return _in_range(Decimal(value)) if abs(value) <= MAX_PRICE and math.isfinite(value) else None
    if not isinstance(value, str) or len(value) > 64 or not value.isprintable():
        return None
    text = value.strip()
    words = _IN_WORDS.match(text)
    if words:
        return _in_range(Decimal(words[1].replace(",", "")) * _WORDS[words[2]])
    if "-" in text or "−" in text or not re.search(r"[0-9]", text):  # price-parser reads "free" as 0
        return None
    amount = Price.fromstring(text).amount
    return None if amount is None else _in_range(amount)


def _in_range(amount: Decimal) -> int | None:
    if not 0 <= amount <= MAX_PRICE:
        return None
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))
