"""Decoding in worker processes: pictures come back whole, a worker that dies costs at most its own picture."""

from __future__ import annotations

import io
import multiprocessing
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from db.blobs import BlobStore
from db.errors import StorageError
from preprocess.run.decoders import Decoded, Decoders
from preprocess.run.work import Work
from tests.conftest import ROOT


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(str(tmp_path / "blobs"))


@pytest.fixture
def decoders(blobs: BlobStore) -> Iterator[Decoders]:
    with Decoders(blobs, 1) as made:
        yield made


def stored(blobs: BlobStore, width: int, height: int, level: int = 90) -> Work:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (level, 60, 30)).save(buffer, "PNG", compress_level=1)
    sha256 = blobs.put(buffer.getvalue())
    return Work(sha256, sha256, None, "upper", width * height)


def end_of(decoders: Decoders, work: Work) -> Decoded:
    return decoders.submit(work).result(60)


def kill_decoders(stop: threading.Event) -> None:
    """Kill every worker as soon as it has begun to decode."""
    while not stop.wait(0.02):
        for child in multiprocessing.active_children():
            # A worker that has mapped a large picture is in the middle of it.
            status = Path(f"/proc/{child.pid}/status")
            if child.name == "decode" and status.exists() and _resident(status) > 150 << 10:
                child.kill()


def _resident(status: Path) -> int:
    try:
        return next((int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmRSS")), 0)
    except OSError:
        return 0


def test_pictures_and_reasons_come_back(decoders: Decoders, blobs: BlobStore) -> None:
    sound = end_of(decoders, stored(blobs, 300, 400))
    assert sound.taken is not None and sound.taken.intake.size == (300, 400) and sound.seconds > 0
    assert np.array_equal(sound.taken.intake.colour[0, 0], (90, 60, 30))
    small = end_of(decoders, stored(blobs, 20, 40))
    assert small.verdict is not None and (small.verdict.reason, small.verdict.figure) == ("too-small", 20)
    lost = end_of(decoders, Work("0" * 64, "0" * 64, None, "upper", 1))
    assert lost.fault is not None and lost.fault.reason == "blob-missing"
    spoilt = stored(blobs, 310, 400)
    Path(blobs.path(spoilt.sha256)).write_bytes(b"other bytes")
    damaged = end_of(decoders, spoilt)
    assert damaged.fault is not None and damaged.fault.reason == "blob-corrupt"


def test_a_piece_of_a_tall_sheet(decoders: Decoders, blobs: BlobStore) -> None:
    whole = stored(blobs, 300, 2000)
    piece = end_of(decoders, Work("k", whole.sha256, (500, 900), "upper", whole.pixels))
    assert piece.taken is not None and piece.taken.intake.size == (300, 400)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc to see when a worker is at work")
def test_a_worker_that_is_killed_costs_its_picture_only(decoders: Decoders, blobs: BlobStore) -> None:
    large, small = stored(blobs, 7000, 8000), stored(blobs, 300, 400)
    stop = threading.Event()
    killer = threading.Thread(target=kill_decoders, args=(stop,))
    killer.start()
    try:
        dead = end_of(decoders, large)
    finally:
        stop.set()
        killer.join()
    assert dead.fault is not None and dead.fault.reason == "worker-died"
    assert end_of(decoders, small).taken is not None
    assert end_of(decoders, large).taken is not None, "it was not the picture's fault"


def test_a_store_that_does_not_answer_stops_the_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"a file where a folder should be")
    with Decoders(BlobStore(str(tmp_path / "file")), 1) as decoders, pytest.raises(StorageError, match="failed"):
        decoders.submit(Work("0" * 64, "0" * 64, None, "upper", 1)).result(60)


def test_workers_do_without_torch() -> None:
    code = "import sys, preprocess.run.decoders; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
