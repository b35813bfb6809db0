"""Typed access to JSON that a shop wrote: a wrong type, null or an unknown extra reads as absent and never raises.

The contract that must not break: what these functions return is always valid in a record and storable in both
databases (no NUL, no lone surrogates, no infinity, nothing over length).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from crawler.errors import Rejected
from crawler.records import Sex

Json = Mapping[str, Any]

MAX_TEXT = 2_000
MAX_DEPTH = 64
_PRODUCT_NO = re.compile(r"[A-Za-z0-9]{1,40}\Z")
_CODE = re.compile(r"[A-Za-z0-9]{1,40}\Z")
_UNSTORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")
_SEX: dict[str, tuple[Sex, ...]] = {
    "여성": ("women",),
    "남성": ("men",),
    "공용": ("women", "men"),
    "남녀공용": ("women", "men"),
    "W": ("women",),
    "M": ("men",),
    "A": ("women", "men"),
}


def storable(text: str) -> str:
    """The text without the characters that neither a database nor UTF-8 takes."""
    return _UNSTORABLE.sub("", text)


def one_line(value: object, limit: int = MAX_TEXT) -> str | None:
    """A text with runs of white space as one space, at most `limit` characters; None unless text remains.

    Whole numbers count as text, because shops write codes both ways.
    """
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**40:
        value = str(value)
    if not isinstance(value, str):
        return None
    return " ".join(storable(value[: 20 * limit]).split())[:limit].strip() or None


def text_of(data: Json, key: str, limit: int = MAX_TEXT) -> str | None:
    return one_line(data.get(key), limit)


def flag_of(data: Json, key: str) -> bool:
    """True only for a JSON true."""
    return data.get(key) is True


def flag_or_none(data: Json, key: str) -> bool | None:
    value = data.get(key)
    return value if isinstance(value, bool) else None


def object_of(data: Json, key: str) -> Json:
    """The object under a key, empty where there is none."""
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def rows_of(data: Json, key: str) -> list[Json]:
    """The objects of the list under a key; entries of other types are left out."""
    value = data.get(key)
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def texts_of(data: Json, key: str) -> tuple[str, ...]:
    """The texts of the list under a key, each once, in order."""
    value = data.get(key)
    return each_once(one_line(entry) for entry in value) if isinstance(value, list) else ()


def number_of(data: Json, key: str) -> float | None:
    """A finite number; no text, no boolean."""
    value = data.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e12 or not math.isfinite(value):
        return None
    return float(value)


def year_of(data: Json, key: str) -> int | None:
    """A year between 1900 and 2100; MUSINSA writes "0000" where it knows none."""
    text = text_of(data, key, 8) or ""
    return int(text) if re.fullmatch(r"(19|20)[0-9]{2}", text) else None


def product_number(value: object) -> str | None:
    """A product number as every record spells it (1 to 40 ASCII letters and digits), else None."""
    text = one_line(value, 41) or ""
    return text if _PRODUCT_NO.match(text) else None


def category_code(value: object) -> str | None:
    text = one_line(value, 41) or ""
    return text if _CODE.match(text) else None


def required_number(data: Json, key: str) -> str:
    """The product number under a key; raises Rejected `missing-number`."""
    number = product_number(data.get(key))
    if number is None:
        raise Rejected("missing-number", f"{key} holds no product number")
    return number


def required_name(data: Json, key: str) -> str:
    """The name under a key; raises Rejected `missing-name`."""
    name = text_of(data, key)
    if name is None:
        raise Rejected("missing-name", f"{key} holds no text")
    return name


def each_once(values: Iterator[str | None] | list[str | None] | tuple[str | None, ...]) -> tuple[str, ...]:
    """The values that are not None or empty, each once, in order."""
    return tuple(dict.fromkeys(value for value in values if value))


def sexes(*words: object) -> tuple[Sex, ...]:
    """Whom a product is for, women before men, from either shop's words (`여성`, `공용`, `W`); others are ignored."""
    found = {sex for word in words if isinstance(word, str) for sex in _SEX.get(word.strip(), ())}
    return tuple(sex for sex in ("women", "men") if sex in found)


def objects_within(value: object) -> Iterator[Json]:
    """Every JSON object at or below a value, parents first, no deeper than `MAX_DEPTH`."""
    stack: list[tuple[object, int]] = [(value, 0)]
    while stack:
        node, depth = stack.pop()
        if isinstance(node, dict):
            yield node
            children: list[object] = list(node.values())
        elif isinstance(node, list):
            children = node
        else:
            continue
        if depth < MAX_DEPTH:
            stack.extend((child, depth + 1) for child in reversed(children))
