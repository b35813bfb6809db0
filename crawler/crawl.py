"""The crawl stage: opens or resumes a run, works its frontier off, and says how it ended."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Engine, select
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
from db.models import CrawlRun, utcnow
from db.models import Shop as ShopRow
from db.session import make_sessions
from db.upsert import upsert

logger = logging.getLogger(__name__)

# An interrupted run older than this is not taken up again: its lists would be yesterday's.
RESUME_WITHIN = timedelta(hours=12)
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
    """How a run stands: `pages` counts frontier pages by kind and state, `rejected` their reasons."""

    run: int
    shop: str
    state: Literal["running", "finished", "incomplete", "refused"]
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
    with exclusive(engine, f"crawl {shop.code}"):
        permission = shop_settings.permission
        run_id = _open_run(sessions, shop, request, permission, fresh)
        work = _work(sessions, run_id, request, shop_settings, settings, on_progress)
        work.frontier.reopen()
        if request.from_dir is not None:
            from crawler.saved import store_saved_pages

            store_saved_pages(work, Path(request.from_dir), sessions)
        else:
            _fetch(work, settings)
        return _close_run(sessions, run_id, work)


def _open_run(
    sessions: sessionmaker[Session], shop: Shop, request: CrawlRequest, permission: Permission | None, fresh: bool
) -> int:
    """Take up the shop's interrupted run with the same arguments, else start one, seeds in the same transaction."""
    arguments = request.model_dump(mode="json", exclude_defaults=True)
    stored_permission = permission.model_dump(mode="json") if permission else None
    with sessions.begin() as session:
        shop_row = {"code": shop.code, "name": shop.name, "url": shop.url, "created_at": utcnow()}
        upsert(session, ShopRow, [shop_row], key=("code",), update=("name", "url"))
        run = None if fresh else _interrupted(session, shop.code, arguments)
        if run is None:
            run = CrawlRun(shop=shop.code, arguments=arguments, permission=stored_permission, stats={})
            session.add(run)
            session.flush()
            frontier.enqueue(session, run.id, request.seeds(session))
        else:
            logger.info("taking up run %d of %s", run.id, run.started_at.isoformat(timespec="seconds"))
            run.permission = stored_permission
        run.state, run.reason, run.finished_at = "running", None, None
        return run.id


def _interrupted(session: Session, shop: str, arguments: dict[str, Any]) -> CrawlRun | None:
    query = (
        select(CrawlRun)
        .filter_by(shop=shop)
        .where(CrawlRun.state != "finished", CrawlRun.started_at > utcnow() - RESUME_WITHIN)
        .order_by(CrawlRun.id.desc())
    )
    return next((run for run in session.scalars(query) if run.arguments == arguments), None)


def _work(
    sessions: sessionmaker[Session],
    run_id: int,
    request: CrawlRequest,
    shop_settings: ShopSettings,
    settings: CrawlSettings,
    on_progress: Progress,
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
        frontier=Frontier(sessions, run_id),
        writer=CatalogueWriter(sessions, scope),
        guard=AddressGuard(shop.page_hosts, shop_settings.hosts),
        shop_settings=shop_settings,
        settings=settings,
        today=datetime.now(UTC).date(),
        on_progress=on_progress,
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
    process.start()
    if not crawling.cancelled() and (error := _error_of(crawling)) is not None:
        raise error


def _error_of(crawling: asyncio.Task[None]) -> BaseException | None:
    return crawling.exception() if crawling.done() else None


def _close_run(sessions: sessionmaker[Session], run_id: int, work: CrawlWork) -> CrawlSummary:
    with sessions.begin() as session:
        run = session.get_one(CrawlRun, run_id)
        counts = queries.frontier_counts(session, run_id)
        states = Counter({state: sum(n for _, other, _, n in counts if other == state) for _, state, _, _ in counts})
        forbidden = not states["done"] and any(reason == ROBOTS for _, _, reason, _ in counts)
        if work.stopped in (REFUSED, ROBOTS) or forbidden:
            run.state = "refused"
        else:
            run.state = "incomplete" if states["waiting"] or states["failed"] else "finished"
        run.reason = work.stop_detail or ("robots.txt allows none of the pages" if forbidden else None)
        run.finished_at = utcnow()
        summary = summarise(run, counts)
        run.stats = summary.model_dump(mode="json", include={"products", "pages", "reasons", "seconds"})
        return summary


def summarise(run: CrawlRun, counts: list[tuple[str, str, str | None, int]]) -> CrawlSummary:
    """The summary of a run from its row and `queries.frontier_counts`."""
    pages: dict[str, Counter[str]] = {}
    reasons: Counter[str] = Counter()
    for kind, state, reason, number in counts:
        pages.setdefault(kind, Counter())[state] += number
        if reason and state != "done":
            reasons[reason] += number
    end = run.finished_at or utcnow()
    return CrawlSummary(
        run=run.id,
        shop=run.shop,
        state=run.state,
        reason=run.reason,
        products=pages.get("product", Counter())["done"],
        pages={kind: dict(states) for kind, states in pages.items()},
        reasons=dict(reasons.most_common()),
        seconds=round((end - run.started_at).total_seconds(), 1),
    )
