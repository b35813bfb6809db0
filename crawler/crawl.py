"""The crawl stage: opens or resumes a run, works its frontier off, and says how it ended."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from crawler import frontier, routes
from crawler.addresses import AddressGuard
from crawler.catalogue import CatalogueWriter, Scope, known_product_pages
from crawler.config import CrawlSettings, Permission, ShopSettings
from crawler.frontier import Frontier
from crawler.records import ProductNo
from crawler.routes import DEFAULT_CATEGORIES, DETAIL_KINDS, PageAddress
from crawler.shops import SHOPS, Shop
from crawler.spiders.work import REFUSED, ROBOTS, CrawlWork
from db import queries
from db.locks import exclusive
from db.models import CrawlRun, Product, utcnow
from db.models import Shop as ShopRow
from db.queries import FrontierCount
from db.session import make_sessions
from db.upsert import upsert

logger = logging.getLogger(__name__)

# An interrupted run older than this is not taken up again: its lists would be yesterday's.
RESUME_WITHIN = timedelta(hours=12)
# How often a run may come to an end with failed pages before it counts as finished.
FAILING_ENDS = 3
Progress = Callable[[int, int | None], None]


class CrawlRequest(BaseModel):
    """What to crawl. With neither categories nor products, nor a refresh, folder or sitemap: the shop's garments."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shop: str
    categories: tuple[str, ...] = ()
    products: tuple[ProductNo, ...] = ()
    refresh: bool = False
    sitemap: bool = False
    from_dir: str | None = None
    limit: int | None = Field(default=None, ge=1)

    def seeds(self, session: Session) -> Iterable[PageAddress]:
        """The pages that the run starts from. A folder's pages are not fetched and have none."""
        if self.from_dir is not None:
            return
        chosen = self.categories
        if not (chosen or self.products or self.refresh or self.sitemap):
            chosen = DEFAULT_CATEGORIES[self.shop]
        yield from (routes.listing(self.shop, category) for category in sorted(set(chosen)))
        yield from (routes.product(self.shop, number) for number in sorted(set(self.products)))
        if self.sitemap:
            yield routes.sitemap(self.shop)
        if self.refresh:
            yield from known_product_pages(session, self.shop)


class CrawlSummary(BaseModel):
    """How a run stands: `pages` counts frontier pages by kind and state, `reasons` why some are not done.

    `products` are those whose page this run stored, `seconds` the time that its processes worked on it.
    """

    run: int
    shop: str
    state: Literal["running", "finished", "incomplete", "refused", "failed"]
    reason: str | None
    products: int
    pages: dict[str, dict[str, int]]
    reasons: dict[str, int]
    seconds: float


def run_crawl(
    engine: Engine,
    request: CrawlRequest,
    shop_settings: ShopSettings,
    settings: CrawlSettings,
    *,
    fresh: bool = False,
    on_progress: Progress = lambda done, total: None,
) -> CrawlSummary:
    """Crawl until nothing waits, or until the shop refuses; the same request again resumes an interrupted run.

    Raises db.errors.Busy when another process crawls this shop into this catalogue. A refusal is no exception but the
    summary's state, because what was stored before it stays valid.
    """
    sessions = make_sessions(engine)
    shop = SHOPS[request.shop]
    started = time.monotonic()
    with exclusive(engine, f"crawl {shop.code}") as lock:
        run_id = _open_run(sessions, shop, request, shop_settings.permission, fresh)
        try:
            work = _work(engine, run_id, request, shop_settings, settings)
            work.still_locked, work.on_progress = lock.held, on_progress
            work.frontier.reopen()
            if request.from_dir is not None:
                from crawler.saved import store_saved_pages

                store_saved_pages(work, Path(request.from_dir), sessions)
            else:
                _fetch(work, settings)
        except BaseException as error:
            _fail_run(sessions, run_id, error)
            raise
        return _close_run(sessions, run_id, work, time.monotonic() - started)


def _open_run(
    sessions: sessionmaker[Session], shop: Shop, request: CrawlRequest, permission: Permission | None, fresh: bool
) -> int:
    """Take up the shop's interrupted run with the same arguments, else start one, seeds in the same transaction."""
    arguments = request.model_dump(mode="json", exclude_defaults=True)
    with sessions.begin() as session:
        shop_row = {"code": shop.code, "name": shop.name, "url": shop.url, "created_at": utcnow()}
        upsert(session, ShopRow, [shop_row], key=("code",), update=("name", "url"))
        run = None if fresh else _interrupted(session, shop.code, arguments)
        if run is None:
            run = CrawlRun(shop=shop.code, arguments=arguments, permissions=[], stats={})
            session.add(run)
            session.flush()
            frontier.enqueue(session, run.id, islice(request.seeds(session), request.limit))
        else:
            logger.info("taking up run %d of %s", run.id, run.started_at.isoformat(timespec="seconds"))
        run.permissions = [*run.permissions, *_relied_on(shop, permission, run.permissions)]
        run.state, run.reason, run.finished_at = "running", None, None
        return run.id


def _relied_on(shop: Shop, permission: Permission | None, known: list[Any]) -> list[dict[str, Any]]:
    """The permission as the run records it, unless it holds for no host of the shop or is the last one known."""
    today = datetime.now(UTC).date()
    if permission is None or not any(permission.covers(host, today) for host in shop.page_hosts):
        return []
    record = permission.model_dump(mode="json")
    if known and {**known[-1], "from": None} == {**record, "from": None}:
        return []
    return [{**record, "from": utcnow().isoformat(timespec="seconds")}]


