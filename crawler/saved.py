"""Crawling saved pages (`--from-dir`): the same parsers and the same writer, with no network at all."""

from __future__ import annotations

import logging
from pathlib import Path

from sqlalchemy.orm import Session, sessionmaker

from crawler import frontier
from crawler.captures import captures_in, parse_capture
from crawler.errors import Rejected
from crawler.frontier import Fetched
from crawler.pages.base import ParsedPage
from crawler.records import AnyRecord
from crawler.routes import PageAddress
from crawler.spiders.work import CrawlWork

logger = logging.getLogger(__name__)

_KINDS = {"listing", "product", "size_table", "options", "colour_group", "information"}


def store_saved_pages(work: CrawlWork, folder: Path, sessions: sessionmaker[Session]) -> None:
    """Store every saved page of the folder; files that are no page of the shop become rejections.

    Product pages go in before the pages about them, so that file names do not decide what is kept. Products that only a
    saved list names are recorded as skipped (`not-saved`): their pages are not there.
    """
    if not folder.is_dir():
        raise Rejected("no-folder", f"{folder} is not a folder of saved pages")
    files = list(captures_in(folder))
    late: list[tuple[Path, list[AnyRecord]]] = []
    for number, path in enumerate(files, 1):
        records = parse_capture(path, work.shop.code)
        if any(record.kind in ("product", "gone") for record in records):
            _store(work, sessions, path, records)
        else:
            late.append((path, records))
        work.on_progress(number, len(files))
    for path, records in late:
        _store(work, sessions, path, records)
    while batch := work.frontier.take(1000):
        for task in batch:
            work.writer.give_up(task, "skipped", "not-saved", Fetched())


def _store(work: CrawlWork, sessions: sessionmaker[Session], path: Path, records: list[AnyRecord]) -> None:
    kind = next((record.kind for record in records if record.kind in _KINDS), "file")
    first = records[0] if records else None
    page = PageAddress(
        kind="product" if first is not None and first.kind == "gone" else kind,  # type: ignore[arg-type]
        url=first.url if first is not None else path.name,
        product_no=getattr(first, "product_no", None) if kind != "listing" else None,
    )
    with sessions.begin() as session:
        frontier.enqueue(session, work.frontier.run_id, [page])
    task = work.frontier.find(page)
    if task is None:
        return
    rejections = [record for record in records if record.kind == "rejection"]
    if len(rejections) == len(records):
        reason = rejections[0].reason if rejections else "no-records"
        logger.warning("%s: %s", path.name, reason)
        work.writer.give_up(task, "rejected", reason, Fetched(size=path.stat().st_size))
    else:
        work.writer.store(task, ParsedPage(tuple(records)), Fetched(size=path.stat().st_size))
