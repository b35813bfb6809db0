"""The runner on a little catalogue, with a tiny student that is really trained: states, choices, running again."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from PIL import Image
from sqlalchemy import Engine, delete, select, update
from sqlalchemy.orm import Session

from db import queries
from db.blobs import BlobStore, sha256_hex
from db.errors import StorageError
from db.models import Artifact, Choice, Product, ProductImage, utcnow
from db.session import make_engine
from preprocess.chain.eyes import StudentEyes
from preprocess.run.profile import STAGES
from preprocess.run.stage import RunSummary, Share, run
from tests.conftest import SERVER, Lookbook
from tests.e2e.preprocess_shelf import (
    ENDS,
    WORKS,
    orphans,
    packshot,
    photo,
    products,
    state_of,
    train_tiny_student,
)
from tests.e2e.shelf import Shelved, fill
from vitonhd.folders import FOLDERS
from vitonhd.item import decode_part
from vitonhd.tree import SIZE

KILLS = 20 if SERVER is None else 6


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_tiny_student(tmp_path_factory.mktemp("student"))


@pytest.fixture(scope="module")
def eyes(weights: Path) -> StudentEyes:
    return StudentEyes.load(weights)


@pytest.fixture
def blobs(lookbook: Lookbook) -> BlobStore:
    return BlobStore(lookbook.settings["BLOBS_URL"])


@pytest.fixture
def catalogue(engine: Engine, blobs: BlobStore) -> Engine:
    """The engine of a catalogue that holds `products()`."""
    fill(engine, blobs, products())
    return engine


def planned(summary: RunSummary) -> int:
    return summary.done + sum(summary.rejected.values()) + sum(summary.failed.values())


def choices(engine: Engine) -> dict[str, Choice]:
    with Session(engine) as session:
        rows = session.execute(select(Product.product_no, Choice).join(Choice, Choice.product_id == Product.id))
        return {row.product_no: row.Choice for row in rows}


def test_every_picture_and_every_product_has_an_end(catalogue: Engine, blobs: BlobStore, eyes: StudentEyes) -> None:
    summary = run(catalogue, blobs, eyes, Share(), workers=2)
    assert (summary.planned, planned(summary), summary.failed, summary.kept) == (WORKS, WORKS, {}, 0)
    assert summary.products["ready"] == 4 and summary.products["waiting"] == 0
    found = choices(catalogue)
    assert {number: (found[number].state, found[number].reason) for number in ENDS} == ENDS
    assert found.keys() == {*ENDS, "1004"}
    top = found["1004"]
    assert top.state == "rejected" and str(top.reason).startswith("worn-")
    assert top.figure is not None and top.limit is not None and str(top.detail).startswith("1 of 1 worn")
    assert found["1001"].facts["worn"] == {"fit": 2, "near_duplicates": 1, "rejected": {}}
    assert orphans(catalogue, blobs) == []
    check_spoilt_pictures(catalogue, summary)
    check_shot_kinds(catalogue)
    again = run(catalogue, blobs, eyes, Share())
    assert (again.planned, again.kept, again.products) == (0, WORKS, summary.products)
    assert {number: choice.made_at for number, choice in choices(catalogue).items()} == {
        number: choice.made_at for number, choice in found.items()
    }


def check_spoilt_pictures(engine: Engine, summary: RunSummary) -> None:
    """Each with its reason and figure."""
    reasons = {"too-many-pixels": 1, "truncated": 1, "too-small": 1, "empty": 1, "unsupported-format": 1}
    assert {reason: summary.rejected[reason] for reason in reasons} == reasons
    with Session(engine) as session:
        bomb = session.scalars(select(Artifact).filter_by(reason="too-many-pixels")).one()
    assert bomb.figure == 4e8 and bomb.limit is not None and bomb.shot_kind is None and bomb.files == {}


def check_shot_kinds(engine: Engine) -> None:
    shots = {url.removeprefix("https://image.msscdn.net/"): kind for url, kind in state_of(engine)["shots"].items()}
    assert {url: shots[url] for url in shots if url.startswith(("1001", "1003"))} == {
        "1001/0.jpg": "flat", "1001/1.jpg": "worn", "1001/2.jpg": "worn", "1001/3.jpg": "detail",
        "1003/0.jpg": "worn", "1003/1.jpg": "flat", "1003/2.jpg": "text",
    }  # fmt: skip
    assert (shots["1006/0.jpg"], shots["1008/0.jpg"], shots["1009/0.jpg"]) == (None, None, None)


def test_files_are_those_of_the_format(catalogue: Engine, blobs: BlobStore, eyes: StudentEyes) -> None:
    run(catalogue, blobs, eyes, Share())
    garment = {folder.name for folder in FOLDERS if folder.required and folder.garment}
    person = {folder.name for folder in FOLDERS if folder.required and not folder.garment}
    with Session(catalogue) as session:
        ready = list(queries.ready_choices(session, "lower"))
        assert [one.product.product_no for one in ready] == ["1001", "1002", "1003", "1008"]
        for one in ready:
            assert (one.packshot.files.keys(), one.worn.files.keys()) == (garment, person)
            for folder in FOLDERS:
                files = one.packshot.files if folder.garment else one.worn.files
                if folder.required:
                    decode_part(folder, blobs.get(files[folder.name], verify=True), size=SIZE)
        sheet = ready[-1]
        assert sheet.worn.rows == [0, 1024] and sheet.packshot.rows == [1104, 2128]
        assert sheet.worn.sha256 == sheet.packshot.sha256
    check_choices_follow_pictures(catalogue, blobs, eyes)


def check_choices_follow_pictures(engine: Engine, blobs: BlobStore, eyes: StudentEyes) -> None:
    """A packshot comes, another goes."""
    fill(engine, blobs, [Shelved("1005", "lower", [photo(3), packshot(5)])])
    with Session(engine) as session, session.begin():
        lost = select(ProductImage.id).join(Product).where(Product.product_no == "1001", ProductImage.position == 0)
        session.execute(update(ProductImage).where(ProductImage.id.in_(lost)).values(removed_at=utcnow()))
    assert run(engine, blobs, eyes, Share()).planned == 1
    found = choices(engine)
    assert (found["1005"].state, found["1001"].state, found["1001"].reason) == ("ready", "rejected", "no-packshot")


def test_shards_and_limits_come_to_the_same(
    catalogue: Engine, blobs: BlobStore, eyes: StudentEyes, make_catalogue: Callable[[str], str]
) -> None:
    limited = run(catalogue, blobs, eyes, Share(limit=2))
    assert limited.planned == 7 and limited.products["ready"] >= 2 and limited.products["waiting"] >= 3
    run(catalogue, blobs, eyes, Share())
    parts = make_engine(make_catalogue(catalogue.dialect.name))
    fill(parts, blobs, products())
    summaries = [run(parts, blobs, eyes, Share(shard=(index, 3))) for index in range(3)]
    assert state_of(parts) == state_of(catalogue)
    assert sum(one.products["ready"] for one in summaries) == 4
    parts.dispose()


def test_a_lost_blob_is_a_failure_that_is_tried_again(catalogue: Engine, blobs: BlobStore, eyes: StudentEyes) -> None:
    lost = Path(blobs.path(sha256_hex(photo(3))))
    kept = lost.read_bytes()
    lost.unlink()
    summaries = [run(catalogue, blobs, eyes, Share()) for _ in range(2)]
    assert [(one.planned, one.failed, one.retriable) for one in summaries] == [
        (WORKS, {"blob-missing": 1}, 1), (1, {"blob-missing": 1}, 1),
    ]  # fmt: skip
    assert summaries[0].products["waiting"] == 1 and "1005" not in choices(catalogue)
    lost.write_bytes(kept)
    third = run(catalogue, blobs, eyes, Share())
    assert (third.planned, third.done, third.products["waiting"]) == (1, 1, 0)


def test_after_three_failures_a_picture_is_given_up(engine: Engine, blobs: BlobStore, eyes: StudentEyes) -> None:
    fill(engine, blobs, [Shelved("2001", "lower", [photo(0), packshot(0)])])
    Path(blobs.path(sha256_hex(photo(0)))).unlink()
    assert [run(engine, blobs, eyes, Share()).retriable for _ in range(3)] == [1, 1, 0]
    summary = run(engine, blobs, eyes, Share())
    assert (summary.planned, summary.products) == (0, {"ready": 0, "rejected": {"no-worn": 1}, "waiting": 0})


def test_a_store_that_does_not_answer_stops_the_run(
    catalogue: Engine, tmp_path: Path, eyes: StudentEyes, blobs: BlobStore
) -> None:
    (tmp_path / "file").write_bytes(b"a file where a folder should be")
    with pytest.raises(StorageError, match="failed"):
        run(catalogue, BlobStore(str(tmp_path / "file")), eyes, Share())
    with Session(catalogue) as session:
        assert session.scalars(select(Artifact)).all() == []


def test_other_weights_are_another_version(catalogue: Engine, blobs: BlobStore, eyes: StudentEyes) -> None:
    share = Share(shard=(1, 9))
    first = run(catalogue, blobs, eyes, share)
    other = StudentEyes(eyes.student, eyes.identity.replace('"version":1', '"version":2'))
    second = run(catalogue, blobs, other, share)
    assert first.version != second.version and second.planned == first.planned > 0
    with Session(catalogue) as session:
        assert queries.latest_version(session) == second.version
        assert queries.artifact_counts(session, first.version) == queries.artifact_counts(session, second.version)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_command(lookbook: Lookbook, catalogue: Engine, blobs: BlobStore, weights: Path) -> None:
    """Its summary, its exit codes, and two of it at the same time."""
    arguments = ("preprocess", "run", "--weights", str(weights), "--workers", "1")
    lost = Path(blobs.path(sha256_hex(photo(3))))
    kept = lost.read_bytes()
    lost.unlink()
    failed = lookbook(*arguments, "--class", "lower", "--limit", "4", timeout=300)
    assert failed.code == 75 and failed.summary["failed"] == {"blob-missing": 1}, failed.stderr
    lost.write_bytes(kept)
    others = [lookbook.start(*arguments) for _ in range(2)]
    assert [one.wait(300) for one in others] == [0, 0]
    done = lookbook(*arguments, timeout=300)
    assert done.code == 0 and done.summary["planned"] == 0 and done.summary["products"]["ready"] == 4
    assert lookbook("preprocess", "run", "--shard", "3/3").code == 64
    assert lookbook("preprocess", "run", "--weights", str(weights.with_name("none"))).code == 78
    assert lookbook(*arguments, "--class", "dress", "--backend", "official").code in (65, 78)


@pytest.mark.slow
def test_a_profile_shows_every_stage_and_keeps_nothing(
    lookbook: Lookbook, catalogue: Engine, blobs: BlobStore, weights: Path
) -> None:
    before = sorted(blobs)
    arguments = ("--limit", "3", "--weights", str(weights), "--class", "lower")
    shown = lookbook("preprocess", "profile", *arguments, timeout=300)
    assert shown.code == 0, shown.stderr
    table = [line.split() for line in shown.stdout.splitlines()]
    assert [line[0] for line in table[:8]] == ["stage", *STAGES, "together"]
    shares = [float(line[2].rstrip("%")) for line in table[1:7]]
    assert abs(sum(shares) - 100) < 1 and min(shares) > 0
    assert (shown.summary["pictures"], shown.summary["taken"]) == (3, 3)
    with Image.open(lookbook.folder / "profile.png") as chart:
        assert chart.width == 900
    assert sorted(blobs) == before and state_of(catalogue)["artifacts"] == {}
    assert {path.name for path in lookbook.folder.iterdir() if path.is_dir()} == {"blobs"}
    nothing = lookbook("preprocess", "profile", "--class", "dress", "--weights", str(weights))
    assert nothing.code == 65 and "crawl images" in nothing.stderr


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_killed_at_random_moments_it_ends_as_an_undisturbed_run(
    lookbook: Lookbook, catalogue: Engine, blobs: BlobStore, eyes: StudentEyes, weights: Path
) -> None:
    run(catalogue, blobs, eyes, Share())
    expected = state_of(catalogue)
    _forget(catalogue)
    source, arguments = random.Random(5), ("preprocess", "run", "--weights", str(weights), "--workers", "1")
    whole = _ended(lookbook.start(*arguments))
    assert state_of(catalogue) == expected
    hits = 0
    while hits < KILLS:
        if state_of(catalogue) == expected:
            _forget(catalogue)
        hits += _killed(lookbook.start(*arguments), source.uniform(0, 1) * whole)
        assert orphans(catalogue, blobs) == []
    done = lookbook(*arguments, timeout=300)
    assert done.code == 0, done.stderr
    assert state_of(catalogue) == expected


def _at_work(running: subprocess.Popen[bytes]) -> None:
    """Wait until the command is at work: it has started a decoder. What comes before is imports."""
    while running.poll() is None and not psutil.Process(running.pid).children():
        time.sleep(0.02)


def _ended(running: subprocess.Popen[bytes]) -> float:
    """Seconds of work until it ended by itself."""
    _at_work(running)
    started = time.monotonic()
    assert running.wait(600) == 0
    return time.monotonic() - started


def _killed(running: subprocess.Popen[bytes], seconds: float) -> bool:
    """Kill it after so many seconds of work; False where it had ended by itself."""
    _at_work(running)
    try:
        assert running.wait(seconds) == 0
    except subprocess.TimeoutExpired:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
        return True
    return False


def _forget(engine: Engine) -> None:
    """Take back all that preprocessing made, but for the blobs."""
    with Session(engine) as session, session.begin():
        session.execute(delete(Choice))
        session.execute(delete(Artifact))
        session.execute(update(ProductImage).values(shot_kind=None))
