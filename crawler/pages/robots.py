"""A host's robots.txt as a record: whether a crawler that it does not name may read the host at all.

This reports; what a crawl may fetch is decided where it fetches.
"""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from web_poet import handle_urls

from crawler.config import USER_AGENT
from crawler.pages.base import ParsedPage, RobotsPage
from crawler.pages.fields import each_once, one_line
from crawler.records import Robots
from crawler.robots import RobotsRules
from crawler.shops import SHOPS

_HOSTS = sorted({host for shop in SHOPS.values() for host in (*shop.page_hosts, *shop.image_hosts)})


@handle_urls([f"{host}/robots.txt|" for host in _HOSTS], instead_of=RobotsPage)
class ShopRobots(RobotsPage):
    """robots.txt of any host of the shops."""

    def parse(self) -> ParsedPage:
        self.body_text()  # an answer that is no page is no robots.txt
        rules = RobotsRules.parse(self.response.body, USER_AGENT)
        host = (urlsplit(self.address).hostname or "").lower()
        shop = next((shop.code for shop in SHOPS.values() if host in (*shop.page_hosts, *shop.image_hosts)), host)
        record = Robots(
            shop=shop,
            url=self.address,
            allowed=rules.allowed(urljoin(self.address, "/")),
            crawl_delay=rules.crawl_delay,
            sitemaps=each_once([one_line(url) for url in rules.sitemaps]),
        )
        return ParsedPage(records=(record,))
