"""The one spider: works through the frontier of a run; which shop's page objects read a page, web-poet decides.

The frontier lives in the database, not in Scrapy's scheduler: `start()` hands out what is due, and ends when nothing
waits any more.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psutil
import scrapy
from scrapy.http import Response
from sqlalchemy.exc import SQLAlchemyError
from twisted.python.failure import Failure

from crawler.errors import Gone, Rejected
from crawler.frontier import Fetched, PageTask
from crawler.pages.base import (
    ColourGroupPage,
    InformationPage,
    ListPage,
    OptionsPage,
    ParsedPage,
    ProductPage,
    ShopPage,
    SitemapPage,
    SizeTablePage,
)
from crawler.robots import forbids_ai
from crawler.spiders.browser import browser_meta
from crawler.spiders.failures import Outcome, RobotsForbidden, outcome_of
from crawler.spiders.pace import Pace
from crawler.spiders.work import INTERRUPTED, LOCK_LOST, MEMORY, ROBOTS, STORAGE, CrawlWork
from db.models import utcnow

_REPORT_EVERY_S = 2.0
# Bytes. A leak ends the process, and the next one goes on with the frontier.
_MAX_MEMORY = 2 * 2**30
# However it comes about that nothing changes, the frontier is looked at again.
_LOOK_AGAIN_S = 30.0


@dataclass(slots=True)
class FetchedPage:
    """What the spider hands to the pipeline: a page's task, what it brought and what the wire said."""

    task: PageTask
    parsed: ParsedPage
    fetched: Fetched


