"""The crawler's part of the settings: frozen models that stage functions receive; unknown keys are errors."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, field_validator

from crawler.addresses import parse_address
from crawler.errors import AddressRefused

USER_AGENT = "LookbookBot/0.1"
_PRODUCT_TOKEN = re.compile(r"[A-Za-z][A-Za-z0-9_-]{2,40}(/[0-9A-Za-z.]{1,20})?")
# Names that are somebody else's: crawlers that shops let in by name, and browsers.
_NAMES_OF_OTHERS = re.compile(
    r"mozilla|chrome|safari|firefox|edge|opera|webkit|googlebot|google-|bingbot|msnbot|yeti|naver|daum|zumbot|duckduck|"
    r"yandex|slurp|baidu|applebot|facebook|meta-|twitter|ccbot|gptbot|chatgpt|oai-|claude|anthropic|perplexity|amazonbot",
    re.IGNORECASE,
)


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Permission(_Settings):
    """A shop's permission to crawl it, as agreed with the shop; it is stored with every run that relies on it."""

    reference: Annotated[str, Field(min_length=3, max_length=500)]
    hosts: tuple[str, ...] = Field(default=(), description="hosts it covers; empty: every host of the shop")
    expires: date | None = None

    def covers(self, host: str, today: date) -> bool:
        """Whether it holds for this host today; the day of expiry still counts."""
        return (self.expires is None or today <= self.expires) and (not self.hosts or host in self.hosts)


class ShopSettings(_Settings):
    """What may be fetched for one shop, and how gently."""

    permission: Permission | None = None
    hosts: dict[str, str] = Field(
        default_factory=dict,
        description="host map: a shop's host -> the address to use in its place; only such a one may be local",
    )
    image_hosts: tuple[str, ...] = Field(
        default=(), description="further hosts whose pictures may be fetched, e.g. a seller's; `*` is any public host"
    )
    delay: float = Field(default=1.0, ge=0, description="seconds between two page requests to a host, at least")
    concurrency: int = Field(default=2, ge=1, le=16, description="page requests to a host at a time, at most")
    browser: bool = Field(default=True, description="open pages that need JavaScript in Chromium where it is found")

    @field_validator("hosts")
    @classmethod
    def _addresses(cls, hosts: dict[str, str]) -> dict[str, str]:
        try:
            for target in hosts.values():
                parse_address(target)
        except AddressRefused as error:
            raise ValueError(f"a host's target: {error}") from None
        return {host.lower(): target.rstrip("/") for host, target in hosts.items()}


class CrawlSettings(_Settings):
    """How pages are fetched."""

    user_agent: str = Field(default=USER_AGENT, description="the first word is what robots.txt groups are matched with")
    contact: str | None = Field(
        default=None,
        pattern=r"^[\x20-\x7e]{3,200}$",
        description="address or URL at which the shop can reach the operator",
    )
    timeout: float = Field(default=30, gt=0, description="seconds for one response")
    max_page_bytes: int = Field(default=16 * 2**20, ge=1024)
    attempts: int = Field(default=4, ge=1, description="tries of one page before it is left for the next run")
    backoff: float = Field(default=5, ge=0, description="seconds before the second try; doubles with every further one")
    max_retry_after: float = Field(default=600, ge=0, description="a longer Retry-After ends the run (resumable)")
    refusals: int = Field(default=5, ge=1, description="403 or 429 answers in a row that end the run")
    refresh_after_days: float = Field(default=7, ge=0, description="an unchanged product's page is fetched again then")

    @field_validator("user_agent")
    @classmethod
    def _own_name(cls, name: str) -> str:
        if not _PRODUCT_TOKEN.fullmatch(name) or _NAMES_OF_OTHERS.search(name):
            raise ValueError("a crawler goes by a name of its own, like LookbookBot/0.1, never by another's")
        return name


class ImageSettings(_Settings):
    """How pictures are fetched and which are refused."""

    processes: int = Field(default=2, ge=1, le=64)
    threads: int = Field(default=4, ge=1, le=64, description="keep-alive connections of each process")
    per_host: int = Field(default=8, ge=1, description="requests to one host at a time, over all processes")
    delay: float = Field(default=0.0, ge=0, description="seconds between two requests to a host, at least")
    timeout: float = Field(default=30, gt=0, description="seconds for one response, from first to last byte")
    max_bytes: int = Field(default=32 * 2**20, ge=1024)
    max_pixels: int = Field(default=60_000_000, ge=1024)
    min_side: int = Field(default=200, ge=1, description="pixels; smaller pictures are rejected as too small")
    attempts: int = Field(default=4, ge=1)
    backoff: float = Field(default=5, ge=0, description="seconds before the second try; doubles with every further one")
    sheet_ratio: float = Field(default=3.0, gt=1, description="height / width above which a picture is a tall sheet")
    max_sheet_height: int = Field(default=40_000, ge=1)
    fit: tuple[PositiveInt, PositiveInt] | None = Field(
        default=None, description="width, height: also store each picture, sheets apart, as a JPEG that fits inside"
    )
    fit_exact: bool = Field(default=False, description="scale by areas of all pixels: slower, for reference")


def user_agent(settings: CrawlSettings) -> str:
    """The User-Agent header: the crawler's own name and whom to ask; never another robot's, never a browser's."""
    return f"{settings.user_agent} (+{settings.contact})" if settings.contact else settings.user_agent
