"""From a snapshot and the release before it to the next release, in a folder beside it that takes its place when whole.

The contract that must not break: a reader finds the old release or the new one, never a half; a build that was killed
goes on where it was and gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from releases.counts import Counts, withdrawn_table
from releases.errors import ReleaseCorrupt
from releases.locking import folder_lock
from releases.pair_lists import paired, unpaired
from releases.params import ReleaseParams
from releases.parquet import write_rows
from releases.plan import Plan, make_plan
from releases.release import (
    MANIFEST_FILE,
    SHARDS_FILE,
    SHARDS_FOLDER,
    STATS_FILE,
    SUMS_FILE,
    WITHDRAWN_FILE,
    Release,
)
from releases.rows import FORMAT, MANIFEST, Entry, ReleaseItem, StoredFile, Withdrawn, manifest_row
from releases.shard_job import ShardJob, members_of, pack
from releases.snapshots import read_snapshot, snapshot_facts
from vitonhd.atomic import PARTIAL, atomic_file, write_atomic
from vitonhd.pair_files import Pair, format_pairs
from vitonhd.tree import PAIR_FILES, SPLITS
from vitonhd.workers import each

Report = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Built:
    """What a build came to."""

    items: int
    packed: int
    """Items whose bytes were written; the others kept their shards."""
    shards: int
    new_shards: int
    withdrawn: int
    identity: str
    """`Release.identity`."""
    unchanged: bool
    """The release that was there is exactly what the snapshot asks for; nothing was written."""


@dataclass
class _Site:
    """The folders of a build: the release's own, and those beside it."""

    release: Path
    building: Path = field(init=False)
    replaced: Path = field(init=False)

    def __post_init__(self) -> None:
        self.building = self.release.with_name(f".{self.release.name}.building")
        self.replaced = self.release.with_name(f".{self.release.name}.replaced")

    def recover(self) -> None:
        """Undo the first half of an exchange that was killed in the middle; clear what a finished one left."""
        if self.replaced.is_dir():
            if self.release.is_dir():
                shutil.rmtree(self.replaced)
            else:
                self.replaced.rename(self.release)

    def start(self, key: str) -> None:
        """An empty folder to build in, or the one of the same build that was killed."""
        path = self.building / "build"
        if not path.is_file() or path.read_text() != key:
            shutil.rmtree(self.building, ignore_errors=True)
            write_atomic(path, key.encode())
        for partial in self.building.rglob(f"{PARTIAL}*"):
            partial.unlink()

    def exchange(self) -> None:
        """Put the finished release in its place."""
        if self.release.is_dir():
            self.release.rename(self.replaced)
        (self.building / "release").rename(self.release)
        shutil.rmtree(self.replaced, ignore_errors=True)
        shutil.rmtree(self.building, ignore_errors=True)


def build(
    snapshot: Path,
    release: Path,
    blobs_url: str,
    params: ReleaseParams,
    *,
    workers: int = 1,
    on_progress: Report = lambda done, total: None,
) -> Built:
    """Make the release that the snapshot describes, in the folder `release`; the one that is there is its base.

    Raises ReleaseError for a bad snapshot or a missing or damaged blob, ReleaseBusy, ReleaseCorrupt for a damaged base.
    """
    site = _Site(release)
    with folder_lock(release.with_name(f".{release.name}.lock")):
        site.recover()
        previous = Release.local(release) if (release / SUMS_FILE).is_file() else None
        plan = make_plan(snapshot, previous, shard_items=params.shard_items, rewrite_below=params.rewrite_below)
        site.start(_key(snapshot, previous, params))
        staged = site.building / "release"
        _link_kept(plan, release, staged)
        jobs = [
            ShardJob(shard, snapshot, blobs_url, staged / SHARDS_FOLDER, site.building / "members")
            for shard in plan.new
        ]
        packed = sum(len(shard.ids) for shard in plan.new)
        sums = _pack_all(jobs, workers, packed, on_progress)
        sums |= {_shard(name): _known(previous, name) for name in plan.shards}
        counts = _write_tables(snapshot, previous, plan, jobs, staged)
        _write_sums(staged, sums)
        made = Release.local(staged)
        unchanged = previous is not None and previous.identity == made.identity
        result = Built(
            counts.items, packed, len(plan.shards) + len(jobs), len(jobs), counts.withdrawn, made.identity, unchanged
        )
        if unchanged:
            shutil.rmtree(site.building)
        else:
            site.exchange()
        return result


def _key(snapshot: Path, previous: Release | None, params: ReleaseParams) -> str:
    """What the bytes of a build follow from: only the same build may be gone on with."""
    with snapshot.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    base = previous.identity if previous is not None else "none"
    return json.dumps([FORMAT, digest, base, params.shard_items, params.rewrite_below])


