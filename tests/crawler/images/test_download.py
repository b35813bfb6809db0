"""The stage: every address ends in one state with a reason, hosts are treated politely, runs can be cut off."""

from __future__ import annotations

import datetime
import multiprocessing
import os
import random
import signal
import threading
import time
from itertools import pairwise
from pathlib import Path

import psutil
import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from crawler.config import CrawlSettings, ImageSettings, Permission, ShopSettings
from db.errors import StorageError
from db.models import ProductImage, utcnow
from tests.crawler.images.picture_shop import HOST, Catalogue, ImageServer, Reply, encoded, open_catalogue, photo

TODAY = datetime.date(2026, 11, 20)


def redirect(location: str) -> Reply:
    return Reply(status=302, headers={"Location": location})


def without_permission(catalogue: Catalogue, server: ImageServer) -> None:
    catalogue.shops = {"musinsa": ShopSettings(hosts={HOST: server.url})}


def test_every_address_ends_in_one_state_with_its_reason(catalogue: Catalogue, server: ImageServer) -> None:
    good = server.pictures(3)
    server.replies["/copy.jpg"] = server.replies[good[0]]
    server.replies["/gone.jpg"] = Reply(status=410)
    server.replies["/html.jpg"] = Reply(b"<html>not found</html>", headers={"Content-Type": "image/jpeg"})
    server.replies["/spacer.gif"] = Reply(encoded(photo(1, 1, 1), "GIF"))
    server.replies["/noai.jpg"] = Reply(encoded(photo(50)), headers={"X-Robots-Tag": "noai"})
    server.replies["/broken.jpg"] = Reply(status=500)
    server.replies["/odd.jpg"] = Reply(status=451)
    server.replies["/cut.jpg"] = Reply(encoded(photo(51)), declared=10**6)
    lies = ["/gone.jpg", "/html.jpg", "/spacer.gif", "/noai.jpg", "/broken.jpg", "/odd.jpg", "/cut.jpg", "/missing.jpg"]
    refused = ["http://10.0.0.1/a.jpg", "https://evil.test/a.jpg", "ftp://x/a", "http://u:p@image.msscdn.net/"]
    catalogue.want(*good, "/copy.jpg", *lies, *refused)
    summary = catalogue.download()
    assert catalogue.states() == {
        **dict.fromkeys([*good, "/copy.jpg"], "stored"),
        "/gone.jpg": "gone http-410",
        "/missing.jpg": "gone http-404",
        "/html.jpg": "rejected not-an-image-html",
        "/spacer.gif": "rejected spacer",
        "/noai.jpg": "rejected x-robots-tag",
        "/odd.jpg": "rejected http-451",
        "/broken.jpg": "failed http-500",
        "/cut.jpg": "failed truncated",
        "http://10.0.0.1/a.jpg": "rejected private-address",
        "https://evil.test/a.jpg": "rejected host-not-allowed",
        "ftp://x/a": "rejected scheme-refused",
        "http://u:p@image.msscdn.net/": "rejected credentials-in-url",
    }
    assert (summary.planned, summary.stored, summary.gone, summary.failed, summary.waiting) == (16, 4, 2, 2, 0)
    assert summary.exact_duplicates == 1
    assert summary.rejected["private-address"] == 1
    assert summary.planned == summary.stored + summary.gone + summary.failed + sum(summary.rejected.values())
    assert server.asked["/broken.jpg"] == catalogue.images.attempts
    assert len(catalogue.contents()) == 3
    for sha256 in catalogue.contents():
        assert catalogue.blobs.get(sha256, verify=True)


def test_an_address_is_fetched_once_whatever_number_of_products_show_it(
    catalogue: Catalogue, server: ImageServer
) -> None:
    paths = server.pictures(2)
    catalogue.want(*paths)
    catalogue.want(*paths)
    assert catalogue.download().planned == 2
    assert max(server.asked.values()) == 1
    catalogue.want(*paths)
    summary = catalogue.download()
    assert (summary.known, summary.stored, summary.waiting) == (2, 0, 0)
    assert max(server.asked.values()) == 1
    assert set(catalogue.states().values()) == {"stored"}


def test_a_picture_that_a_page_has_lost_is_not_fetched(catalogue: Catalogue, server: ImageServer) -> None:
    catalogue.want(*server.pictures(1))
    with Session(catalogue.engine) as session, session.begin():
        session.execute(update(ProductImage).values(removed_at=utcnow()))
    assert catalogue.download().planned == 0
    assert not server.asked


