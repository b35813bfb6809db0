"""Bodies as text, JSON or HTML: always UTF-8, whatever a header or the bytes suggest, and never an unnamed exception.

Some answers of MUSINSA name no charset and SSF's pages name UTF-8 in a meta element, so nothing is guessed.
"""

from __future__ import annotations

import json
import re
from itertools import islice
from typing import Any

from lxml import etree  # type: ignore[import-untyped]
from parsel import Selector

from crawler.errors import Rejected
from crawler.pages.fields import Json, storable

MAX_TRIES = 5
_DECODER = json.JSONDecoder(strict=False)
_LOOKS_LIKE_JSON = re.compile(r"\s*[\[{]")


def utf8(body: bytes) -> str:
    """The body as text; bytes that are not UTF-8 become U+FFFD, a byte order mark goes."""
    return body.decode("utf-8", "replace").removeprefix("\ufeff")


def looks_like_json(text: str) -> bool:
    return _LOOKS_LIKE_JSON.match(text) is not None


def json_object(text: str) -> Json:
    """The text as one JSON object; raises Rejected `not-json`."""
    try:
        value = json.loads(text, strict=False)
    except (ValueError, RecursionError) as error:
        raise Rejected("not-json", f"looked for a JSON object: {str(error)[:200]}") from error
    if not isinstance(value, dict):
        raise Rejected("not-json", f"looked for a JSON object, found {type(value).__name__}")
    return value


def json_value(text: str) -> object:
    """The text as any JSON value, None where it is none: for a block that a page may do without."""
    try:
        value: object = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None
    return value


def json_after(text: str, marker: re.Pattern[str]) -> Json | None:
    """The first JSON object that starts right where a match of `marker` ends; text after the object is ignored.

    A decoder and not a pattern finds the end, because strings inside may hold `};` or `</script>`. Only the first
    `MAX_TRIES` matches are tried: each failure costs time in proportion to the page.
    """
    for match in islice(marker.finditer(text), MAX_TRIES):
        try:
            value: Any = _DECODER.raw_decode(text, match.end())[0]
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            return value
    return None


def html(text: str) -> Selector:
    """The text as an HTML tree.

    Nesting is followed to libxml2's hard limit (2,048) and cut there; its soft limit of 256 would lose pictures behind
    a few hundred unclosed tags, which sellers write.
    """
    return Selector(text=storable(text) or "<html></html>", type="html", huge_tree=True)


def attribute(element: Selector, name: str) -> str:
    """An attribute's value, "" where the element has none.

    parsel's `attrib` reads all of an element's attributes and fails on a name such as `{x`, which HTML allows.
    """
    value = element.root.get(name) if isinstance(element.root, etree._Element) else None
    return storable(value) if isinstance(value, str) else ""


def xml(text: str) -> Selector:
    """The text as an XML tree without namespaces; entities are not expanded and nothing is loaded."""
    tree = Selector(text=storable(text) or "<empty/>", type="xml", huge_tree=False)
    tree.remove_namespaces()
    return tree
