"""Sitemaps of both shops: an index names further sitemaps, a goods sitemap products, SSF's category sitemap categories.

Rules: specification of the shops, sections 1.2 and 2.1. Entries of other kinds (events, brands) are left out.
"""

from __future__ import annotations

from urllib.parse import unquote, urljoin, urlsplit

from parsel import Selector
from web_poet import handle_urls

from crawler.errors import Rejected
from crawler.garment_class import ssf_category
from crawler.pages import musinsa_json, ssf_addresses
from crawler.pages.base import ParsedPage, SitemapPage
from crawler.pages.documents import xml
from crawler.pages.fields import one_line
from crawler.pages.image_addresses import images, musinsa_image, ssf_image
from crawler.records import AnyRecord, Category, Listing


@handle_urls(["musinsa.com/sitemap*", "musinsa.com/static/sitemap/*", "ssfshop.com/sitemap*"], instead_of=SitemapPage)
class ShopSitemap(SitemapPage):
    """A sitemap of either shop; the addresses in it tell which."""

    def parse(self) -> ParsedPage:
        tree = xml(self.body_text())
        root = tree.xpath("name(/*)").get("")
        if root == "sitemapindex":
            found = [_location(entry, self.address) for entry in tree.xpath("/sitemapindex/sitemap")]
            return ParsedPage(
                records=(), urls=tuple(dict.fromkeys(url for url in found if url and url != self.address))
            )
        if root != "urlset":
            raise Rejected("not-a-sitemap", f"looked for sitemapindex or urlset, found {root[:80] or 'no XML'}")
        records: dict[str, AnyRecord] = {}
        for entry in tree.xpath("/urlset/url"):
            url = _location(entry, self.address)
            record = _record(entry, url) if url else None
            if record is not None:
                records.setdefault(record.url, record)
        return ParsedPage(records=tuple(records.values()))


def _location(entry: Selector, base: str) -> str | None:
    text = one_line(entry.xpath("string(loc)").get())
    try:
        url = urljoin(base, text) if text else None
        host = urlsplit(url or "").hostname or ""
    except ValueError:
        return None
    return url if url and url.startswith(("http://", "https://")) and host else None


def _record(entry: Selector, url: str) -> AnyRecord | None:
    if urlsplit(url).hostname in ("www.musinsa.com", "musinsa.com"):
        number = musinsa_json.number_in(url)
        picture = musinsa_image(one_line(entry.xpath("string(image/loc)").get()))
        return _listing(musinsa_json.SHOP, entry, number, musinsa_json.product_url(number), picture) if number else None
    number, category = ssf_addresses.number_in(url), ssf_addresses.category_in(url)
    if number:
        picture = ssf_image(one_line(entry.xpath("string(image/loc)").get()))
        address = ssf_addresses.product_url(ssf_addresses.slug_in(url), number)
        return _listing(ssf_addresses.SHOP, entry, number, address, picture)
    return _ssf_category(url, category) if category else None


def _listing(shop: str, entry: Selector, number: str, url: str, picture: str | None) -> Listing:
    """A product of a sitemap; one without title is named by its number, its own page tells the name."""
    name = one_line(entry.xpath("string(image/title)").get()) or number
    return Listing(shop=shop, url=url, product_no=number, name=name, images=images(picture, ()))


def _ssf_category(url: str, code: str) -> Category:
    """A category of SSF's sitemap, which names it only by the slug of its address."""
    slug = unquote(urlsplit(url).path.strip("/").split("/")[0])
    return Category(
        shop=ssf_addresses.SHOP,
        url=url,
        code=code,
        name=one_line(slug.replace("-", " "), 200) or code,
        parent_code=code[:-3] if len(code) > 6 else None,
        garment_class=ssf_category(code).garment_class,
    )