def _link_kept(plan: Plan, release: Path, staged: Path) -> None:
    """Unchanged shards are the same files, so that neither a copy nor DVC's hashing costs anything."""
    folder = staged / SHARDS_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name in plan.shards:
        target = folder / name
        if not target.exists():
            try:
                os.link(release / SHARDS_FOLDER / name, target)
            except FileNotFoundError:
                raise ReleaseCorrupt(
                    f"{release}: shard {name} is missing; `lookbook release pull` fetches it"
                ) from None
            except OSError:  # a file system without hard links
                shutil.copy2(release / SHARDS_FOLDER / name, target)


def _pack_all(jobs: list[ShardJob], workers: int, packed: int, on_progress: Report) -> dict[str, str]:
    sums: dict[str, str] = {}
    done = 0
    for job, sha256 in zip(jobs, each(pack, jobs, workers), strict=True):
        sums[_shard(job.shard.name)] = sha256
        done += len(job.shard.ids)
        on_progress(done, packed)
    return sums


def _shard(name: str) -> str:
    return f"{SHARDS_FOLDER}/{name}"


def _known(previous: Release | None, name: str) -> str:
    assert previous is not None
    return previous.sums[_shard(name)]


def _write_tables(snapshot: Path, previous: Release | None, plan: Plan, jobs: list[ShardJob], staged: Path) -> Counts:
    """Everything but shards and checksums, in one pass over the snapshot."""
    counts = Counts(snapshot_facts(snapshot))
    with atomic_file(staged / MANIFEST_FILE) as file:
        write_rows(file, MANIFEST, _merged(snapshot, previous, plan, jobs, counts), manifest_row)
    test = unpaired(counts.test_garments)
    lists = {
        "train": [*paired(counts.train)],
        # As the official set has it: test_pairs.txt is the unpaired list, and some trainers ask for a copy.
        "test": test or [*paired(counts.test_garments)],
        "test_unpaired": test,
    }
    _write_pairs(staged, lists)
    write_atomic(staged / WITHDRAWN_FILE, withdrawn_table(counts.withdrawn_rows))
    samples = {**plan.shards, **{shard.name: list(shard.ids) for shard in plan.new}}
    shards = {"next": plan.numbers, "samples": dict(sorted(samples.items()))}
    write_atomic(staged / SHARDS_FILE, (json.dumps(shards) + "\n").encode())
    write_atomic(staged / STATS_FILE, counts.to_json(sum(len(ids) for ids in samples.values())))
    return counts


def _write_pairs(staged: Path, lists: dict[str, list[Pair]]) -> None:
    for name, pairs in lists.items():
        write_atomic(staged / PAIR_FILES[name], format_pairs(pairs))


def _merged(
    snapshot: Path, previous: Release | None, plan: Plan, jobs: list[ShardJob], counts: Counts
) -> Iterator[ReleaseItem]:
    """The release's items by ascending id: facts from the snapshot, files from the old manifest or the new shards."""
    kept = previous.items() if previous is not None else iter(())
    fresh = {split: _packed([job for job in jobs if job.shard.name.startswith(split)]) for split in SPLITS}
    for row in read_snapshot(snapshot):
        if isinstance(row, Withdrawn):
            counts.add_withdrawn(row)
            continue
        item = _kept(row, kept) if row.id in plan.kept else _fresh(row, fresh[row.split])
        counts.add(item)
        yield item


def _kept(entry: Entry, old: Iterator[ReleaseItem]) -> ReleaseItem:
    found = next((item for item in old if item.id == entry.id), None)
    if found is None:
        raise ReleaseCorrupt(f"{entry.id} is not in the manifest that it was planned by")
    return ReleaseItem(entry.id, entry.split, entry.facts, found.shard, found.files)


def _fresh(entry: Entry, packed: Iterator[tuple[str, str, tuple[StoredFile, ...]]]) -> ReleaseItem:
    id, shard, files = next(packed, ("nothing", "", ()))
    if id != entry.id:
        raise ReleaseCorrupt(f"packed is {id} where the snapshot has {entry.id}; remove the folder .release.building")
    order = {part: number for number, part in enumerate(entry.parts)}
    return ReleaseItem(
        entry.id, entry.split, entry.facts, shard, tuple(sorted(files, key=lambda file: order[file.part]))
    )


def _packed(jobs: list[ShardJob]) -> Iterator[tuple[str, str, tuple[StoredFile, ...]]]:
    for job in jobs:
        for id, files in members_of(job):
            yield id, job.shard.name, files


def _write_sums(staged: Path, shards: dict[str, str]) -> None:
    """The checksum file comes last: a folder without it is no release."""
    sums = dict(shards)
    for path in sorted(path for path in staged.iterdir() if path.is_file() and path.name != SUMS_FILE):
        with path.open("rb") as file:
            sums[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    text = "".join(f"{sha256}  {name}\n" for name, sha256 in sorted(sums.items()))
    write_atomic(staged / SUMS_FILE, text.encode())
