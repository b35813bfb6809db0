"""Crawls in trouble: signals, outages, lost locks, refusals with much in flight, odd addresses."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text, update

from crawler.frontier import enqueue
from crawler.routes import PageAddress
from db.models import CrawlRun
from db.session import make_engine, make_sessions
from tests.conftest import SERVER, Lookbook
from tests.e2e.crawl_drill import catalogue_state, settings_for
from tests.replay import Fault, FaultPlan, ReplayServer, SyntheticShop

SHOP = SyntheticShop("musinsa", products=240)
RUN = ("crawl", "run", "musinsa", "--category", "003")
PRODUCTS = r"www\.musinsa\.com/products/"

needs_postgresql = pytest.mark.skipif(SERVER is None, reason="TEST_DATABASE_URL names no PostgreSQL server")


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def ends(process: subprocess.Popen[bytes], seconds: float) -> int:
    try:
        return process.wait(seconds)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def test_a_signal_ends_the_crawl_at_once_and_resumably_even_in_a_pause(lookbook: Lookbook) -> None:
    plan = FaultPlan.always(Fault.UNAVAILABLE_LATER, PRODUCTS, retry_after=300)
    with ReplayServer(SHOP, faults=plan) as server:
        settings = settings_for(server, "musinsa")
        running = lookbook.start(*RUN, **settings)
        wait_for(lambda: any("/products/" in request.path for request in server.requests()))
        running.terminate()
        assert ends(running, 20) == 75
        server.faults = FaultPlan()
        again = lookbook(*RUN, **settings)
    assert again.code == 0, again.stderr
    assert again.summary["run"] == 1


def test_requests_in_flight_do_not_overtake_a_pause(lookbook: Lookbook) -> None:
    plan = FaultPlan.always(Fault.TOO_MANY, PRODUCTS, times=1, retry_after=3)
    with ReplayServer(SHOP, faults=plan) as server:
        settings = settings_for(server, "musinsa") | {"SHOPS__MUSINSA__CONCURRENCY": "2"}
        ran = lookbook(*RUN, "--limit", "8", **settings)
        times = [request.time for request in server.requests() if "/products/" in request.path]
    assert ran.code == 0, ran.stderr
    assert len([moment for moment in times if moment - times[0] < 2.5]) <= 2


def test_a_refusing_host_is_left_alone_longer_and_longer(lookbook: Lookbook) -> None:
    with ReplayServer(SHOP, faults=FaultPlan.always(Fault.FORBIDDEN, PRODUCTS)) as server:
        settings = settings_for(server, "musinsa") | {"CRAWL__REFUSALS": "4", "SHOPS__MUSINSA__CONCURRENCY": "1"}
        ran = lookbook(*RUN, **{**settings, "CRAWL__BACKOFF": "0.5"})
        times = [request.time for request in server.requests() if "/products/" in request.path]
    assert ran.code == 77
    assert len(times) == 4
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert gaps[0] > 0.4
    assert gaps[1] > 0.9
    assert gaps[2] > 1.9


def test_an_address_that_is_none_ends_its_page_and_not_the_crawl(lookbook: Lookbook, database_url: str) -> None:
    with ReplayServer(SHOP) as server:
        settings = settings_for(server, "musinsa")
        assert lookbook(*RUN, "--limit", "2", **settings).code == 0
        sessions = make_sessions(make_engine(database_url))
        with sessions.begin() as session:
            enqueue(session, 1, [PageAddress("listing", "https://api.musinsa.com:99999/api2/dp/v2/plp/goods")])
            enqueue(session, 1, [PageAddress("product", "file:///etc/passwd", "12345678")])
            session.execute(update(CrawlRun).values(state="incomplete"))
        ran = lookbook(*RUN, "--limit", "2", **settings)
    assert ran.code == 0, ran.stderr
    pages = catalogue_state(database_url)["pages"]
    assert pages["listing https://api.musinsa.com:99999/api2/dp/v2/plp/goods"] == ["rejected", "bad-url"]
    assert pages["product file:///etc/passwd"] == ["rejected", "scheme-refused"]


def test_a_proxy_of_the_environment_is_not_asked(lookbook: Lookbook, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with ReplayServer(SHOP) as server:
        ran = lookbook(*RUN, "--limit", "2", **settings_for(server, "musinsa"))
    assert ran.code == 0, ran.stderr
    assert ran.summary["products"] == 2


def test_a_crawl_that_a_large_process_starts_is_not_taken_for_large(lookbook: Lookbook) -> None:
    """Linux hands the peak memory of the starting process on: with 2.5 GB of it, Scrapy's own limit stops at once."""
    program = "import subprocess, sys; held = bytearray(2_500_000_000); sys.exit(subprocess.call(sys.argv[1:]))"
    with ReplayServer(SHOP) as server:
        environment = lookbook.environment(**settings_for(server, "musinsa"))
        command = [sys.executable, "-c", program, *lookbook.command(*RUN, "--limit", "2")]
        done = subprocess.run(
            command, cwd=lookbook.folder, env=environment, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr


def test_details_that_failed_are_asked_for_again_although_nothing_changed(lookbook: Lookbook) -> None:
    with ReplayServer(SHOP, faults=FaultPlan.always(Fault.UNAVAILABLE, r"goods-detail")) as server:
        settings = settings_for(server, "musinsa") | {"CRAWL__ATTEMPTS": "1"}
        assert lookbook(*RUN, "--limit", "3", **settings).code == 75
        server.faults = FaultPlan()
        seen = len(server.requests())
        ran = lookbook(*RUN, "--limit", "3", "--fresh", **settings)
        asked = [request.path for request in server.requests()[seen:]]
    assert ran.code == 0, ran.stderr
    assert ran.summary["pages"]["product"] == {"unchanged": 3}
    assert ran.summary["pages"]["size_table"] == {"done": 3}
    assert not [path for path in asked if path.startswith("/products/")]


def test_a_page_that_always_fails_does_not_keep_the_next_crawl_from_the_lists(lookbook: Lookbook) -> None:
    with ReplayServer(SHOP, faults=FaultPlan.always(Fault.UNAVAILABLE, PRODUCTS)) as server:
        settings = settings_for(server, "musinsa") | {"CRAWL__ATTEMPTS": "1"}
        codes = [lookbook(*RUN, "--limit", "2", **settings).code for _ in range(3)]
        later = lookbook(*RUN, "--limit", "2", **settings)
    assert codes == [75, 75, 0]
    assert later.summary["run"] == 2


def test_a_newer_finished_crawl_is_not_passed_over_for_an_older_broken_one(lookbook: Lookbook) -> None:
    with ReplayServer(SHOP, faults=FaultPlan.always(Fault.UNAVAILABLE, PRODUCTS)) as server:
        settings = settings_for(server, "musinsa") | {"CRAWL__ATTEMPTS": "1"}
        assert lookbook(*RUN, "--limit", "2", **settings).code == 75
        server.faults = FaultPlan()
        assert lookbook(*RUN, "--limit", "2", "--fresh", **settings).code == 0
        third = lookbook(*RUN, "--limit", "2", **settings)
    assert third.summary["run"] == 3


def on_server(statement: str) -> None:
    assert SERVER is not None
    engine = create_engine(make_url(SERVER).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


@needs_postgresql
def test_a_database_outage_ends_the_crawl_resumably(lookbook: Lookbook, database_url: str, tmp_path: Path) -> None:
    name = make_url(database_url).database
    with ReplayServer(SHOP, faults=FaultPlan.always(Fault.SLOW, PRODUCTS, delay=0.2)) as server:
        settings = settings_for(server, "musinsa") | {"SHOPS__MUSINSA__CONCURRENCY": "2"}
        running = lookbook.start(*RUN, **settings)
        wait_for(lambda: sum("/products/" in request.path for request in server.requests()) > 4)
        on_server(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        on_server(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        assert ends(running, 40) == 75
        on_server(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        again = lookbook(*RUN, **settings)
    assert again.code == 0, again.stderr
    assert set(catalogue_state(database_url)["products"]) == set(SHOP.expected(["003"]).products)


@needs_postgresql
def test_a_crawl_that_loses_its_lock_stops(lookbook: Lookbook, database_url: str) -> None:
    name = make_url(database_url).database
    with ReplayServer(SHOP, faults=FaultPlan.always(Fault.SLOW, PRODUCTS, delay=1)) as server:
        running = lookbook.start(*RUN, **settings_for(server, "musinsa") | {"SHOPS__MUSINSA__CONCURRENCY": "1"})
        wait_for(lambda: any("/products/" in request.path for request in server.requests()))
        on_server(
            "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_stat_activity USING (pid) "
            f"WHERE locktype = 'advisory' AND datname = '{name}'"
        )
        assert ends(running, 40) == 75
