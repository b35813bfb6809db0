"""What the downloader and its worker processes say to each other: small, picklable, the same on both sides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from crawler.addresses import AddressGuard
from crawler.config import ImageSettings

Kind = Literal["stored", "moved", "rejected", "gone", "temporary", "refused", "robots", "broken"]


@dataclass(frozen=True, slots=True)
class Task:
    """One request. `key` is the `url_key` of the address that the shop gave, `url` where it is now after `hops`.

    `host` is whose turn the request takes; a robots.txt that redirects stays a request of the host it is about.
    """

    key: int
    shop: str
    host: str
    url: str
    attempts: int = 0
    hops: int = 0
    robots: bool = False


@dataclass(frozen=True, slots=True)
class StoredImage:
    """A picture whose bytes are a blob by now: the columns of an `image` row."""

    sha256: str
    size: int
    format: str
    width: int
    height: int
    phash: int
    thumbnail: bytes
    segments: tuple[tuple[int, int], ...] | None = None
    fitted_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a task.

    `refused` is a 403, 429 or 503, `moved` a redirect, which the parent decides on, `broken` a fault of ours (the blob
    store can't write) that would meet every other task as well.
    """

    task: Task
    kind: Kind
    reason: str | None = None
    status: int | None = None
    image: StoredImage | None = None
    location: str | None = None
    retry_after: float | None = None
    body: bytes = b""
    received: int = 0


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """All that a worker process is started with."""

    blobs_url: str
    images: ImageSettings
    user_agent: str
    product_token: str
    guards: dict[str, AddressGuard]
    referers: dict[str, str]
