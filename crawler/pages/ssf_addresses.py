"""SSF's addresses: of products, of list fragments, and the product numbers and category codes that they hold.

Rules: specification of the shops, sections 2.1 and 2.2. What comes before `/good` and `/list` is decoration.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from crawler.pages.fields import category_code
from crawler.records import Sex
from crawler.shops import SSF

SHOP = SSF.code
PAGE_SIZE = 60
_PRODUCT = re.compile(r"/(?:(?P<slug>[^/?#]+)/)?(?P<number>[A-Za-z0-9]{10,40})/good(?:[/?#]|\Z)")
_NUMBER = re.compile(r"[A-Z0-9]{10,40}\Z")
_WOMEN = ("SFMA41", "SFME34A01", "SFME35A01", "SFME37A18")
_MEN = ("SFMA42", "SFME34A02", "SFME35A07", "SFME37A17")


def product_url(brand: str | None, product_no: str) -> str:
    """A product's canonical address: hyphens for the brand's spaces and its first point, as the shop's script does."""
    slug = (brand or "x").strip().replace(" ", "-").replace(".", "-", 1)
    return f"{SSF.url}/{quote(slug, safe='-_~') or 'x'}/{product_no}/good"


def slug_in(address: str) -> str | None:
    match = _PRODUCT.search(address)
    return unquote(match["slug"]) if match and match["slug"] else None


def number_in(address: str) -> str | None:
    """The product number that a product's address names."""
    match = _PRODUCT.search(address)
    return valid_number(match["number"]) if match else None


def valid_number(text: str | None) -> str | None:
    """A product number (10 to 40 capitals and digits: own brands, marketplace sellers, sets alike), else None."""
    stripped = (text or "").strip()
    return stripped if _NUMBER.match(stripped) else None


def category_in(address: str) -> str | None:
    """The category that an address asks for (`dspCtgryNo`)."""
    return category_code(dict(parse_qsl(urlsplit(address).query)).get("dspCtgryNo"))


def fragment_url(parameters: Mapping[str, str], page: int) -> str:
    """The list fragment's address for a page from 1, with the page's own form fields; empty ones are left out."""
    kept = {name: value for name, value in parameters.items() if value and name != "currentPage"}
    ordered = {"dspCtgryNo": kept.pop("dspCtgryNo", ""), "currentPage": str(page), **kept}
    return f"{SSF.url}/selectProductList?{urlencode(ordered)}"


def sex_of(codes: tuple[str, ...]) -> tuple[Sex, ...]:
    """Whom categories are for, by their codes; () where the codes don't tell."""
    women = any(code.startswith(_WOMEN) for code in codes)
    men = any(code.startswith(_MEN) for code in codes)
    return (*(("women",) if women else ()), *(("men",) if men else ()))
