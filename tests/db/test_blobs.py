"""The blob store: content-addressed, atomic, verified; on a folder and on a real S3 server."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import resource
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.blobs import BlobStore, sha256_hex
from db.errors import BlobCorrupt, BlobMissing


@pytest.fixture(scope="module")
def s3_url() -> Iterator[str]:
    """A bucket on moto's S3 server, started as a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    endpoint = f"http://127.0.0.1:{port}"
    credentials = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**credentials, "AWS_ENDPOINT_URL": endpoint}.items():
            patch.setenv(name, value)
        _wait_for(f"{endpoint}/moto-api/")
        import s3fs

        s3fs.S3FileSystem().mkdir("lookbook-test")
        yield "s3://lookbook-test/blobs"
    server.terminate()
    server.wait(10)


def _wait_for(url: str) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(url, timeout=1)
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"{url} did not come up")


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    return BlobStore(str(tmp_path / "blobs") if request.param == "folder" else request.getfixturevalue("s3_url"))


def test_what_is_put_comes_back_under_its_hash(store: BlobStore) -> None:
    name = store.put(b"a picture")
    assert name == sha256_hex(b"a picture")
    assert store.exists(name)
    assert store.get(name, verify=True) == b"a picture"
    assert store.put(b"a picture") == name
    assert name in list(store)


def test_a_missing_blob_is_named(store: BlobStore) -> None:
    with pytest.raises(BlobMissing, match="0" * 64):
        store.get("0" * 64)


def test_a_damaged_blob_is_found_on_verification(store: BlobStore) -> None:
    name = store.put(b"sound")
    store._fs.pipe_file(store.path(name), b"damaged")
    assert store.get(name) == b"damaged"
    with pytest.raises(BlobCorrupt, match="7 bytes"):
        store.get(name, verify=True)
    store._fs.rm_file(store.path(name))


def test_a_store_travels_to_worker_processes(store: BlobStore) -> None:
    name = store.put(b"travelled")
    assert pickle.loads(pickle.dumps(store)).get(name) == b"travelled"


@given(st.text(max_size=70))
def test_only_hashes_are_names(text: str) -> None:
    with pytest.raises(ValueError, match="not a SHA-256"):
        BlobStore("blobs").path(text)


def _put_forever(url: str, started: Any) -> None:
    store = BlobStore(url)
    started.set()
    number = 0
    while True:
        store.put(number.to_bytes(4, "big") * 250_000)
        number += 1


@pytest.mark.parametrize("seed", range(5))
def test_kill_while_writing_leaves_only_whole_blobs(tmp_path: Path, seed: int) -> None:
    url = str(tmp_path / "blobs")
    context = multiprocessing.get_context("spawn")
    started = context.Event()
    writer = context.Process(target=_put_forever, args=(url, started))
    writer.start()
    assert started.wait(60)
    time.sleep(0.02 + seed * 0.031)
    assert writer.pid is not None
    os.kill(writer.pid, signal.SIGKILL)
    writer.join(30)
    store = BlobStore(url)
    for name in store:
        store.get(name, verify=True)


def _put_with_little_room(url: str, errors: Any) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, 1_000))
    try:
        BlobStore(url).put(b"x" * 5_000)
    except OSError as error:
        errors.put(str(error))


def test_a_write_that_the_system_cuts_short_leaves_nothing(tmp_path: Path) -> None:
    """Stands for a full disk: the file system takes the first bytes and refuses the rest."""
    url = str(tmp_path / "blobs")
    context = multiprocessing.get_context("spawn")
    errors = context.Queue()
    writer = context.Process(target=_put_with_little_room, args=(url, errors))
    writer.start()
    assert "File too large" in errors.get(timeout=60)
    writer.join(30)
    assert [path for path in Path(url).rglob("*") if path.is_file()] == []
