"""Scrapy's settings for a crawl, with its unsafe defaults closed."""

from __future__ import annotations

from typing import Any

from crawler.addresses import AddressGuard
from crawler.config import CrawlSettings, ShopSettings, user_agent
from crawler.spiders.browser import launch_options

_HANDLER = "crawler.spiders.handler.GuardedHandler"
_BROWSER_HANDLER = "crawler.spiders.handler.GuardedBrowserHandler"


def scrapy_settings(
    crawl: CrawlSettings, shop: ShopSettings, guard: AddressGuard, chromium: str | None
) -> dict[str, Any]:
    """The settings of one crawl process. `chromium` is the browser's executable, None for a crawl without one."""
    settings: dict[str, Any] = {
        "LOOKBOOK_GUARD": guard,
        "USER_AGENT": user_agent(crawl),
        # Without the others Scrapy reads file: and data: addresses that a shop's page names.
        "DOWNLOAD_HANDLERS": {
            "http": _HANDLER,
            "https": _BROWSER_HANDLER if chromium else _HANDLER,
            "file": None,
            "data": None,
            "ftp": None,
            "s3": None,
        },
        "TWISTED_DNS_RESOLVER": "crawler.spiders.handler.GuardedResolver",
        "DOWNLOAD_VERIFY_CERTIFICATES": True,
        "DOWNLOAD_TIMEOUT": crawl.timeout,
        "DOWNLOAD_MAXSIZE": crawl.max_page_bytes,
        "DOWNLOAD_WARNSIZE": 0,
        "DOWNLOAD_DELAY": shop.delay,
        "DOWNLOAD_DELAY_JITTER": 0,
        "CONCURRENT_REQUESTS": shop.concurrency * 4,
        "CONCURRENT_REQUESTS_PER_DOMAIN": shop.concurrency,
        "AUTOTHROTTLE_ENABLED": shop.delay > 0,
        "AUTOTHROTTLE_START_DELAY": shop.delay,
        "AUTOTHROTTLE_MAX_DELAY": max(60.0, shop.delay),
        "AUTOTHROTTLE_TARGET_CONCURRENCY": float(shop.concurrency),
        # The frontier retries, with attempts and due times that survive kill -9; and robots.txt is RobotsMiddleware's.
        "RETRY_ENABLED": False,
        "ROBOTSTXT_OBEY": False,
        "REDIRECT_MAX_TIMES": 5,
        "METAREFRESH_ENABLED": False,
        "COOKIES_ENABLED": False,
        # A proxy of the environment would resolve names itself, out of the guard's sight.
        "HTTPPROXY_ENABLED": False,
        "TELNETCONSOLE_ENABLED": False,
        "REMOTE_CONTROL_ENABLED": False,
        "HTTPCACHE_ENABLED": False,
        # Scrapy's limit looks at ru_maxrss, which a process inherits from the one that started it: a crawl started by a
        # large process would end at once. The spider looks at its present size instead.
        "MEMUSAGE_ENABLED": False,
        "DOWNLOADER_MIDDLEWARES": {
            "crawler.spiders.robots.RobotsMiddleware": 100,
        },
        "ADDONS": {"scrapy_poet.Addon": 300},
        "ITEM_PIPELINES": {"crawler.spiders.pipeline.CataloguePipeline": 300},
        "SCRAPY_POET_DISCOVER": ["crawler.pages"],
        "STATS_DUMP": False,
        "LOG_INSTALL_ROOT_HANDLER": False,
    }
    if chromium:
        settings |= {
            "PLAYWRIGHT_LAUNCH_OPTIONS": launch_options(chromium),
            "PLAYWRIGHT_MAX_PAGES_PER_CONTEXT": 2,
            "PLAYWRIGHT_DEFAULT_NAVIGATION_TIMEOUT": crawl.timeout * 1000,
        }
    return settings