def test_redirects_are_followed_only_to_where_the_shop_may_be_asked(catalogue: Catalogue, server: ImageServer) -> None:
    (good,) = server.pictures(1)
    server.replies |= {
        "/moved.jpg": redirect(good),
        "/inside.jpg": redirect("http://127.0.0.1:1/admin"),
        "/metadata.jpg": redirect("http://169.254.169.254/latest/meta-data/"),
        "/file.jpg": redirect("file:///etc/passwd"),
        "/evil.jpg": redirect("//evil.test/x"),
        "/bad.jpg": redirect("http://[broken"),
        "/loop.jpg": redirect("/loop.jpg"),
    }
    catalogue.want(*server.replies)
    summary = catalogue.download()
    states = catalogue.states()
    assert (states[good], states["/moved.jpg"]) == ("stored", "stored")
    assert states["/inside.jpg"] == states["/metadata.jpg"] == "rejected private-address"
    assert states["/file.jpg"] == "rejected scheme-refused"
    assert states["/evil.jpg"] == "rejected host-not-allowed"
    assert states["/bad.jpg"] == "rejected bad-url"
    assert states["/loop.jpg"] == "rejected too-many-redirects"
    assert server.asked["/loop.jpg"] == 6
    assert summary.exact_duplicates == 1


def test_robots_txt_is_asked_once_and_obeyed(catalogue: Catalogue, server: ImageServer) -> None:
    paths = server.pictures(4)
    server.replies["/private/a.jpg"] = Reply(encoded(photo(9)))
    server.replies["/robots.txt"] = Reply(b"User-agent: *\nDisallow: /private\n")
    without_permission(catalogue, server)
    catalogue.want(*paths, "/private/a.jpg")
    summary = catalogue.download()
    assert server.asked["/robots.txt"] == 1
    assert server.times[0][0] == "/robots.txt"
    assert server.asked["/private/a.jpg"] == 0
    assert catalogue.states()["/private/a.jpg"] == "waiting"
    assert (summary.stored, summary.waiting, list(summary.refused_hosts)) == (4, 1, [HOST])


@pytest.mark.parametrize(
    "reply",
    [
        Reply(b"User-agent: *\nDisallow: /\n"),
        Reply(status=403),
        Reply(status=503),
        Reply(b"User-agent: *", declared=10**6),
        redirect("http://127.0.0.1:1/robots.txt"),
    ],
)
def test_a_host_that_forbids_or_does_not_say_is_left_alone(
    catalogue: Catalogue, server: ImageServer, reply: Reply
) -> None:
    paths = server.pictures(3)
    server.replies["/robots.txt"] = reply
    without_permission(catalogue, server)
    catalogue.want(*paths)
    summary = catalogue.download()
    assert set(server.asked) == {"/robots.txt"}
    assert (summary.planned, summary.waiting, list(summary.refused_hosts)) == (3, 3, [HOST])
    assert set(catalogue.states().values()) == {"waiting"}


def test_a_missing_robots_txt_permits_and_redirects_to_it_are_followed(
    catalogue: Catalogue, server: ImageServer
) -> None:
    without_permission(catalogue, server)
    catalogue.want(*server.pictures(2))
    assert catalogue.download().stored == 2
    server.replies |= {"/robots.txt": redirect("/r2"), "/r2": Reply(b"User-agent: LookbookBot\nDisallow: /\n")}
    catalogue.want(*server.pictures(2, first_seed=10))
    assert catalogue.download().waiting == 2


@pytest.mark.parametrize(
    ("permission", "stored"),
    [
        (Permission(reference="agreement 1"), 2),
        (Permission(reference="agreement 1", hosts=(HOST,), expires=TODAY), 2),
        (Permission(reference="agreement 1", expires=TODAY - datetime.timedelta(days=1)), 0),
        (Permission(reference="agreement 1", hosts=("www.shop.test",)), 0),
    ],
)
def test_a_permission_counts_for_its_hosts_until_it_expires(
    catalogue: Catalogue, server: ImageServer, permission: Permission, stored: int
) -> None:
    server.replies["/robots.txt"] = Reply(b"User-agent: *\nDisallow: /\n")
    catalogue.shops = {"musinsa": ShopSettings(hosts={HOST: server.url}, permission=permission)}
    catalogue.want(*server.pictures(2))
    summary = catalogue.download(today=TODAY)
    assert (summary.stored, server.asked["/robots.txt"]) == (stored, 1)


