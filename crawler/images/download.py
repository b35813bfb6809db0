"""The stage behind `lookbook crawl images`: every waiting address is fetched once, verified, stored, and accounted for.

The parent plans, paces and writes to the database; worker processes fetch, decode and store blobs. Either may be killed
at any moment: running again ends in the state that an undisturbed run ends in.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urljoin

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Engine

from crawler.addresses import AddressGuard
from crawler.config import CrawlSettings, ImageSettings, ShopSettings, user_agent
from crawler.errors import AddressRefused
from crawler.images.duplicates import mark_near_duplicates
from crawler.images.hosts import Host, Hosts
from crawler.images.ledger import Ledger, count_waiting
from crawler.images.plan import Plan, Waiting
from crawler.images.pool import WorkerPool
from crawler.images.tasks import Outcome, Task, WorkerSettings
from crawler.shops import SHOPS
from db.blobs import BlobStore
from db.errors import StorageError

_MAX_REDIRECTS = 5
_QUEUED = 4_000
_TICK_S = 0.5

Progress = Callable[[int, int], None]


class ImageSummary(BaseModel):
    """What a run did, in distinct addresses: planned = stored + known + rejected + gone + failed + waiting.

    `known` pictures came with another product before; `exact_duplicates` of the stored ones had bytes that were there;
    `near_duplicates` counts pictures in the whole catalogue that stand behind a better copy. `refused_hosts` says why a
    host was not asked (any more); its addresses are among the waiting.
    """

    model_config = ConfigDict(frozen=True)

    planned: int
    stored: int
    known: int
    rejected: dict[str, int]
    gone: int
    failed: int
    waiting: int
    bytes: int
    seconds: float
    exact_duplicates: int
    near_duplicates: int
    refused_hosts: dict[str, str]


def download_images(
    engine: Engine,
    blobs: BlobStore,
    shops: Mapping[str, ShopSettings],
    crawl: CrawlSettings,
    images: ImageSettings,
    *,
    shop: str | None = None,
    shard: tuple[int, int] = (0, 1),
    limit: int | None = None,
    on_progress: Progress | None = None,
    today: date | None = None,
) -> ImageSummary:
    """Fetch the waiting pictures of a shop, or of all; `shard` is (index, count) of runs that share the work.

    `today` is the day on which a permission must hold. Raises StorageError when blobs can't be written; whatever was
    done by then is kept.
    """
    if not 0 <= shard[0] < shard[1]:
        raise ValueError(f"shard {shard[0]} of {shard[1]}")
    started = time.monotonic()
    guards = {code: guard_of(code, shops.get(code, ShopSettings())) for code in {*shops, *SHOPS}}
    waiting = count_waiting(engine, shop=shop, shard=shard)
    plan = Plan(engine, shop=shop, shard=shard, limit=limit)
    hosts = Hosts(shops, crawl, images, today or datetime.now(UTC).date())
    ledger = Ledger(engine)
    if waiting:
        total = waiting if limit is None else min(limit, waiting)
        with WorkerPool(_worker_settings(blobs, crawl, images, guards)) as pool:
            _Download(plan, hosts, ledger, pool, guards, images, on_progress, total).run()
    near_duplicates = mark_near_duplicates(engine)
    return _summary(plan, hosts, ledger, near_duplicates, time.monotonic() - started)


def guard_of(code: str, settings: ShopSettings) -> AddressGuard:
    """What may be contacted for a shop's pictures: its own hosts, and those that the settings add."""
    known = SHOPS.get(code)
    own = () if known is None else (*known.page_hosts, *known.image_hosts)
    return AddressGuard((*own, *settings.image_hosts), settings.hosts)


def _worker_settings(
    blobs: BlobStore, crawl: CrawlSettings, images: ImageSettings, guards: dict[str, AddressGuard]
) -> WorkerSettings:
    return WorkerSettings(
        blobs_url=blobs.url,
        images=images,
        user_agent=user_agent(crawl),
        product_token=crawl.user_agent.partition("/")[0],
        guards=guards,
        referers={code: f"{known.url}/" for code, known in SHOPS.items()},
    )


def _summary(plan: Plan, hosts: Hosts, ledger: Ledger, near_duplicates: int, seconds: float) -> ImageSummary:
    return ImageSummary(
        planned=plan.taken,
        stored=ledger.stored,
        known=ledger.known,
        rejected=dict(sorted(ledger.rejected.items())),
        gone=ledger.gone,
        failed=ledger.failed,
        waiting=plan.taken - ledger.done,
        bytes=ledger.bytes,
        seconds=round(seconds, 3),
        exact_duplicates=ledger.exact_duplicates,
        near_duplicates=near_duplicates,
        refused_hosts=dict(sorted(hosts.refused.items())),
    )


