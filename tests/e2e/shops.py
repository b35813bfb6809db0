"""The two synthetic shops that whole-crawl tests use, and what they ask of a crawl."""

from __future__ import annotations

from typing import Any

from tests.conftest import Lookbook
from tests.e2e.crawl_drill import catalogue_state
from tests.replay import ReplayServer, SyntheticShop

MUSINSA = SyntheticShop("musinsa", products=240)
SSF = SyntheticShop("ssf", products=240)


def state_of(lookbook: Lookbook) -> dict[str, Any]:
    return catalogue_state(lookbook.settings["DATABASE_URL"])


def pages_asked_for(server: ReplayServer) -> list[str]:
    return [f"{request.host}{request.path}" for request in server.requests() if request.path != "/robots.txt"]


def one_category(shop: SyntheticShop) -> str:
    """A category of middling size."""
    sizes = {category.code: len(shop.members(category.code, shop.shop == "ssf")) for category in shop.categories}
    return max(sizes, key=lambda code: sizes[code] if sizes[code] <= 40 else 0)
