"""The crawler's exceptions: each names its cause with one short slug, the same slug that reports count by."""

from __future__ import annotations


class CrawlError(Exception):
    """Base of the crawler's errors; `reason` is a short slug such as `missing-name`, `detail` is for a person."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class Rejected(CrawlError):
    """This page, row or picture can't be used and another try would not help; it is recorded and skipped."""


class AddressRefused(Rejected):
    """The address is not one that a crawl may contact (scheme, host, port, private network)."""


class Gone(CrawlError):
    """The shop says that the product is no longer there."""


class Temporary(CrawlError):
    """The same request may succeed later."""
