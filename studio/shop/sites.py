"""The two shops as sites: which hosts are whose, and which module answers for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from studio.shop import musinsa, musinsa_goods, ssf, ssf_goods
from studio.shop.answers import Answer, Request
from studio.shop.product import Picture, Shop, ShopProduct


@dataclass(frozen=True, slots=True)
class Site:
    """A shop's hosts and forms. `picture` tells what an image address shows and at which width (None: as it is)."""

    code: str
    name: str
    page_hosts: tuple[str, ...]
    image_hosts: tuple[str, ...]
    answer: Callable[[Shop, Request], Answer]
    picture: Callable[[Shop, Request], tuple[Picture, int | None] | None]
    link: Callable[[ShopProduct], str]

    @property
    def hosts(self) -> tuple[str, ...]:
        return (*self.page_hosts, *self.image_hosts)


def _musinsa_link(product: ShopProduct) -> str:
    return musinsa_goods.link(product.number)


SITES = {
    site.code: site
    for site in (
        Site(
            "musinsa",
            "MUSINSA",
            musinsa.PAGE_HOSTS,
            musinsa.IMAGE_HOSTS,
            musinsa.answer,
            musinsa.picture,
            _musinsa_link,
        ),
        Site("ssf", "SSF Shop", ssf.PAGE_HOSTS, ssf.IMAGE_HOSTS, ssf.answer, ssf.picture, ssf_goods.link),
    )
}
SITE_OF_HOST = {host: site for site in SITES.values() for host in site.hosts}
