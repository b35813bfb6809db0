"""Crawling saved pages (`--from-dir`): the same parsers and the same writer, with no network at all.

Every file is one row of the frontier, under its path in the folder, and ends in one state.
"""

from __future__ import annotations

import logging
from pathlib import Path

from sqlalchemy.orm import Session, sessionmaker

from crawler import frontier
from crawler.captures import captures_in, parse_capture
from crawler.errors import Rejected
from crawler.frontier import Fetched, PageTask
from crawler.pages.base import ParsedPage
from crawler.records import AnyRecord, Rejection
from crawler.routes import PageAddress
from crawler.spiders.work import CrawlWork

logger = logging.getLogger(__name__)


def store_saved_pages(work: CrawlWork, folder: Path, sessions: sessionmaker[Session]) -> None:
    """Store every saved page of the folder; files that are no page of the shop become rejections.

    Product pages go in before the pages about them, so that file names do not decide what is kept. Products that only a
    saved list names are recorded as skipped (`not-saved`): their pages are not there.
    """
    if not folder.is_dir():
        raise Rejected("no-folder", f"{folder} is not a folder of saved pages")
    addresses = (PageAddress("file", f"file:{path.relative_to(folder)}") for path in captures_in(folder))
    with sessions.begin() as session:
        frontier.enqueue(session, work.frontier.run_id, addresses)
    for wanted in (_is_product, lambda records: True):
        for task in work.frontier.waiting("file"):
            path = folder / task.url.removeprefix("file:")
            records = _records_of(path, work.shop.code)
            if wanted(records):
                _store(work, task, path, records)
                work.on_progress(*work.frontier.counts())
    while batch := work.frontier.take(1000):
        for task in batch:
            work.writer.give_up(task, "skipped", "not-saved", Fetched())


def _is_product(records: list[AnyRecord]) -> bool:
    return any(record.kind in ("product", "gone") for record in records)


def _records_of(path: Path, shop: str) -> list[AnyRecord]:
    try:
        return parse_capture(path, shop)
    except OSError as error:
        return [Rejection(shop=shop, url=f"file:{path.name}", reason="unreadable", detail=str(error))]


def _store(work: CrawlWork, task: PageTask, path: Path, records: list[AnyRecord]) -> None:
    fetched = Fetched(size=path.stat().st_size if path.exists() else None)
    rejections = [record for record in records if isinstance(record, Rejection)]
    if len(rejections) == len(records):
        reason = rejections[0].reason if rejections else "no-records"
        logger.warning("%s: %s", path.name, reason)
        work.writer.give_up(task, "rejected", reason, fetched)
    else:
        work.writer.store(task, ParsedPage(tuple(records)), fetched)
