"""The address of a picture at the largest size that its shop is known to serve, from any form in which pages write it.

The contract that must not break: only absolute http(s) addresses come out, with no credentials, no placeholder, no
spacer and no tracking pixel; nothing is fetched to find out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import urljoin, urlsplit

from parsel import Selector
from w3lib.url import safe_url_string

from crawler.pages.documents import attribute, html
from crawler.records import Image, ImageRole

MAX_URL = 2_000
MAX_IMAGES = 400
MUSINSA_IMAGES = "https://image.msscdn.net"
SSF_IMAGES = "https://img.ssfshop.com"

_MUSINSA_SIZED = re.compile(
    r"https?://image\.(?:msscdn\.net|musinsa\.com)(?:/thumbnails)?"
    r"(?P<path>/images/(?:goods_img|prd_img)/[^?#]+)_(?:[0-9]{2,4}|big)(?P<extension>\.[A-Za-z]{3,4})(?:[?#].*)?\Z"
)
_SSF_COMMAND = re.compile(r"https?://img\.ssfshop\.com/cmd/[^/]+/src/(?P<source>https?://.+)\Z")
_PLACEHOLDER = re.compile(r"noimg|no_image|no-image", re.IGNORECASE)
_SPACER = re.compile(
    r"(?:^|[/_.-])(?:1px|1x1|blank|spacer|transparent|pixel|clear)\.(?:gif|png|jpe?g)\Z", re.IGNORECASE
)
_TRACKER = re.compile(
    r"(?:^|\.)(?:google-analytics|googletagmanager|doubleclick|facebook|criteo|appsflyer|hotjar|scorecardresearch)\.\w+\Z"
)
_NOT_PICTURES = re.compile(r"\.(?:svgz?|mp4|webm|mov|m3u8|js|css|html?)\Z", re.IGNORECASE)
_TINY = re.compile(r"\s*[0-2](?:\.[0-9]+)?(?:px)?\s*\Z")
_CONTROLS = re.compile(r"[\x00-\x20\x7f]+")
_LAZY = ("data-original", "data-src", "data-lazy-src", "data-lazy", "ec-data-src")


def musinsa_image(address: object) -> str | None:
    """The largest known form of a MUSINSA main or gallery picture.

    Pages name `..._500.jpg` (500 pixels wide). What a browser loads for the product page is the `_big` file through
    the shop's own resizing proxy at w=1200; that `_big` without the proxy exists for every product is unverified
    (spec section 5, question 4), so the proxy's address is the largest one known to be served.
    """
    url = absolute(address, MUSINSA_IMAGES)
    if url is None:
        return None
    sized = _MUSINSA_SIZED.match(url)
    if sized is None:
        return url
    return f"{MUSINSA_IMAGES}/thumbnails{sized['path']}_big{sized['extension']}?w=1200"


def ssf_image(address: object) -> str | None:
    """An SSF picture's original: the address inside `/cmd/{resize}/src/`; None for the bare host, which means none."""
    url = absolute(address, SSF_IMAGES)
    resized = _SSF_COMMAND.match(url) if url else None
    return absolute(resized["source"], SSF_IMAGES) if resized else url


def absolute(address: object, base: str) -> str | None:
    """An address as absolute http(s) URL; None for placeholders, spacers, trackers and what is no picture's address."""
    if not isinstance(address, str) or not 0 < len(address) <= MAX_URL:
        return None
    try:
        url = safe_url_string(urljoin(base, _CONTROLS.sub(" ", address).strip()), encoding="utf-8")
        parts = urlsplit(url)
        port = parts.port
    except (ValueError, UnicodeError):
        return None
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or "@" in parts.netloc or port not in (None, 80, 443) or "." not in host:
        return None
    if parts.path in ("", "/") or len(url) > MAX_URL:
        return None
    if _PLACEHOLDER.search(parts.path) or _SPACER.search(parts.path) or _NOT_PICTURES.search(parts.path):
        return None
    return None if _TRACKER.search(host) else url


def detail_images(markup: object, base: str) -> tuple[str, ...]:
    """Addresses of the pictures in sellers' HTML, in order: `<img>` only, as the seller wrote them.

    Videos, frames and style sheets' url() are not read. Of a srcset the widest candidate counts.
    """
    return images_within(html(markup), base) if isinstance(markup, str) and markup.strip() else ()


def images_within(tree: Selector, base: str) -> tuple[str, ...]:
    found = (next(_candidates(element, base), None) for element in tree.css("img"))
    return tuple(dict.fromkeys(url for url in found if url))


def _candidates(element: Selector, base: str) -> Iterator[str]:
    """Usable addresses of one `<img>`, best first. A lazy attribute goes before `src`, which is then a placeholder."""
    if any(_TINY.match(attribute(element, side)) for side in ("width", "height")):
        return
    raw = [attribute(element, name) for name in _LAZY]
    raw += _widest_first(attribute(element, "data-srcset") or attribute(element, "srcset"))
    raw.append(attribute(element, "src"))
    yield from (url for url in (absolute(address, base) for address in raw) if url)


def _widest_first(srcset: str) -> list[str]:
    """The addresses of a srcset, largest width or density first."""
    sized: list[tuple[float, str]] = []
    for candidate in re.split(r",\s+|,(?=https?:|//)", srcset[: 8 * MAX_URL]):
        address, _, descriptor = candidate.strip().partition(" ")
        number = re.match(r"\s*([0-9]{1,5}(?:\.[0-9]{1,3})?)[wx]\s*\Z", descriptor)
        sized.append((float(number[1]) if number else 1.0, address))
    return [address for _, address in sorted(sized, key=lambda pair: -pair[0]) if address]


def images(main: str | None, gallery: Iterable[str | None], detail: Iterable[str | None] = ()) -> tuple[Image, ...]:
    """The product's pictures in order, each address once under its first role, at most `MAX_IMAGES`."""
    roles: dict[str, ImageRole] = {}
    named: tuple[tuple[ImageRole, Iterable[str | None]], ...] = (
        ("main", (main,)),
        ("gallery", gallery),
        ("detail", detail),
    )
    for role, addresses in named:
        for url in addresses:
            if url:
                roles.setdefault(url, role)
    listed = list(roles.items())[:MAX_IMAGES]
    return tuple(Image(url=url, role=role, position=position) for position, (url, role) in enumerate(listed))
