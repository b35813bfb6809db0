"""What a failed request means: which state its page gets, under which reason, and whether another try could help."""

from __future__ import annotations

from dataclasses import dataclass

from scrapy import exceptions as scrapy_errors
from scrapy.spidermiddlewares.httperror import HttpError

from crawler.errors import CrawlError
from crawler.spiders.pace import Stopped
from crawler.spiders.work import ROBOTS


class RobotsForbidden(scrapy_errors.IgnoreRequest):
    """robots.txt does not allow the address, nor does a permission; `whole_host`: it allows nothing of the host."""

    def __init__(self, host: str, *, whole_host: bool) -> None:
        super().__init__(f"robots.txt of {host} does not allow this crawl")
        self.whole_host = whole_host


@dataclass(frozen=True, slots=True)
class Outcome:
    """`state` is the page's when no try is left or `final`; `reason` a slug that reports count by."""

    state: str
    reason: str
    final: bool


_TEMPORARY: tuple[tuple[type[Exception], str], ...] = (
    (scrapy_errors.DownloadTimeoutError, "timeout"),
    (scrapy_errors.ResponseDataLossError, "truncated"),
    (scrapy_errors.CannotResolveHostError, "unresolvable"),
    (scrapy_errors.DownloadConnectionRefusedError, "connection-refused"),
    (scrapy_errors.DownloadFailedError, "connection-lost"),
)


def outcome_of(error: BaseException) -> Outcome:
    """The outcome of a request that raised `error` in the downloader or in Scrapy's middlewares."""
    if isinstance(error, HttpError):
        return _of_status(error.response.status)
    if isinstance(error, CrawlError):
        return Outcome("rejected", error.reason, final=True)
    if isinstance(error, Stopped):
        return Outcome("failed", "stopped", final=False)
    if isinstance(error, RobotsForbidden):
        return Outcome("skipped", ROBOTS, final=True)
    if isinstance(error, scrapy_errors.DownloadCancelledError):
        return Outcome("rejected", "too-large", final=True)
    if isinstance(error, scrapy_errors.IgnoreRequest):
        return Outcome("rejected", _ignored(str(error)), final=True)
    for kind, reason in _TEMPORARY:
        if isinstance(error, kind):
            return Outcome("failed", reason, final=False)
    return Outcome("failed", _slug(type(error).__name__), final=False)


def _of_status(status: int) -> Outcome:
    reason = f"http-{status}"
    if status in (404, 410):
        return Outcome("gone", reason, final=True)
    if status in (403, 408, 425, 429) or status >= 500:
        return Outcome("failed", reason, final=False)
    return Outcome("rejected", reason, final=True)


def _ignored(message: str) -> str:
    if "redirect" in message:
        return "too-many-redirects"
    return "too-large" if "size" in message or "decompress" in message.lower() else "ignored"


def _slug(name: str) -> str:
    return "".join(f"-{char.lower()}" if char.isupper() else char for char in name).lstrip("-")