def test_a_host_is_asked_no_faster_and_by_no_more_at_once_than_allowed(
    catalogue: Catalogue, server: ImageServer
) -> None:
    server.replies["/robots.txt"] = Reply(b"User-agent: *\nCrawl-delay: 0.2\nDisallow: /x\n")
    without_permission(catalogue, server)
    catalogue.want(*server.pictures(5))
    assert catalogue.download().stored == 5
    assert min(later - sooner for (_, sooner), (_, later) in pairwise(server.times[1:])) > 0.15

    catalogue.shops = {"musinsa": ShopSettings(hosts={HOST: server.url}, permission=Permission(reference="test"))}
    catalogue.want(*server.pictures(4, first_seed=40))
    seen = len(server.times)
    assert catalogue.download().stored == 4  # under a permission, too
    assert min(later - sooner for (_, sooner), (_, later) in pairwise(server.times[seen + 1 :])) > 0.15

    server.replies["/robots.txt"] = Reply(b"User-agent: *\nDisallow: /\n")
    catalogue.want(*server.pictures(12, first_seed=20))
    server.delay, server.open_most = 0.05, 0
    assert catalogue.download(images=catalogue.images.model_copy(update={"per_host": 2})).stored == 12
    assert server.open_most == 2


def test_after_too_many_refusals_in_a_row_a_host_is_left_alone(catalogue: Catalogue, server: ImageServer) -> None:
    paths = server.pictures(30)
    for path in paths:
        server.replies[path] = Reply(status=403)
    catalogue.want(*paths)
    images = catalogue.images.model_copy(update={"attempts": 10})
    summary = catalogue.download(crawl=CrawlSettings(refusals=3), images=images)
    assert sum(server.asked.values()) <= 3 + catalogue.images.threads
    assert (summary.waiting, list(summary.refused_hosts)) == (30, [HOST])
    assert set(catalogue.states().values()) <= {"waiting", "waiting http-403"}
    for path in paths:
        server.replies[path] = Reply(encoded(photo(int(path[1:-4]))))
    time.sleep(0.2)
    assert catalogue.download().stored == 30


def test_retry_after_pauses_the_whole_host_and_the_run_waits_for_it(catalogue: Catalogue, server: ImageServer) -> None:
    paths = server.pictures(6)
    body = encoded(photo(99))
    server.replies["/busy.jpg"] = lambda before: (
        Reply(body) if before else Reply(status=503, headers={"Retry-After": "1"})
    )
    catalogue.want("/busy.jpg", *paths)
    images = catalogue.images.model_copy(update={"threads": 1})
    summary = catalogue.download(images=images)
    assert summary.stored == 7
    busy = [moment for path, moment in server.times if path == "/busy.jpg"]
    assert not [moment for _, moment in server.times if busy[0] < moment < busy[0] + 0.95]


def test_a_retry_after_that_is_too_long_leaves_the_host_for_another_run(
    catalogue: Catalogue, server: ImageServer
) -> None:
    server.replies["/busy.jpg"] = Reply(status=429, headers={"Retry-After": "86400"})
    catalogue.want("/busy.jpg")
    started = time.monotonic()
    summary = catalogue.download()
    assert time.monotonic() - started < 10
    assert (summary.waiting, list(summary.refused_hosts)) == (1, [HOST])


def test_a_passing_failure_is_tried_again_in_the_same_run(catalogue: Catalogue, server: ImageServer) -> None:
    body = encoded(photo(7))
    server.replies["/a.jpg"] = lambda before: Reply(body) if before >= 2 else Reply(status=502)
    catalogue.want("/a.jpg")
    assert catalogue.download().stored == 1
    assert catalogue.rows()["/a.jpg"].attempts == 3


def test_a_shard_takes_its_part_and_all_shards_take_everything(catalogue: Catalogue, server: ImageServer) -> None:
    catalogue.want(*server.pictures(12))
    parts = [catalogue.download(shard=(index, 3)) for index in range(3)]
    assert sum(part.planned for part in parts) == sum(part.stored for part in parts) == 12
    assert max(times for path, times in server.asked.items() if path != "/robots.txt") == 1


def test_limit_and_progress(catalogue: Catalogue, server: ImageServer) -> None:
    catalogue.want(*server.pictures(9))
    seen: list[tuple[int, int]] = []
    summary = catalogue.download(limit=4, on_progress=lambda done, total: seen.append((done, total)))
    assert (summary.planned, summary.stored) == (4, 4)
    assert seen[-1] == (4, 4)
    assert catalogue.download(shop="ssf").planned == 0
    assert catalogue.download(shop="musinsa").stored == 5


