"""Bulk upsert: right under two writers at once, whatever the order and number of rows."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import Session

from db.keys import url_key
from db.models import CrawlRun, FrontierPage, Shop
from db.session import make_engine, make_sessions
from db.upsert import upsert


def row(run_id: int, number: int, state: str = "waiting") -> dict[str, Any]:
    url = f"https://shop.example/{number}"
    return {
        "run_id": run_id,
        "kind": "product",
        "url": url,
        "url_key": url_key(url),
        "context": {"n": number},
        "state": state,
        "attempts": 0,
    }


@pytest.fixture
def run_id(engine: Engine) -> int:
    with make_sessions(engine).begin() as session:
        session.add(Shop(code="musinsa", name="MUSINSA", url="https://www.musinsa.com"))
        session.flush()
        run = CrawlRun(shop="musinsa", arguments={})
        session.add(run)
        session.flush()
        return run.id


KEY = ("run_id", "kind", "url_key")


def states(engine: Engine) -> dict[int, str]:
    with make_sessions(engine)() as session:
        rows = session.execute(select(FrontierPage.context, FrontierPage.state))
        return {context["n"]: state for context, state in rows}


def test_more_rows_than_one_statement_can_bind(engine: Engine, run_id: int) -> None:
    with make_sessions(engine).begin() as session:
        upsert(session, FrontierPage, (row(run_id, n) for n in range(5_000)), key=KEY)
    assert len(states(engine)) == 5_000


def test_rows_that_exist_stay_unless_named(engine: Engine, run_id: int) -> None:
    with make_sessions(engine).begin() as session:
        upsert(session, FrontierPage, [row(run_id, 1, "done")], key=KEY)
        upsert(session, FrontierPage, [row(run_id, 1), row(run_id, 2)], key=KEY)
    assert states(engine) == {1: "done", 2: "waiting"}
    with make_sessions(engine).begin() as session:
        upsert(session, FrontierPage, [row(run_id, 1, "failed")], key=KEY, update=("state",))
    assert states(engine) == {1: "failed", 2: "waiting"}


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    batches=st.lists(st.lists(st.tuples(st.integers(0, 8), st.sampled_from(["done", "gone"])), max_size=8), max_size=4)
)
def test_the_last_value_of_every_key_is_kept(engine: Engine, run_id: int, batches: list[list[tuple[int, str]]]) -> None:
    expected: dict[int, str] = {}
    with make_sessions(engine).begin() as session:
        session.execute(delete(FrontierPage))
        for batch in batches:
            expected |= dict(batch)
            rows = [row(run_id, number, state) for number, state in batch]
            upsert(session, FrontierPage, rows, key=KEY, update=("state",))
    assert states(engine) == expected


def _write(url: str, run_id: int, numbers: list[int], start: Any) -> None:
    engine = make_engine(url)
    sessions = make_sessions(engine)
    start.wait()
    for offset in range(0, len(numbers), 50):
        with sessions.begin() as session:
            rows = [row(run_id, number) for number in numbers[offset : offset + 50]]
            upsert(session, FrontierPage, rows, key=KEY, update=("context",))
    engine.dispose()


def test_two_writers_of_the_same_rows_in_opposite_order(engine: Engine, database_url: str, run_id: int) -> None:
    numbers = list(range(1_000))
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(2)
    writers = [
        context.Process(target=_write, args=(database_url, run_id, order, start)) for order in (numbers, numbers[::-1])
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(timeout=120)
        assert writer.exitcode == 0
    with make_sessions(engine)() as session:
        found = sorted(session.scalars(select(FrontierPage.url_key)))
    assert found == sorted(row(run_id, number)["url_key"] for number in numbers)


def test_times_come_back_as_utc(engine: Engine, run_id: int) -> None:
    moment = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
    with make_sessions(engine).begin() as session:
        session.get_one(CrawlRun, run_id).finished_at = moment
    with make_sessions(engine)() as session:
        assert session.get_one(CrawlRun, run_id).finished_at == moment


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with make_sessions(engine)() as session:
        yield session


def test_a_time_without_zone_is_refused(session: Session, run_id: int) -> None:
    session.get_one(CrawlRun, run_id).finished_at = datetime(2026, 3, 1)
    with pytest.raises(Exception, match="without zone"):
        session.flush()
