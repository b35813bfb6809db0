"""Sitemaps and robots.txt of both shops, synthetic."""

from __future__ import annotations

import pytest

from crawler.errors import Rejected
from tests.crawler.pages.synthetic import only, read

INDEX = "https://www.musinsa.com/sitemap-musinsa-index.xml"
GOODS = "https://www.musinsa.com/static/sitemap/sitemap-goods-1.xml"
SSF_CATEGORIES = "https://www.ssfshop.com/sitemap_category.xml"
HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
NAMESPACES = (
    'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:image="http://www.google.com/schemas/sitemap-image/1.1"'
)


def test_an_index_names_further_sitemaps_once() -> None:
    entries = f"<sitemap><loc>{GOODS}</loc></sitemap>" * 2 + "<sitemap><loc>ftp://x/y</loc></sitemap><sitemap/>"
    page = read(INDEX, f"{HEAD}<sitemapindex {NAMESPACES}>{entries}</sitemapindex>")
    assert (page.records, page.urls) == ((), (GOODS,))


def test_a_goods_sitemap_names_products() -> None:
    entries = """<url><loc>https://www.musinsa.com/products/7000001</loc><image:image>
        <image:loc>https://image.msscdn.net/images/goods_img/20260101/7000001/7000001_1_500.jpg</image:loc>
        <image:title>달무늬 팬츠</image:title></image:image></url>
      <url><loc>https://www.musinsa.com/products/7000002</loc></url>
      <url><loc>https://www.musinsa.com/brand/greenpond</loc></url>"""
    page = read(GOODS, f"{HEAD}<urlset {NAMESPACES}>{entries}</urlset>")
    told = [(r.product_no, r.name, len(r.images)) for r in page.records if r.kind == "listing"]
    assert told == [("7000001", "달무늬 팬츠", 1), ("7000002", "7000002", 0)]


def test_ssfs_category_sitemap_names_categories() -> None:
    entries = "<url><loc>https://www.ssfshop.com/Long-Sleeve/list?dspCtgryNo=SFMA41A06A02&amp;x=1</loc></url>"
    category = only(read(SSF_CATEGORIES, f"{HEAD}<urlset {NAMESPACES}>{entries}</urlset>"))
    assert (category.code, category.name, category.parent_code) == ("SFMA41A06A02", "Long Sleeve", "SFMA41A06")
    assert category.garment_class == "dress"


def test_entities_are_neither_expanded_nor_loaded() -> None:
    bomb = '<!DOCTYPE u [<!ENTITY a "7"><!ENTITY b SYSTEM "file:///etc/passwd">]>'
    page = read(GOODS, f"{bomb}<urlset><url><loc>https://www.musinsa.com/products/1&b;</loc></url></urlset>")
    assert [r.url for r in page.records] == ["https://www.musinsa.com/products/1"]


def test_html_is_no_sitemap() -> None:
    with pytest.raises(Rejected, match="not-a-sitemap"):
        read(INDEX, "<html><body>login</body></html>")


@pytest.mark.parametrize(
    ("body", "allowed"),
    [
        ("User-agent: Googlebot\nAllow: /\n\nUser-agent: *\nDisallow: /\n", False),
        (
            "User-agent: *\nDisallow: /cart\nCrawl-delay: 2\nSitemap: https://www.ssfshop.com/sitemap_category.xml\n",
            True,
        ),
    ],
)
def test_robots(body: str, allowed: bool) -> None:
    record = only(read("https://goods-detail.musinsa.com/robots.txt", body))
    assert (record.shop, record.allowed) == ("musinsa", allowed)
    assert record.crawl_delay == (2 if allowed else None)