def test_more_addresses_than_a_hosts_queue_holds(catalogue: Catalogue, server: ImageServer) -> None:
    body = encoded(photo(1, 210, 210), quality=50)
    paths = [f"/many/{number}.jpg" for number in range(1_200)]
    server.replies |= dict.fromkeys(paths, Reply(body))
    catalogue.want(*paths)
    summary = catalogue.download(images=ImageSettings(processes=2, threads=4))
    assert (summary.planned, summary.stored, summary.exact_duplicates) == (1_200, 1_200, 1_199)
    assert max(server.asked.values()) == 1


def test_the_rendition_is_stored_beside_the_original(catalogue: Catalogue, server: ImageServer) -> None:
    from db.models import Image

    catalogue.want(*server.pictures(1))
    catalogue.download(images=catalogue.images.model_copy(update={"fit": (90, 120)}))
    with Session(catalogue.engine) as session:
        image = session.scalars(select(Image)).one()
    assert image.fitted_sha256 and catalogue.blobs.get(image.fitted_sha256, verify=True)[:2] == b"\xff\xd8"


def test_a_blob_store_that_cannot_write_stops_the_run_and_blames_no_picture(
    catalogue: Catalogue, server: ImageServer, tmp_path: Path
) -> None:
    catalogue.want(*server.pictures(3))
    (tmp_path / "blobs").write_text("a file where the folder should be")
    with pytest.raises(StorageError, match="blob store"):
        catalogue.download()
    assert set(catalogue.states().values()) == {"waiting"}
    (tmp_path / "blobs").unlink()
    assert catalogue.download().stored == 3


def _worker_pids() -> list[int]:
    children = psutil.Process().children(recursive=True)
    return [child.pid for child in children if any("multiprocessing-fork" in part for part in child.cmdline())]


def test_a_killed_worker_is_replaced_and_its_pictures_are_fetched_again(
    catalogue: Catalogue, server: ImageServer
) -> None:
    catalogue.want(*server.pictures(40))
    server.delay = 0.05
    killed: list[int] = []

    def kill_now_and_then() -> None:
        deadline = time.monotonic() + 20
        while len(killed) < 2 and time.monotonic() < deadline:
            before = len(server.times)
            while len(server.times) < before + 8 and time.monotonic() < deadline:
                time.sleep(0.01)
            for pid in _worker_pids()[:1]:
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)

    killer = threading.Thread(target=kill_now_and_then)
    killer.start()
    summary = catalogue.download(images=catalogue.images.model_copy(update={"attempts": 6}))
    killer.join()
    assert len(killed) == 2
    assert (summary.stored, summary.waiting, summary.failed) == (40, 0, 0)
    assert len(catalogue.contents()) == 40


def _download_in_process(database_url: str, folder: str, target: str) -> None:
    os.setpgrp()
    open_catalogue(database_url, Path(folder), target).download(
        images=ImageSettings(processes=2, threads=2, fit=(90, 120))
    )


@pytest.mark.parametrize("seed", range(4))
def test_a_run_killed_at_any_moment_is_completed_by_the_next(
    catalogue: Catalogue, server: ImageServer, database_url: str, tmp_path: Path, seed: int
) -> None:
    rng = random.Random(seed)
    paths = server.pictures(60)
    server.replies["/gone.jpg"] = Reply(status=404)
    catalogue.want(*paths, "/gone.jpg")
    server.delay = 0.02
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_download_in_process, args=(database_url, str(tmp_path), server.url))
    process.start()
    enough = rng.randint(0, 50)
    deadline = time.monotonic() + 30
    while len(server.times) < enough and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(rng.random() * 0.3)
    if rng.random() < 0.5 and process.pid is not None:
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.join()
    server.delay = 0
    assert catalogue.download().waiting == 0
    assert set(catalogue.states().values()) == {"stored", "gone http-404"}
    assert len(catalogue.contents()) == 60
    for sha256 in catalogue.contents():
        assert catalogue.blobs.get(sha256, verify=True)
    with Session(catalogue.engine) as session:
        assert session.scalar(select(func.count()).where(ProductImage.attempts > 1)) == 0


def test_workers_end_when_the_parent_is_killed(
    catalogue: Catalogue, server: ImageServer, database_url: str, tmp_path: Path
) -> None:
    catalogue.want(*server.pictures(30))
    server.delay = 0.3
    process = multiprocessing.get_context("spawn").Process(
        target=_download_in_process, args=(database_url, str(tmp_path), server.url)
    )
    process.start()
    deadline = time.monotonic() + 30
    while not server.times and time.monotonic() < deadline:
        time.sleep(0.02)
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.join()
    _, alive = psutil.wait_procs(children, timeout=5)
    assert len(children) >= 2 and not alive
