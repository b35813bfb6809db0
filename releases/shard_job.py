"""One shard of a build, written by a worker: blobs in, a tar and the list of its members out.

The contract that must not break: the member list is written after the shard, so a shard that has one is complete.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from db.blobs import BlobStore
from db.errors import StorageError
from releases.errors import ReleaseError
from releases.plan import NewShard
from releases.rows import Entry, StoredFile
from releases.snapshots import entries_of
from vitonhd.atomic import write_atomic
from vitonhd.errors import FormatError
from vitonhd.folders import MEMBERS, PARTS
from vitonhd.shards import Sample, Shard, write_shard


@dataclass(frozen=True)
class ShardJob:
    """Everything a worker needs; paths are of the folder in which the release is being built."""

    shard: NewShard
    snapshot: Path
    blobs_url: str
    shards: Path
    members: Path

    @property
    def list_path(self) -> Path:
        return self.members / f"{self.shard.name}.json"


def pack(job: ShardJob) -> str:
    """Write the shard unless it is complete; returns its SHA-256. Blobs are verified as they are read.

    Raises ReleaseError for an item whose blob is missing or is not what its name says.
    """
    if not job.list_path.is_file():
        path = job.shards / job.shard.name
        path.unlink(missing_ok=True)
        shard = write_shard(_samples(job), path)
        write_atomic(job.list_path, _to_json(shard))
    found: str = json.loads(job.list_path.read_bytes())["sha256"]
    return found


def _samples(job: ShardJob) -> Iterator[Sample]:
    blobs = BlobStore(job.blobs_url)
    count = 0
    for entry in entries_of(job.snapshot, job.shard.ids):
        count += 1
        yield Sample(entry.id, {PARTS[part].member: _blob(blobs, entry, part) for part in entry.parts})
    if count != len(job.shard.ids):
        raise ReleaseError(f"{job.snapshot} holds {count} of {len(job.shard.ids)} items of {job.shard.name}")


def _blob(blobs: BlobStore, entry: Entry, part: str) -> bytes:
    try:
        return blobs.get(entry.parts[part], verify=True)
    except StorageError as error:
        raise ReleaseError(
            f"{entry.id} {part} ({entry.facts.shop} {entry.facts.product_no}): {error}; "
            "run `lookbook preprocess run` again, then `lookbook release snapshot`"
        ) from None


def _to_json(shard: Shard) -> bytes:
    items: dict[str, list[StoredFile]] = {}
    for member in shard.members:
        id, _, ending = member.name.partition(".")
        if ending not in MEMBERS:
            raise FormatError("unknown-member", member.name)
        items.setdefault(id, []).append(StoredFile(MEMBERS[ending].part, member.sha256, member.size, member.offset))
    return json.dumps({"sha256": shard.sha256, "size": shard.size, "items": items}).encode()


def members_of(job: ShardJob) -> Iterator[tuple[str, tuple[StoredFile, ...]]]:
    """The packed items in their order, each with its files."""
    found = json.loads(job.list_path.read_bytes())
    for id, files in found["items"].items():
        yield id, tuple(StoredFile(*file) for file in files)
