"""What MUSINSA's answers have in common: the envelope, the embedded Next.js state, addresses and product numbers.

Rules: specification of the shops, sections 1.2 to 1.4.
"""

from __future__ import annotations

import re

from crawler.errors import Gone, Rejected
from crawler.pages.documents import json_after
from crawler.pages.fields import Json, object_of, text_of
from crawler.shops import MUSINSA

SHOP = MUSINSA.code
_NEXT_DATA = re.compile(r"<script[^>]*\bid\s*=\s*[\"']__NEXT_DATA__[\"'][^>]*>\s*(?=\{)")
_NUMBER = re.compile(r"/(?:products|app/goods|api2/goods)/([0-9]{1,12})(?![0-9A-Za-z])")
_GONE_CODE = "DISPLAY_000_0006"


def product_url(product_no: str) -> str:
    """The canonical address of a product, whatever generation of the site was fetched."""
    return f"{MUSINSA.url}/products/{product_no}"


def number_in(address: str) -> str | None:
    """The product number that an address of a product or of one of its calls names."""
    match = _NUMBER.search(address)
    return match[1] if match else None


def required_number_in(address: str) -> str:
    number = number_in(address)
    if number is None:
        raise Rejected("missing-number", f"no product number in the address {address}")
    return number


def next_data(text: str) -> Json | None:
    """`props.pageProps` of the page's `__NEXT_DATA__`; None where the page embeds none."""
    state = json_after(text, _NEXT_DATA)
    return None if state is None else object_of(object_of(state, "props"), "pageProps")


def answer_data(answer: Json) -> Json | None:
    """`data` of an answer `{meta, data, error}`; None where a successful answer holds no object there.

    Raises Gone for an invalid product number, Rejected `shop-error` for any other failure that the answer names.
    """
    meta = object_of(answer, "meta")
    failed = text_of(meta, "result") not in (None, "SUCCESS")
    code, message = text_of(meta, "errorCode", 80), text_of(meta, "message", 200)
    if failed and (code == _GONE_CODE or "유효하지 않은 상품" in (message or "")):
        raise Gone("invalid-product", f"{code}: the shop knows no such product")
    if failed:
        raise Rejected("shop-error", f"{code}: {message}")
    data = answer.get("data")
    return data if isinstance(data, dict) else None
