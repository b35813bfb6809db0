"""robots.txt as RFC 9309 wants it read, on the careful side where the shop's wish is not known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.robots import MAX_BYTES, RobotsRules, rules_for_answer

AGENT = "LookbookBot/0.1 (+mailto:crawl@operator.test)"
URL = "https://www.shop.test/products/1"


@pytest.mark.parametrize(
    ("body", "allowed"),
    [
        ("", True),
        ("User-agent: *\nDisallow: /\n", False),
        ("User-agent: *\nDisallow:\n", True),
        ("User-agent: OtherBot\nDisallow: /\n", True),
        ("User-agent: *\nDisallow: /\n\nUser-agent: lookbookbot\nAllow: /\n", True),
        ("User-agent: *\nAllow: /\n\nUser-agent: LookbookBot/2.0 # us\nDisallow: /\n", False),
        ("User-agent: *\nDisallow: /\n\nUser-agent: Lookbook\nAllow: /\n", False),
        ("User-agent: *\nDisallow: /\n\nUser-agent: LookbookBotExtra\nAllow: /\n", False),
        ("User-agent: *\nDisallow: /\nAllow: /products/\n", True),
        ("User-agent: *\nDisallow: /*/1$\n", False),
        ("User-agent: *\rDisallow: /products\r", False),
        ("\ufeffUser-agent: *\nDisallow: /\n", False),
        ("User-agent: Googlebot\nUser-agent: LookbookBot\nDisallow: /\n", False),
    ],
)
def test_the_group_that_names_us_counts_else_everybodys(body: str, allowed: bool) -> None:
    assert RobotsRules.parse(body.encode(), AGENT).allowed(URL) is allowed


@pytest.mark.parametrize(
    ("status", "allowed"),
    [
        (200, True), (204, True), (404, True), (410, True), (400, True),
        (401, False), (403, False), (429, False), (500, False), (503, False), (302, False), (None, False),
    ],
)  # fmt: skip
def test_what_an_answer_stands_for(status: int | None, allowed: bool) -> None:
    assert rules_for_answer(status, b"", AGENT).allowed(URL) is allowed


def test_a_body_counts_only_with_a_good_status() -> None:
    body = b"User-agent: *\nDisallow: /\n"
    assert not rules_for_answer(200, body, AGENT).allowed(URL)
    assert rules_for_answer(404, body, AGENT).allowed(URL)


def test_delay_and_sitemaps() -> None:
    body = b"Sitemap: https://www.shop.test/map.xml\nUser-agent: *\nCrawl-delay: 2.5\nDisallow: /cart\n"
    rules = RobotsRules.parse(body, AGENT)
    assert rules.crawl_delay == 2.5
    assert rules.sitemaps == ("https://www.shop.test/map.xml",)
    assert RobotsRules.parse(b"User-agent: *\nDisallow: /cart\n", AGENT).crawl_delay is None


@pytest.mark.parametrize("delay", ["nan", "inf", "-3", "soon"])
def test_a_senseless_delay_is_none(delay: str) -> None:
    assert RobotsRules.parse(f"User-agent: *\nCrawl-delay: {delay}\nDisallow: /x\n".encode(), AGENT).crawl_delay is None


def test_only_whole_lines_of_the_first_512_kib_are_read() -> None:
    start = b"User-agent: *\nDisallow: /cart\n"
    filler = b"#" * (MAX_BYTES - len(start) - len(b"\nDisallow: /products/9")) + b"\nDisallow: /products/999\n"
    rules = RobotsRules.parse(start + filler, AGENT)
    assert not rules.allowed("https://www.shop.test/cart")
    assert rules.allowed("https://www.shop.test/products/9")


@given(st.binary(max_size=300))
def test_any_bytes_give_rules(body: bytes) -> None:
    assert RobotsRules.parse(body, AGENT).allowed(URL) in {True, False}
