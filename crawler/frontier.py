"""A run's to-do list in the database: what is wanted, what became of it, and when to try again.

The contract that must not break: a page leaves `waiting` only in the transaction that stores what it brought, so
kill -9 at any moment loses nothing and fetches nothing twice that was stored.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Engine, func, select, update
from sqlalchemy.orm import Session

from crawler.routes import PageAddress, PageKind
from db.keys import url_key
from db.models import FrontierPage, utcnow
from db.session import make_sessions
from db.upsert import upsert

# The reason of list pages that a run with a limit no longer needs.
LIMIT = "limit"


@dataclass(frozen=True, slots=True)
class PageTask:
    """One page to fetch now; `attempts` are the tries before this one."""

    id: int
    kind: PageKind
    url: str
    product_no: str | None
    context: dict[str, Any]
    attempts: int


@dataclass(frozen=True, slots=True)
class Fetched:
    """What the wire said of one try: for the report, not for decisions."""

    http_status: int | None = None
    size: int | None = None
    seconds: float | None = None


def enqueue(
    session: Session,
    run_id: int,
    pages: Iterable[PageAddress],
    *,
    state: str = "waiting",
    reason: str | None = None,
) -> None:
    """Add pages that the run does not know yet; those it knows keep their state."""
    rows = (
        {
            "run_id": run_id,
            "kind": page.kind,
            "url": page.url,
            "url_key": url_key(page.url),
            "product_no": page.product_no,
            "context": page.context,
            "state": state,
            "reason": reason,
            "attempts": 0,
        }
        for page in pages
    )
    upsert(session, FrontierPage, rows, key=("run_id", "kind", "url_key"))


def finish(
    session: Session,
    task: PageTask,
    state: str,
    fetched: Fetched,
    reason: str | None = None,
    next_at: datetime | None = None,
) -> None:
    """End a try of the page: give it its state, within the transaction that stores what it brought."""
    session.execute(
        update(FrontierPage)
        .where(FrontierPage.id == task.id, FrontierPage.state == "waiting")
        .values(
            state=state,
            reason=reason,
            attempts=task.attempts + 1,
            next_at=next_at,
            fetched_at=utcnow(),
            http_status=fetched.http_status,
            size=fetched.size,
            seconds=fetched.seconds,
        )
    )


class Frontier:
    """The frontier of one run, as the process that holds the run's lock sees it."""

    def __init__(self, engine: Engine, run_id: int) -> None:
        self._sessions = make_sessions(engine)
        self._reading = make_sessions(engine, read_only=True)
        self.run_id = run_id

    def take(self, count: int, in_flight: Collection[int] = ()) -> list[PageTask]:
        """Up to `count` pages that are due now and not in flight, oldest first. Nothing is marked in the database."""
        query = (
            select(FrontierPage)
            .filter_by(run_id=self.run_id, state="waiting")
            .where(FrontierPage.next_at.is_(None) | (FrontierPage.next_at <= utcnow()))
            .where(FrontierPage.id.not_in(in_flight))
            .order_by(FrontierPage.id)
            .limit(count)
        )
        with self._reading() as session:
            return [_task(row) for row in session.scalars(query)]

    def waiting(self, kind: PageKind) -> Iterator[PageTask]:
        """Every waiting page of a kind once, oldest first, whatever its due time; pages may end meanwhile."""
        last = 0
        query = select(FrontierPage).filter_by(run_id=self.run_id, kind=kind, state="waiting").order_by(FrontierPage.id)
        while True:
            with self._reading() as session:
                tasks = [_task(row) for row in session.scalars(query.where(FrontierPage.id > last).limit(500))]
            if not tasks:
                return
            yield from tasks
            last = tasks[-1].id

    def next_due(self) -> datetime | None:
        """When the next waiting page may be tried; None when no page waits."""
        query = select(func.min(func.coalesce(FrontierPage.next_at, _EPOCH))).filter_by(
            run_id=self.run_id, state="waiting"
        )
        with self._reading() as session:
            return session.scalar(query)

    def put_back(self, task: PageTask, reason: str, fetched: Fetched, wait: float) -> None:
        """Let the page wait `wait` seconds before the next try; counts the try."""
        with self._sessions.begin() as session:
            finish(session, task, "waiting", fetched, reason, next_at=utcnow() + timedelta(seconds=wait))

    def reopen(self) -> None:
        """Let pages wait again that an earlier process of this run gave up for reasons that may have passed."""
        with self._sessions.begin() as session:
            session.execute(
                update(FrontierPage)
                .where(FrontierPage.run_id == self.run_id, FrontierPage.state.in_(("failed", "skipped")))
                .where(FrontierPage.reason.is_distinct_from(LIMIT))
                .values(state="waiting", reason=None, attempts=0, next_at=None)
            )

    def counts(self) -> tuple[int, int]:
        """(pages with a final state, pages known)."""
        columns = (func.count().filter(FrontierPage.state != "waiting"), func.count())
        with self._reading() as session:
            done, known = session.execute(select(*columns).where(FrontierPage.run_id == self.run_id)).one()
        return done, known


def _task(row: FrontierPage) -> PageTask:
    return PageTask(row.id, cast(PageKind, row.kind), row.url, row.product_no, row.context, row.attempts)


_EPOCH = datetime.fromtimestamp(0, tz=utcnow().tzinfo)
