"""What one crawl works with: handed to the spider as it is, and reached by the components through it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from crawler.addresses import AddressGuard
from crawler.catalogue import CatalogueWriter
from crawler.config import CrawlSettings, ShopSettings
from crawler.frontier import Frontier
from crawler.shops import Shop

# Why a crawl stopped before its frontier was worked off. The shop does not want it:
REFUSED = "refused"
ROBOTS = "robots"
# It may go on later:
RETRY_LATER = "retry-later"
STORAGE = "storage"
INTERRUPTED = "interrupted"
LOCK_LOST = "lock-lost"
MEMORY = "memory"


@dataclass(slots=True)
class CrawlWork:
    """The run's frontier and writer, the settings it obeys, and why it stopped early (None: it did not)."""

    shop: Shop
    frontier: Frontier
    writer: CatalogueWriter
    guard: AddressGuard
    shop_settings: ShopSettings
    settings: CrawlSettings
    today: date
    still_locked: Callable[[], bool]
    on_progress: Callable[[int, int | None], None] = lambda done, total: None
    has_browser: bool = False
    stopped: str | None = None
    stop_detail: str = ""

    def permitted(self, host: str) -> bool:
        """Whether the shop's permission covers this host today."""
        permission = self.shop_settings.permission
        return permission is not None and permission.covers(host, self.today)
