"""From a release to the VITON-HD folder tree that trainers and third parties read.

The contract that must not break: the tree appears whole or not at all, and every byte of it was verified.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from releases.build import Report
from releases.errors import ReleaseError
from releases.locking import folder_lock
from releases.places import Place
from releases.release import MANIFEST_FILE, STATS_FILE, SUMS_FILE, WITHDRAWN_FILE
from vitonhd.folders import FOLDERS, MEMBERS
from vitonhd.shards import Sample
from vitonhd.tree import PAIR_FILES, SPLITS, Tree
from vitonhd.workers import each

_TABLES = (*PAIR_FILES.values(), STATS_FILE, WITHDRAWN_FILE, MANIFEST_FILE, SUMS_FILE)
_BESIDE = ("README.md", "sheets")
_DONE = ".checkout"


@dataclass(frozen=True)
class _Job:
    place: Place
    split: str
    shard: str
    ids: tuple[str, ...]
    out: Path


def checkout(place: Place, out: Path, *, workers: int = 1, on_progress: Report = lambda done, total: None) -> int:
    """Write the release's tree to `out`, which must not exist yet; returns the number of items.

    A checkout that was killed goes on where it was. Raises ReleaseError for a folder that exists, ReleaseCorrupt for
    bytes that are not those published: then nothing appears.
    """
    release = place.open()
    if out.exists():
        raise ReleaseError(f"{out} exists; check out into a folder that does not")
    building = out.with_name(f".{out.name}.checkout")
    with folder_lock(out.with_name(f".{out.name}.lock")):
        _start(building, release.identity)
        jobs = [_Job(place, split, shard, ids, building) for (split, shard), ids in release.items_by_shard().items()]
        for split in SPLITS:
            for folder in FOLDERS:
                if folder.required:
                    (building / split / folder.name).mkdir(parents=True, exist_ok=True)
        total, done = sum(len(job.ids) for job in jobs), 0
        for count in each(_extract, jobs, workers):
            done += count
            on_progress(done, total)
        _copy_tables(place, building)
        os.sync()  # one for all: a flush a file would cost more than the writing
        (building / _DONE).unlink()
        building.rename(out)
    out.with_name(f".{out.name}.lock").unlink(missing_ok=True)
    return total


def _start(building: Path, identity: str) -> None:
    """Go on only with what the same release's checkout has left."""
    mark = building / _DONE
    if not mark.is_file() or mark.read_text() != identity:
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir(parents=True)
        mark.write_text(identity)


def _extract(job: _Job) -> int:
    """Write a shard's items. Its marker comes after the last byte was verified and written."""
    marker = job.out / f"{_DONE}-{job.shard}"
    if not marker.exists():
        tree = Tree(job.out)
        for sample in job.place.open().stream(job.shard, frozenset(job.ids)):
            for path, data in _files(tree, job.split, sample):
                path.write_bytes(data)
        marker.touch()
    return len(job.ids)


def _files(tree: Tree, split: str, sample: Sample) -> Iterator[tuple[Path, bytes]]:
    for ending, data in sample.parts.items():
        yield tree.path(split, MEMBERS[ending].part, sample.key), data


def _copy_tables(place: Place, building: Path) -> None:
    """Pair files, manifest and statistics, and the card with its sheets where the release has one."""
    for marker in building.glob(f"{_DONE}-*"):
        marker.unlink()
    release = place.open()
    for name in _TABLES:
        if name != SUMS_FILE:
            release.check(name)
        with release.open(name) as source, (building / name).open("wb") as target:
            shutil.copyfileobj(source, target)
    home = release.root.rpartition("/")[0]
    for name in _BESIDE:
        if release.fs.exists(f"{home}/{name}"):
            release.fs.get(f"{home}/{name}", str(building / name), recursive=name == "sheets")