class ShopSpider(scrapy.Spider):
    """Fetches and reads the pages of one run; ends when the frontier has nothing waiting, or when it must stop."""

    name = "shop"

    def __init__(self, work: CrawlWork, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.work = work
        self.pace = Pace(work.settings, self.stop)
        self._next_report = 0.0
        self._closing: asyncio.Future[None] | None = None
        self._in_flight: dict[int, PageTask] = {}
        self._changed = asyncio.Event()
        self._window = work.shop_settings.concurrency * 4
        self._callbacks: dict[str, Callable[..., Any]] = {
            "listing": self.parse_listing,
            "sitemap": self.parse_sitemap,
            "product": self.parse_product,
            "size_table": self.parse_size_table,
            "options": self.parse_options,
            "colour_group": self.parse_colour_group,
            "information": self.parse_information,
        }

    async def start(self) -> AsyncIterator[Any]:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self.stop, INTERRUPTED, "stopped by a signal")
        while self.work.stopped is None:
            tasks, due = self._next_tasks()
            for task in tasks:
                self._in_flight[task.id] = task
                if request := self._request(task):
                    yield request
            if not tasks and not self._in_flight and due is None:
                return
            if len(self._in_flight) >= self._window or not tasks:
                await self._wait_for_change(due)

    def _next_tasks(self) -> tuple[list[PageTask], datetime | None]:
        """What is due now, as far as there is room, and when the next page is due if nothing is in flight."""
        room = self._window - len(self._in_flight)
        try:
            tasks = self.work.frontier.take(room, self._in_flight) if room > 0 else []
            idle = not tasks and not self._in_flight
            return tasks, self.work.frontier.next_due() if idle else None
        except SQLAlchemyError as error:
            self.storage_failed(error)
            return [], None

    async def _wait_for_change(self, due: datetime | None) -> None:
        """Until a page in flight ends or, with none in flight, until the next try is due."""
        timeout = _LOOK_AGAIN_S if due is None else max(0.0, (due - utcnow()).total_seconds()) + 0.01
        self._changed.clear()
        try:
            await asyncio.wait_for(self._changed.wait(), min(timeout, _LOOK_AGAIN_S))
        except TimeoutError:
            return

    def _request(self, task: PageTask) -> scrapy.Request | None:
        """The task's request; None where it can't be one, which ends the task."""
        if task.kind == "information" and not self.work.has_browser:
            self.end(task, Outcome("skipped", "no-browser", final=True), Fetched())
            return None
        meta: dict[str, Any] = {"task": task}
        if task.kind == "information":
            meta |= browser_meta()
        try:
            return scrapy.Request(
                task.url, callback=self._callbacks[task.kind], errback=self.failed, dont_filter=True, meta=meta
            )
        except ValueError:
            self.end(task, Outcome("rejected", "bad-url", final=True), Fetched())
            return None

    # One callback per kind, because scrapy-poet injects by annotation.

    async def parse_listing(self, response: Response, page: ListPage) -> FetchedPage | None:
        return await self._read(response, page)

    async def parse_sitemap(self, response: Response, page: SitemapPage) -> FetchedPage | None:
        return await self._read(response, page)

    async def parse_product(self, response: Response, page: ProductPage) -> FetchedPage | None:
        return await self._read(response, page)

    async def parse_size_table(self, response: Response, page: SizeTablePage) -> FetchedPage | None:
        return await self._read(response, page)

    async def parse_options(self, response: Response, page: OptionsPage) -> FetchedPage | None:
        return await self._read(response, page)

    async def parse_colour_group(self, response: Response, page: ColourGroupPage) -> FetchedPage | None:
        return await self._read(response, page)

    async def parse_information(self, response: Response, page: InformationPage) -> FetchedPage | None:
        return await self._read(response, page)

    async def _read(self, response: Response, page: ShopPage) -> FetchedPage | None:
        task: PageTask = response.meta["task"]
        fetched = fetched_of(response)
        tags = [value.decode("latin-1") for value in response.headers.getlist("X-Robots-Tag")]
        if forbids_ai(tags, self.work.settings.user_agent.split("/")[0]):
            self.end(task, Outcome("rejected", "x-robots-tag", final=True), fetched)
            return None
        try:
            return FetchedPage(task, await page.to_item(), fetched)
        except Gone as error:
            self.end(task, Outcome("gone", error.reason, final=True), fetched)
        except Rejected as error:
            # A page cut short on the way looks like a page without its data: another try tells them apart.
            self.end(task, Outcome("rejected", error.reason, final=False), fetched)
        except Exception as error:
            self.logger.exception("page object failed on %s", task.url)
            self.end(task, Outcome("rejected", f"parser-{type(error).__name__}", final=True), fetched)
        return None

    def failed(self, failure: Failure) -> None:
        """Scrapy's errback: no usable response."""
        request = failure.request  # type: ignore[attr-defined]
        task: PageTask = request.meta["task"]
        error = failure.value or RuntimeError("no cause")
        if isinstance(error, RobotsForbidden) and error.whole_host and task.kind in ("listing", "sitemap", "product"):
            self.stop(ROBOTS, str(error))
        response = getattr(error, "response", None)
        fetched = fetched_of(response) if response is not None else Fetched()
        outcome = outcome_of(error)
        if self.work.stopped is not None and outcome.reason in (ROBOTS, "stopped"):
            self.release(task)
        else:
            self.end(task, outcome, fetched)

    def end(self, task: PageTask, outcome: Outcome, fetched: Fetched) -> None:
        """Record how a try without records ended: back to the frontier for a later try, or its final state."""
        try:
            if outcome.final or task.attempts + 1 >= self.work.settings.attempts:
                self.work.writer.give_up(task, outcome.state, outcome.reason, fetched)
            else:
                wait = self.work.settings.backoff * 2**task.attempts
                self.work.frontier.put_back(task, outcome.reason, fetched, wait)
        except SQLAlchemyError as error:
            self.storage_failed(error)
        finally:
            self.release(task)

    def storage_failed(self, error: SQLAlchemyError) -> None:
        """The catalogue can't be read or written: stop, because nothing that is fetched now could be kept."""
        self.logger.error("the catalogue failed: %s", error)
        self.stop(STORAGE, f"the catalogue failed ({type(error).__name__})")

    def release(self, task: PageTask) -> None:
        """The page is no longer in flight; whatever became of it is in the database."""
        self._in_flight.pop(task.id, None)
        self._changed.set()
        if time.monotonic() < self._next_report:  # counting a million pages after each one would be the crawl
            return
        self._next_report = time.monotonic() + _REPORT_EVERY_S
        if not self.work.still_locked():
            self.stop(LOCK_LOST, "the lock on this shop's crawl was lost")
            return
        if (size := psutil.Process().memory_info().rss) > _MAX_MEMORY:
            self.stop(MEMORY, f"the crawl holds {size >> 20} MiB of memory, over {_MAX_MEMORY >> 20}")
            return
        try:
            self.work.on_progress(*self.work.frontier.counts())
        except SQLAlchemyError as error:
            self.storage_failed(error)

    def stop(self, reason: str, detail: str) -> None:
        """End the crawl early, its state kept; the first reason stays."""
        if self.work.stopped is not None:
            return
        self.work.stopped, self.work.stop_detail = reason, detail
        self.logger.warning("stopping: %s", detail)
        self.pace.stop()
        self._changed.set()
        engine = self.crawler.engine
        assert engine is not None
        self._closing = asyncio.ensure_future(engine.close_spider_async(reason=reason))


def fetched_of(response: Response) -> Fetched:
    return Fetched(response.status, len(response.body), response.meta.get("download_latency"))
