"""What a page object gives: its records, and where the crawl can go on from there.

A shop's module subclasses these and registers with `@handle_urls(..., instead_of=ListPage)`, so spiders name only the
classes below and web-poet finds the shop's own by address.
"""

from __future__ import annotations

from dataclasses import dataclass

import attrs
import tldextract.tldextract
from tldextract import TLDExtract
from web_poet import HttpResponse, WebPage

from crawler.errors import Gone, Rejected
from crawler.pages.documents import utf8
from crawler.records import AnyRecord

# url-matcher splits hosts with tldextract, which would fetch the public suffix list from a host that is no shop's at
# the first match. The list inside the package is enough to tell the shops apart.
tldextract.tldextract.TLD_EXTRACTOR = TLDExtract(cache_dir=None, suffix_list_urls=())


@dataclass(frozen=True, slots=True)
class ParsedPage:
    """The records of one page, rejections among them, plus the way on.

    `next_url` is the next list page as the shop gives it, None at the end; `urls` are further pages of the same kind
    (a sitemap index); `total` is the shop's own count, which is often wrong and only reported.
    """

    records: tuple[AnyRecord, ...]
    next_url: str | None = None
    urls: tuple[str, ...] = ()
    total: int | None = None


@attrs.define
class ShopPage(WebPage[ParsedPage]):
    """A page of a shop; `to_item()` raises `crawler.errors.Rejected` or `Gone` when the whole page is unusable."""

    response: HttpResponse

    async def to_item(self) -> ParsedPage:
        return self.parse()

    @property
    def address(self) -> str:
        return str(self.response.url)

    def body_text(self) -> str:
        """The body as UTF-8 text. Raises Gone (404, 410) and Rejected (`http-status`, `empty-page`) for no page."""
        status = self.response.status or 200
        if status in (404, 410):
            raise Gone("not-found", f"{self.address} answers {status}")
        if not 200 <= status < 300:
            raise Rejected("http-status", f"{self.address} answers {status}")
        text = utf8(self.response.body)
        if not text.strip():
            raise Rejected("empty-page", f"{self.address} answers nothing")
        return text

    def parse(self) -> ParsedPage:
        raise NotImplementedError(f"{type(self).__name__} is registered for no shop address like {self.response.url}")


class ListPage(ShopPage):
    """A page of a category's products, in HTML, as an HTML fragment or as JSON."""


class ProductPage(ShopPage):
    """A product's page, or the product call of the shop's API."""


class SizeTablePage(ShopPage):
    """The measured sizes of one product."""


class OptionsPage(ShopPage):
    """The colours and sizes of one product."""


class ColourGroupPage(ShopPage):
    """The other colours of one product."""


class InformationPage(ShopPage):
    """A product page after JavaScript, read only for what the plain page lacks."""


class CategoryPage(ShopPage):
    """The shop's category tree."""


class SitemapPage(ShopPage):
    """A sitemap or sitemap index."""


class RobotsPage(ShopPage):
    """A host's robots.txt."""
