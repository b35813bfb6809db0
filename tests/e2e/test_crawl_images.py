"""`lookbook crawl images` after a crawl, with the real command: every picture accounted for, killed or not."""

from __future__ import annotations

import os
import random
import signal
import subprocess

import pytest
from sqlalchemy import select

from db.blobs import BlobStore
from db.models import Image, ProductImage
from db.session import make_engine, make_sessions
from tests.conftest import Lookbook
from tests.e2e.crawl_drill import settings_for
from tests.replay import FaultPlan, ReplayServer, SyntheticShop

SHOP = SyntheticShop("musinsa", products=240, hostile=0.3)


def states(url: str) -> dict[str, tuple[str, str | None, str | None]]:
    """address -> (state, reason, sha256)."""
    with make_sessions(make_engine(url))() as session:
        return {row.url: (row.state, row.reason, row.sha256) for row in session.scalars(select(ProductImage))}


def settings(server: ReplayServer) -> dict[str, str]:
    return settings_for(server, "musinsa") | {"IMAGES__BACKOFF": "0.2", "IMAGES__TIMEOUT": "5"}


def test_pictures_of_a_crawl_are_stored_or_rejected_with_a_reason(lookbook: Lookbook, database_url: str) -> None:
    with ReplayServer(SHOP) as server:
        crawled = lookbook("crawl", "run", "musinsa", "--category", "003", **settings(server))
        assert crawled.code == 0, crawled.stderr
        ran = lookbook("crawl", "images", **settings(server))
        again = lookbook("crawl", "images", **settings(server))
    assert ran.code == 0, ran.stderr
    summary = ran.summary
    assert summary["planned"] == summary["stored"] + sum(summary["rejected"].values()) + summary["gone"]
    assert summary["planned"] == len(states(database_url)) > 50
    assert set(summary["rejected"]) > {"host-not-allowed"}
    assert again.summary["planned"] == 0
    blobs = BlobStore(lookbook.settings["BLOBS_URL"])
    with make_sessions(make_engine(database_url))() as session:
        for image in session.scalars(select(Image)):
            assert len(blobs.get(image.sha256, verify=True)) == image.size


def test_killed_at_random_moments_the_pictures_end_the_same(lookbook: Lookbook, database_url: str) -> None:
    moments = random.Random(3)
    with ReplayServer(SHOP, faults=FaultPlan.mix()) as server:
        chosen = settings(server)
        assert lookbook("crawl", "run", "musinsa", "--category", "003", **chosen).code == 0
        for _ in range(4):
            running = lookbook.start("crawl", "images", **chosen)
            try:
                running.wait(moments.uniform(0.8, 2.0))
                break
            except subprocess.TimeoutExpired:
                os.killpg(running.pid, signal.SIGKILL)
                running.wait()
        done = lookbook("crawl", "images", **chosen)
    assert done.code == 0, done.stderr
    found = states(database_url)
    assert {state for state, _, _ in found.values()} <= {"stored", "rejected", "gone"}
    assert all(sha256 for state, _, sha256 in found.values() if state == "stored")
    assert all(reason for state, reason, _ in found.values() if state != "stored")


def test_a_picture_host_that_forbids_crawlers_is_left_alone(lookbook: Lookbook) -> None:
    with ReplayServer(SHOP, robots={"image.msscdn.net": "deny"}) as server:
        assert lookbook("crawl", "run", "musinsa", "--limit", "5", **settings(server)).code == 0
        ran = lookbook("crawl", "images", **settings(server))
        asked = {request.path for request in server.requests("image.msscdn.net")}
    assert ran.code == 77
    assert "image.msscdn.net" in ran.stderr
    assert asked == {"/robots.txt"}


@pytest.mark.parametrize("shard", ["0/3", "1/3", "2/3"])
def test_a_shard_takes_only_its_share(shard: str, lookbook: Lookbook) -> None:
    with ReplayServer(SHOP) as server:
        assert lookbook("crawl", "run", "musinsa", "--limit", "10", **settings(server)).code == 0
        ran = lookbook("crawl", "images", "--shard", shard, **settings(server))
    assert 0 < ran.summary["planned"] < 40
