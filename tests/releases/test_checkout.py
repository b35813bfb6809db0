"""A release as a folder tree: complete, verified, whole or not there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from releases.build import build
from releases.checkout import checkout
from releases.errors import ReleaseCorrupt, ReleaseError
from releases.params import ReleaseParams
from releases.places import Place
from releases.sources import ReleaseSource
from releases.validation import validate_release, verdict_of
from releases.verification import verify
from tests.conftest import ROOT
from tests.releases.test_build import PARAMS, files_in
from tests.releases.warehouse import SIZE, Warehouse, files_of
from vitonhd.garment_classes import GarmentClass
from vitonhd.names import item_id
from vitonhd.problems import missing
from vitonhd.sources import TreeSource
from vitonhd.tree import Tree
from vitonhd.validation.validator import validate


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Twelve items, of which one was replaced: an old shard holds a version that is no longer used."""
    warehouse = Warehouse(tmp_path)
    for seeds in ({}, {7: 700}):
        snapshot = warehouse.snapshot(tmp_path / "snapshot.parquet", range(12), seeds=seeds)
        build(snapshot, tmp_path / "release", warehouse.blobs_url, PARAMS)
    return Place(str(tmp_path / "release"))


def test_a_checkout_is_a_sound_tree_of_the_current_items(place: Place, tmp_path: Path) -> None:
    assert checkout(place, tmp_path / "tree", workers=2) == 12
    tree = Tree(tmp_path / "tree", size=SIZE)
    assert missing(tree) == []
    split = {stem: split for split in tree.splits() for stem in tree.stems(split)}
    assert set(split) == {item_id(number) for number in range(12)}
    for number in (3, 7):
        wanted = files_of(700 if number == 7 else number)
        assert {part: tree.read_bytes(split[item_id(number)], part, item_id(number)) for part in wanted} == wanted
    assert not list(tmp_path.rglob(".*checkout*"))


def test_release_and_checkout_are_the_same_source(place: Place, tmp_path: Path) -> None:
    checkout(place, tmp_path / "tree")
    sources = ReleaseSource(place, size=SIZE), TreeSource(Tree(tmp_path / "tree", size=SIZE))
    reports = [validate(source, GarmentClass.UPPER) for source in sources]
    assert reports[0].sound and reports[0].to_json() == reports[1].to_json()
    items = [
        {
            (item.split, item.stem): dict(item.files)
            for split in ("train", "test")
            for batch in source.batches(split)
            for item in batch
        }
        for source in sources
    ]
    assert items[0] == items[1]


def test_damaged_bytes_are_refused_and_nothing_appears(place: Place, tmp_path: Path) -> None:
    shard = max((tmp_path / "release" / "shards").iterdir())
    data = bytearray(shard.read_bytes())
    for position in (600, len(data) // 2, len(data) - 1):
        damaged = bytearray(data)
        damaged[position] ^= 1
        shard.write_bytes(damaged)
        with pytest.raises(ReleaseCorrupt, match=shard.name):
            checkout(place, tmp_path / "tree")
        with pytest.raises(ReleaseCorrupt, match=shard.name):
            verify(place)
        assert not (tmp_path / "tree").exists()
    shard.write_bytes(data[:-700])
    with pytest.raises(ReleaseCorrupt, match=shard.name):
        checkout(place, tmp_path / "tree")
    shard.write_bytes(data)
    verify(place)
    checkout(place, tmp_path / "tree")


def test_missing_and_foreign_files_are_not_of_the_release(place: Place, tmp_path: Path) -> None:
    release = tmp_path / "release"
    (release / "shards" / "train-000099.tar").write_bytes(b"")
    with pytest.raises(ReleaseCorrupt, match=r"train-000099\.tar is not of this release"):
        verify(place)
    (release / "shards" / "train-000099.tar").unlink()
    (release / "test_pairs.txt").unlink()
    with pytest.raises(ReleaseCorrupt, match=r"test_pairs\.txt is not there"):
        verify(place)


def test_a_folder_that_exists_is_left_alone(place: Place, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    with pytest.raises(ReleaseError, match="exists"):
        checkout(place, tmp_path / "tree")
    with pytest.raises(ReleaseError, match="no release"):
        checkout(Place(str(tmp_path / "nowhere")), tmp_path / "other")


def test_a_killed_checkout_goes_on(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path)
    snapshot = warehouse.snapshot(tmp_path / "snapshot.parquet", range(60))
    build(snapshot, tmp_path / "release", warehouse.blobs_url, ReleaseParams(shard_items=2))
    place = Place(str(tmp_path / "release"))
    checkout(place, tmp_path / "wanted")
    program = (
        "import sys; from pathlib import Path; from releases.checkout import checkout; "
        "from releases.places import Place; checkout(Place(sys.argv[1]), Path(sys.argv[2]))"
    )
    command = [sys.executable, "-c", program, place.folder, str(tmp_path / "tree")]
    for turn in range(5):
        process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, start_new_session=True)
        while process.poll() is None and not (tmp_path / ".tree.checkout").exists():
            time.sleep(0.002)
        time.sleep(0.01 * turn)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if (tmp_path / "tree").exists():
            break
    else:
        checkout(place, tmp_path / "tree")
    assert files_in(tmp_path / "tree") == files_in(tmp_path / "wanted")


def test_a_class_that_the_catalogue_does_not_have_is_an_empty_sound_release(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path)
    snapshot = warehouse.snapshot(tmp_path / "snapshot.parquet", ())
    build(snapshot, tmp_path / "release", warehouse.blobs_url, PARAMS)
    place = Place(str(tmp_path / "release"))
    verdict = tmp_path / "validation.json"
    assert validate_release(place, GarmentClass.UPPER, PARAMS, verdict).sound
    assert verdict_of(verdict, place.open().identity)["items"] == {}
    verify(place)