def _interrupted(session: Session, shop: str, arguments: dict[str, Any]) -> CrawlRun | None:
    """The newest run with these arguments, if it is young and did not finish."""
    query = select(CrawlRun).filter_by(shop=shop).where(CrawlRun.started_at > utcnow() - RESUME_WITHIN)
    runs = session.scalars(query.order_by(CrawlRun.id.desc()))
    newest = next((run for run in runs if run.arguments == arguments), None)
    return newest if newest is not None and newest.state != "finished" else None


def _work(
    engine: Engine, run_id: int, request: CrawlRequest, shop_settings: ShopSettings, settings: CrawlSettings
) -> CrawlWork:
    shop = SHOPS[request.shop]
    scope = Scope(
        run_id=run_id,
        shop=shop.code,
        limit=request.limit,
        refresh_after=timedelta(days=settings.refresh_after_days),
        details=() if request.from_dir is not None else DETAIL_KINDS[shop.code],
    )
    return CrawlWork(
        shop=shop,
        frontier=Frontier(engine, run_id),
        writer=CatalogueWriter(make_sessions(engine), scope),
        guard=AddressGuard(shop.page_hosts, shop_settings.hosts),
        shop_settings=shop_settings,
        settings=settings,
        today=datetime.now(UTC).date(),
        still_locked=lambda: True,
    )


def _fetch(work: CrawlWork, settings: CrawlSettings) -> None:
    """Run Scrapy in this process. Twisted's reactor can't be started twice: one crawl per process."""
    from scrapy.crawler import AsyncCrawlerProcess

    from crawler.spiders.browser import find_chromium
    from crawler.spiders.settings import scrapy_settings
    from crawler.spiders.shop import ShopSpider

    needs_browser = "information" in DETAIL_KINDS[work.shop.code] and work.shop_settings.browser
    chromium = find_chromium() if needs_browser else None
    if needs_browser and chromium is None:
        logger.warning("no Chromium: pages that need JavaScript are skipped; install Debian's `chromium` to have them")
    values = scrapy_settings(settings, work.shop_settings, work.guard, chromium)
    work.has_browser = chromium is not None
    process = AsyncCrawlerProcess(values)
    crawling = process.crawl(ShopSpider, work=work)
    process.start(install_signal_handlers=False)  # the spider has its own, which let it say why it stopped
    if crawling.done() and not crawling.cancelled() and (error := crawling.exception()) is not None:
        raise error


def _fail_run(sessions: sessionmaker[Session], run_id: int, error: BaseException) -> None:
    """Note on the run that an error ended it; the error itself goes on to the caller."""
    try:
        with sessions.begin() as session:
            run = session.get_one(CrawlRun, run_id)
            run.state, run.reason, run.finished_at = "failed", f"{type(error).__name__}: {error}"[:500], utcnow()
    except SQLAlchemyError:
        logger.exception("run %d could not be marked as failed", run_id)


def _close_run(sessions: sessionmaker[Session], run_id: int, work: CrawlWork, seconds: float) -> CrawlSummary:
    with sessions.begin() as session:
        run = session.get_one(CrawlRun, run_id)
        counts = queries.frontier_counts(session, run_id)
        worked = round(run.stats.get("seconds", 0.0) + seconds, 1)
        run.stats = {**run.stats, "seconds": worked, "ends": run.stats.get("ends", 0) + 1}
        run.state, run.reason = _end_of(run, work, counts)
        run.finished_at = utcnow()
        summary = summarise(session, run, counts)
        run.stats = {**run.stats, **summary.model_dump(mode="json", include={"products", "pages", "reasons"})}
        return summary


def _end_of(run: CrawlRun, work: CrawlWork, counts: list[FrontierCount]) -> tuple[str, str | None]:
    """The run's state and its reason, from why the crawl stopped and from what its pages came to."""
    states = Counter[str]()
    for _, state, _, number in counts:
        states[state] += number
    if work.stopped in (REFUSED, ROBOTS):
        return "refused", work.stop_detail
    if not states["done"] and any(reason == ROBOTS for _, _, reason, _ in counts):
        return "refused", "robots.txt allows none of the pages"
    if states["waiting"]:
        return "incomplete", work.stop_detail or f"{states['waiting']} pages are still waiting"
    # A page that fails again and again must not keep tomorrow's crawl from reading the lists.
    if states["failed"] and run.stats["ends"] < FAILING_ENDS:
        return "incomplete", f"{states['failed']} pages failed"
    return "finished", None


def summarise(session: Session, run: CrawlRun, counts: list[FrontierCount]) -> CrawlSummary:
    """The summary of a run from its row and `queries.frontier_counts`."""
    pages: dict[str, Counter[str]] = {}
    reasons: Counter[str] = Counter()
    for kind, state, reason, number in counts:
        pages.setdefault(kind, Counter())[state] += number
        if reason and state != "done":
            reasons[reason] += number
    return CrawlSummary(
        run=run.id,
        shop=run.shop,
        state=run.state,
        reason=run.reason,
        products=session.scalar(select(func.count()).select_from(Product).filter_by(run_id=run.id)) or 0,
        pages={kind: dict(states) for kind, states in pages.items()},
        reasons=dict(reasons.most_common()),
        seconds=run.stats.get("seconds", 0.0),
    )
