"""robots.txt of the served shops: our agent may, everybody else may not, as far as the real hosts have one."""

from __future__ import annotations

from studio.shop.answers import Answer

AGENT = "LookbookBot"
ALLOW = f"User-agent: {AGENT}\nAllow: /\n\nUser-agent: *\nDisallow: /\n"
# The real ones answer 404, which allows everything.
WITHOUT = ("api.musinsa.com", "image.msscdn.net", "image.musinsa.com", "img.ssfshop.com")
_SITEMAPS = {
    "www.musinsa.com": "https://www.musinsa.com/sitemap-musinsa-index.xml",
    "www.ssfshop.com": "https://www.ssfshop.com/sitemap_category.xml",
}


def missing(status: int = 404) -> Answer:
    return Answer(b"no robots.txt here", "text/plain", status)


def rules(host: str, text: str = ALLOW) -> Answer:
    """These rules, with the sitemap that the host names."""
    sitemap = f"\nSitemap: {_SITEMAPS[host]}\n" if host in _SITEMAPS else ""
    return Answer((text + sitemap).encode(), "text/plain")


def answer(host: str) -> Answer:
    """A shop's host as the demo shop answers it: like the real one, but for our agent's being allowed by name."""
    return missing() if host in WITHOUT else rules(host)
