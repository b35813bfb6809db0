"""The shops: their codes, and the hosts whose pages and pictures belong to them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop that the crawler reads. `page_hosts` and `image_hosts` are the whole of what a crawl of it may contact."""

    code: str
    name: str
    url: str
    page_hosts: tuple[str, ...]
    image_hosts: tuple[str, ...]


MUSINSA = Shop(
    code="musinsa",
    name="MUSINSA",
    url="https://www.musinsa.com",
    page_hosts=("www.musinsa.com", "api.musinsa.com", "goods-detail.musinsa.com"),
    image_hosts=("image.msscdn.net", "image.musinsa.com"),
)
SSF = Shop(
    code="ssf",
    name="SSF Shop",
    url="https://www.ssfshop.com",
    page_hosts=("www.ssfshop.com",),
    image_hosts=("img.ssfshop.com",),
)
SHOPS = {shop.code: shop for shop in (MUSINSA, SSF)}
