"""Builds: what a release holds, what changes from one to the next, and what a kill leaves."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from releases.build import Built, build
from releases.errors import ReleaseBusy, ReleaseCorrupt, ReleaseError
from releases.locking import folder_lock
from releases.params import ReleaseParams
from releases.release import Release
from releases.rows import Withdrawn
from releases.snapshots import snapshot_facts, write_snapshot
from tests.releases.warehouse import SIZE, Warehouse, files_of
from vitonhd.errors import FormatError
from vitonhd.names import item_id
from vitonhd.pair_files import parse_pairs

PARAMS = ReleaseParams(width=SIZE[0], height=SIZE[1], shard_items=4, test_share=0.3)
ROOT = Path(__file__).parents[2]


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path)


def made(warehouse: Warehouse, folder: Path, numbers: range | list[int], **options: dict[int, int]) -> Built:
    snapshot = warehouse.snapshot(folder / "snapshot.parquet", numbers, **options)  # type: ignore[arg-type]
    return build(snapshot, folder / "release", warehouse.blobs_url, PARAMS)


def files_in(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def touched(folder: Path) -> dict[Path, tuple[int, int]]:
    """Which file each is and when it was written."""
    found = ((path, path.stat()) for path in folder.rglob("*") if path.is_file())
    return {path: (stat.st_ino, stat.st_mtime_ns) for path, stat in found}


def stems(release: Release, name: str) -> list[tuple[str, str]]:
    found = [entry for _, entry in parse_pairs(release.pairs()[name])]
    assert not any(isinstance(entry, FormatError) for entry in found)
    return [(entry.person, entry.cloth) for entry in found if not isinstance(entry, FormatError)]


def test_a_release_holds_every_byte_of_its_items(warehouse: Warehouse, tmp_path: Path) -> None:
    result = made(warehouse, tmp_path, range(20))
    assert (result.items, result.packed, result.withdrawn, result.unchanged) == (20, 20, 0, False)
    release = Release.local(tmp_path / "release")
    items = list(release.items())
    assert [item.id for item in items] == [item_id(number) for number in range(20)]
    for number, item in enumerate(items):
        wanted = files_of(number)
        assert {file.part: release.read(item, file.part) for file in item.files} == wanted
        assert item.facts == warehouse.entry(number).facts
    assert set(release.sums) == set(files_in(tmp_path / "release")) - {"SHA256SUMS"}


def test_checksums_are_those_of_sha256sum(warehouse: Warehouse, tmp_path: Path) -> None:
    made(warehouse, tmp_path, range(6))
    done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=tmp_path / "release", capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_pair_files(warehouse: Warehouse, tmp_path: Path) -> None:
    made(warehouse, tmp_path, range(30))
    release = Release.local(tmp_path / "release")
    split = {item.id: item.split for item in release.items()}
    train, test = (sorted(id for id in split if split[id] == name) for name in ("train", "test"))
    assert len(test) > 3
    assert stems(release, "train") == [(id, id) for id in train]
    unpaired = stems(release, "test_unpaired")
    assert [person for person, _ in unpaired] == test
    assert all(person != cloth and split[cloth] == "test" for person, cloth in unpaired)
    assert release.pairs()["test"] == release.pairs()["test_unpaired"]


def test_no_unpaired_partner_of_the_same_garment(warehouse: Warehouse, tmp_path: Path) -> None:
    rows = [warehouse.entry(number, garment=f"g{number // 4}") for number in range(12)]
    snapshot = tmp_path / "snapshot.parquet"
    write_snapshot(snapshot, warehouse.garment_class, rows)
    build(snapshot, tmp_path / "release", warehouse.blobs_url, PARAMS)
    release = Release.local(tmp_path / "release")
    garment = {item.id: item.facts.garment for item in release.items()}
    assert all(garment[person] != garment[cloth] for person, cloth in stems(release, "test_unpaired"))


def test_the_same_snapshot_again_writes_nothing(warehouse: Warehouse, tmp_path: Path) -> None:
    made(warehouse, tmp_path, range(10))
    before = touched(tmp_path / "release")
    again = made(warehouse, tmp_path, range(10))
    assert again.unchanged and again.packed == 0
    assert touched(tmp_path / "release") == before


def test_one_changed_product_changes_only_its_own_files(warehouse: Warehouse, tmp_path: Path) -> None:
    made(warehouse, tmp_path, range(20))
    before = files_in(tmp_path / "release")
    old = {item.id: item for item in Release.local(tmp_path / "release").items()}
    result = made(warehouse, tmp_path, range(20), seeds={7: 700})
    assert (result.packed, result.new_shards) == (1, 1)
    after = files_in(tmp_path / "release")
    assert {name: after.get(name) for name in before if name.startswith("shards/")} == {
        name: sha256 for name, sha256 in before.items() if name.startswith("shards/")
    }
    assert len(after) == len(before) + 1
    release = Release.local(tmp_path / "release")
    changed = {item.id for item in release.items() if item != old[item.id]}
    assert changed == {item_id(7)}
    (item,) = (item for item in release.items() if item.id == item_id(7))
    assert release.read(item, "image") == files_of(700)["image"]
    assert release.stats()["replaced_samples"] == 1


def test_ids_and_splits_stay_when_others_come_and_go(warehouse: Warehouse, tmp_path: Path) -> None:
    made(warehouse, tmp_path, range(20))
    release = Release.local(tmp_path / "release")
    before, lines = {item.id: item.split for item in release.items()}, stems(release, "test_unpaired")
    made(warehouse, tmp_path, [*range(5), *range(6, 24)])
    release = Release.local(tmp_path / "release")
    after = {item.id: item.split for item in release.items()}
    assert item_id(5) not in after and item_id(23) in after
    assert {id: after[id] for id in before if id in after} == {id: before[id] for id in before if id in after}
    same = set(lines) & set(stems(release, "test_unpaired"))
    assert len(same) >= len(lines) - 6  # a ring: each that comes or goes has one neighbour


def test_withdrawn_items_leave_no_byte(warehouse: Warehouse, tmp_path: Path) -> None:
    made(warehouse, tmp_path, range(20))
    made(warehouse, tmp_path, range(20), seeds={7: 700})  # item 7's first version is still in an old shard
    numbers = [number for number in range(20) if number != 7]
    result = made(warehouse, tmp_path, numbers, withdrawn={7: "shop's request"})  # type: ignore[dict-item]
    assert result.withdrawn == 1
    release = Release.local(tmp_path / "release")
    assert item_id(7) not in {item.id for item in release.items()}
    assert all(item_id(7) not in ids for ids in release.samples().values())
    for path in (tmp_path / "release" / "shards").iterdir():
        data = path.read_bytes()
        assert files_of(7)["image"] not in data and files_of(700)["image"] not in data
    rows = list(csv.DictReader(io.StringIO(release.read_small("withdrawn.csv").decode())))
    assert rows == [{"id": item_id(7), "shop": "demo", "product_no": "1007", "reason": "shop's request"}]
    assert all(item_id(7) not in pair for name in release.pairs() for pair in stems(release, name))


def test_shard_names_are_never_used_again(warehouse: Warehouse, tmp_path: Path) -> None:
    names: dict[str, str] = {}
    for turn in range(6):
        made(warehouse, tmp_path, range(12), seeds={number: 100 * turn + number for number in range(turn, 12)})
        for name, sha256 in Release.local(tmp_path / "release").sums.items():
            if name.startswith("shards/"):
                assert names.setdefault(name, sha256) == sha256


def test_shards_of_mostly_replaced_items_are_packed_anew(warehouse: Warehouse, tmp_path: Path) -> None:
    made(warehouse, tmp_path, range(12))
    for turn in range(1, 5):
        made(warehouse, tmp_path, range(12), seeds={number: 100 * turn + number for number in range(12)})
        stats = Release.local(tmp_path / "release").stats()
        assert stats["replaced_samples"] == 0


def test_what_is_built_does_not_depend_on_workers(warehouse: Warehouse, tmp_path: Path) -> None:
    snapshot = warehouse.snapshot(tmp_path / "snapshot.parquet", range(17))
    for workers in (1, 2):
        build(snapshot, tmp_path / str(workers), warehouse.blobs_url, PARAMS, workers=workers)
    assert files_in(tmp_path / "1") == files_in(tmp_path / "2")


def test_a_missing_or_damaged_blob_is_named_and_leaves_the_old_release(warehouse: Warehouse, tmp_path: Path) -> None:
    made(warehouse, tmp_path, range(4))
    before = files_in(tmp_path / "release")
    entry = warehouse.entry(5)
    blob = Path(warehouse.blobs.path(entry.parts["pose"]))
    for damage, said in ((lambda: blob.write_bytes(b"{}"), "hash to"), (blob.unlink, "no blob")):
        snapshot = warehouse.snapshot(tmp_path / "snapshot.parquet", range(6))
        damage()
        with pytest.raises(ReleaseError, match=f"00005_00 pose.*{said}.*preprocess run"):
            build(snapshot, tmp_path / "release", warehouse.blobs_url, PARAMS)
        assert files_in(tmp_path / "release") == before
        files_of.cache_clear()


def test_snapshots_are_the_same_bytes_and_refuse_what_can_not_be_built(warehouse: Warehouse, tmp_path: Path) -> None:
    one = warehouse.snapshot(tmp_path / "1.parquet", range(1200)[::100]).read_bytes()
    assert warehouse.snapshot(tmp_path / "2.parquet", range(1200)[::100]).read_bytes() == one
    assert snapshot_facts(tmp_path / "1.parquet").counts == {"ready": 12, "out:no-packshot": 2}
    entry = warehouse.entry(3)
    lacking = {part: sha256 for part, sha256 in entry.parts.items() if part != "pose"}
    bad = (
        [entry, entry],
        [warehouse.entry(4), entry],
        [Withdrawn("3", "demo", "3", "")],
        [type(entry)(entry.id, entry.split, entry.facts, lacking)],
        [type(entry)(entry.id, "valid", entry.facts, entry.parts)],
    )
    for rows in bad:
        with pytest.raises(ReleaseError):
            write_snapshot(tmp_path / "bad.parquet", warehouse.garment_class, rows)
        assert not (tmp_path / "bad.parquet").exists()
    for data in (b"", b"PAR1" + bytes(100), b"{}"):
        (tmp_path / "bad.parquet").write_bytes(data)
        with pytest.raises(ReleaseCorrupt):
            build(tmp_path / "bad.parquet", tmp_path / "release", warehouse.blobs_url, PARAMS)


def test_two_builders_do_not_meet(warehouse: Warehouse, tmp_path: Path) -> None:
    with folder_lock(tmp_path / ".release.lock"), pytest.raises(ReleaseBusy):
        made(warehouse, tmp_path, range(2))


def test_a_killed_build_goes_on_and_gives_the_same_bytes(warehouse: Warehouse, tmp_path: Path) -> None:
    first = warehouse.snapshot(tmp_path / "first.parquet", range(24))
    second = warehouse.snapshot(tmp_path / "second.parquet", range(2, 40), seeds={5: 500, 11: 1100})
    wanted = tmp_path / "wanted"
    for snapshot in (first, second):
        build(snapshot, wanted, warehouse.blobs_url, PARAMS)
    program = (
        "import sys; from pathlib import Path; from releases.build import build; "
        "from releases.params import ReleaseParams; "
        "a = sys.argv; build(Path(a[1]), Path(a[2]), a[3], ReleaseParams.model_validate_json(a[4]))"
    )
    release = tmp_path / "release"
    build(first, release, warehouse.blobs_url, PARAMS)
    old, new = files_in(release), files_in(wanted)
    command = [sys.executable, "-c", program, str(second), str(release), warehouse.blobs_url, PARAMS.model_dump_json()]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    killed = 0
    for turn in range(12):
        process = subprocess.Popen(command, env=environment, start_new_session=True)
        building = tmp_path / ".release.building" / "build"
        while process.poll() is None and not building.exists():
            time.sleep(0.002)
        time.sleep(0.012 * turn)
        os.killpg(process.pid, signal.SIGKILL)
        killed += process.wait() != 0
        if release.is_dir():  # between two renames there is none; never a half
            assert files_in(release) in (old, new)
    assert killed
    build(second, release, warehouse.blobs_url, PARAMS)
    assert files_in(release) == new
    assert not list(tmp_path.glob(".release.building")) and not list(tmp_path.glob(".release.replaced"))