class _Download:
    """One run's loop. `_active` are the keys that are queued, in flight or not yet written."""

    def __init__(
        self,
        plan: Plan,
        hosts: Hosts,
        ledger: Ledger,
        pool: WorkerPool,
        guards: Mapping[str, AddressGuard],
        images: ImageSettings,
        on_progress: Progress | None,
        total: int,
    ) -> None:
        self._plan = plan
        self._hosts = hosts
        self._ledger = ledger
        self._pool = pool
        self._guards = guards
        self._images = images
        self._on_progress = on_progress
        self._total = total
        self._active: set[int] = set()

    def run(self) -> None:
        try:
            while True:
                self._dispatch()
                if self._ledger.flush_due() or not self._pool.busy:
                    self._flush()
                if not self._pool.busy and not self._hosts.queued and self._plan.finished:
                    return
                for outcome in self._pool.wait(self._patience()):
                    self._take(outcome)
        finally:
            self._flush()

    def _dispatch(self) -> None:
        while self._pool.free:
            task = self._hosts.next_task()
            self._active.difference_update(self._hosts.take_released())
            if task is not None:
                self._pool.send(task)
            elif not self._read():
                return

    def _read(self) -> bool:
        """Queue a page of waiting addresses; False where there is nothing to read now."""
        if self._hosts.queued >= _QUEUED:
            return False
        roomy = [key for key in self._plan.skipped_hosts if self._hosts.has_room(key)]
        if self._plan.restart_from(roomy):
            # Rows that are done but not written would look as if they waited.
            self._flush()
        page = [row for row in self._plan.page() if row.key not in self._active]
        known = self._plan.known([row.key for row in page]) if page else {}
        for row in page:
            self._queue(row, known.get(row.key))
        return bool(page) or not self._plan.ended

    def _queue(self, row: Waiting, sha256: str | None) -> None:
        if not self._plan.take(row.key):
            return
        if sha256 is not None:
            self._active.add(row.key)
            self._ledger.know(row.key, sha256)
            return
        try:
            self._guard(row.shop).check_url(row.url)
        except AddressRefused as error:
            self._active.add(row.key)
            self._ledger.reject(row.key, error.reason)
            return
        host = self._hosts.of(row.shop, row.url)
        if host.stopped:
            return
        if row.next_at is not None and row.next_at > datetime.now(UTC):
            self._plan.later(host.key, row.next_at)
        elif host.full:
            self._plan.skip(host.key, row.key)
        else:
            self._active.add(row.key)
            self._hosts.add(host, Task(row.key, row.shop, host.name, row.url, row.attempts))

    def _take(self, outcome: Outcome) -> None:
        """File one outcome."""
        host = self._hosts.came_back(outcome.task)
        if outcome.kind == "broken":
            raise StorageError(f"{outcome.reason}; what was fetched so far is kept, the rest stays waiting")
        if outcome.task.robots:
            self._hosts.robots_answer(host, outcome)
        elif outcome.kind == "moved":
            self._redirect(outcome)
        elif outcome.kind == "refused":
            pause = outcome.retry_after if outcome.retry_after is not None else self._backoff(outcome)
            self._hosts.refuse(host, outcome, pause)
            self._again(host, outcome, pause)
        elif outcome.kind == "temporary":
            self._again(host, outcome, outcome.retry_after or 0.0)
        else:
            self._hosts.answered(host)
            self._finish(outcome)
        if host.stopped:
            self._plan.forget(host.key)

    def _finish(self, outcome: Outcome) -> None:
        if outcome.image is not None:
            self._ledger.store(outcome, outcome.image)
        elif outcome.kind == "gone":
            self._ledger.lose(outcome)
        else:
            self._ledger.reject(outcome.task.key, outcome.reason or outcome.kind, outcome)

    def _again(self, host: Host, outcome: Outcome, pause: float) -> None:
        attempts = outcome.task.attempts + 1
        if attempts >= self._images.attempts:
            self._ledger.fail(outcome, attempts)
            return
        next_at = datetime.now(UTC) + timedelta(seconds=max(pause, self._backoff(outcome)))
        self._ledger.postpone(outcome, attempts, next_at)
        self._plan.later(host.key, next_at)

    def _redirect(self, outcome: Outcome) -> None:
        """Queue the address that a redirect names, at the host that it names."""
        task = outcome.task
        if task.hops >= _MAX_REDIRECTS:
            self._ledger.reject(task.key, "too-many-redirects", outcome)
            return
        try:
            url = urljoin(task.url, outcome.location or "")
            self._guard(task.shop).check_url(url)
        except AddressRefused as error:
            self._ledger.reject(task.key, error.reason, outcome)
            return
        except ValueError:
            self._ledger.reject(task.key, "bad-url", outcome)
            return
        host = self._hosts.of(task.shop, url)
        if host.stopped:
            self._active.discard(task.key)
            return
        moved = Task(task.key, task.shop, host.name, url, task.attempts, task.hops + 1)
        self._hosts.add(host, moved, first=True)

    def _guard(self, shop: str) -> AddressGuard:
        try:
            return self._guards[shop]
        except KeyError:
            raise AddressRefused("host-not-allowed", f"shop {shop!r} is not in the settings") from None

    def _backoff(self, outcome: Outcome) -> float:
        return float(self._images.backoff * 2**outcome.task.attempts)

    def _patience(self) -> float:
        """Seconds to wait for an outcome at most: until something else can be done."""
        moments = [_TICK_S, *(moment for moment in (self._hosts.next_moment(), self._plan.due_in) if moment)]
        return max(0.001, min(moments))

    def _flush(self) -> None:
        self._active.difference_update(self._ledger.flush())
        if self._on_progress is not None:
            self._on_progress(self._ledger.done, max(self._total, self._plan.taken))
