"""A built release, wherever it is: manifest, shards and checksums, read through one interface.

    shards/train-000000.tar    webdataset samples, never changed; a later release may no longer use all of them
    shards.json                each shard's samples, used or not
    manifest.parquet           one row an item: facts, shard, and SHA-256, size and offset of every part
    train_pairs.txt test_pairs.txt test_pairs_unpaired.txt withdrawn.csv stats.json
    SHA256SUMS                 of all of these, as sha256sum writes it

The contract that must not break: what is read through here is verified or raises ReleaseCorrupt.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, cast

from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from releases.errors import ReleaseCorrupt, ReleaseError
from releases.parquet import read_rows
from releases.rows import ReleaseItem, from_manifest
from vitonhd.errors import FormatError
from vitonhd.shard_reading import read_samples
from vitonhd.shards import Sample
from vitonhd.tree import PAIR_FILES

MANIFEST_FILE = "manifest.parquet"
SHARDS_FILE = "shards.json"
STATS_FILE = "stats.json"
WITHDRAWN_FILE = "withdrawn.csv"
SUMS_FILE = "SHA256SUMS"
SHARDS_FOLDER = "shards"
_CHUNK = 1 << 20
_SUM = re.compile(r"([0-9a-f]{64})  ([0-9A-Za-z_.-]+(?:/[0-9A-Za-z_.-]+)?)", re.ASCII)


class Release:
    """A release's folder on a file system: the local one, or DVC's view of a tag (`dvc_repo.release_at`)."""

    def __init__(self, root: str, fs: AbstractFileSystem | None = None) -> None:
        self.root = root.rstrip("/")
        self.fs = fs if fs is not None else LocalFileSystem()

    @classmethod
    def local(cls, folder: Path) -> Release:
        """Raises ReleaseError where there is none."""
        if not (folder / SUMS_FILE).is_file():
            raise ReleaseError(f"no release in {folder}; `lookbook release build` makes it, `pull` fetches it")
        return cls(str(folder.absolute()))

    def open(self, name: str) -> BinaryIO:
        """Raises ReleaseCorrupt for a file that is not there."""
        try:
            return cast(BinaryIO, self.fs.open(f"{self.root}/{name}", "rb"))
        except FileNotFoundError:
            raise ReleaseCorrupt(f"{self.root}/{name} is not there; `lookbook release pull` fetches it") from None

    @cached_property
    def sums(self) -> dict[str, str]:
        """SHA-256 of every file of the release by its name."""
        with self.open(SUMS_FILE) as file:
            data = file.read()
        found: dict[str, str] = {}
        for line in data.decode("ascii", "replace").splitlines():
            match = _SUM.fullmatch(line)
            if match is None or ".." in match[2]:
                raise ReleaseCorrupt(f"{self.root}/{SUMS_FILE}: {line[:80]!r} is no line of sha256sum")
            found[match[2]] = match[1]
        return found

    @cached_property
    def identity(self) -> str:
        """SHA-256 of the checksum file: two releases are the same bytes exactly when it is equal."""
        with self.open(SUMS_FILE) as file:
            return hashlib.sha256(file.read()).hexdigest()

    def read_small(self, name: str) -> bytes:
        """A file of the release other than shards and manifest, verified."""
        with self.open(name) as file:
            data = file.read()
        if hashlib.sha256(data).hexdigest() != self.sums.get(name):
            raise ReleaseCorrupt(f"{self.root}/{name}: {len(data)} bytes do not hash to its checksum")
        return data

    def stats(self) -> dict[str, Any]:
        return cast(dict[str, Any], json.loads(self.read_small(STATS_FILE)))

    def samples(self) -> dict[str, list[str]]:
        """Ids of the samples in each shard by the shard's name, also of those no longer used."""
        return cast(dict[str, list[str]], json.loads(self.read_small(SHARDS_FILE))["samples"])

    def next_numbers(self) -> dict[str, int]:
        """The first shard number of each split that neither this release nor one before it has used."""
        return cast(dict[str, int], json.loads(self.read_small(SHARDS_FILE))["next"])

    def pairs(self) -> dict[str, bytes]:
        """The pair files by their names in `vitonhd.tree.PAIR_FILES`."""
        return {name: self.read_small(file) for name, file in PAIR_FILES.items()}

    def items(self) -> Iterator[ReleaseItem]:
        """Every item by ascending id, streamed. Raises ReleaseCorrupt when the manifest's bytes are not its own."""
        self.check(MANIFEST_FILE)
        with self.open(MANIFEST_FILE) as file:
            yield from read_rows(file, from_manifest)

    def places(self) -> Iterator[tuple[str, str, str, str]]:
        """Id, split, shard and content of every item by ascending id: `items` without what is large."""
        columns = ("id", "split", "shard", "content")
        with self.open(MANIFEST_FILE) as file:
            yield from read_rows(file, lambda row: tuple(row[name] for name in columns), columns=columns)

    def read(self, item: ReleaseItem, part: str) -> bytes:
        """One part's bytes, verified. Raises KeyError for a part that the item does not have."""
        wanted = item.file(part)
        with self.open(f"{SHARDS_FOLDER}/{item.shard}") as file:
            file.seek(wanted.offset)
            data = file.read(wanted.size)
        if hashlib.sha256(data).hexdigest() != wanted.sha256:
            raise ReleaseCorrupt(f"{self.root}/{SHARDS_FOLDER}/{item.shard}: {item.id} {part} is not what it was")
        return data

    def stream(self, shard: str, ids: Collection[str]) -> Iterator[Sample]:
        """The shard's samples of these ids, a sample in memory at a time.

        Raises ReleaseCorrupt once the shard's last byte is read when it does not hash to its checksum: what came before
        may not be used then.
        """
        name = f"{SHARDS_FOLDER}/{shard}"
        with self.open(name) as file:
            hashing = _Hashing(file)
            try:
                for sample in read_samples(cast(BinaryIO, hashing)):
                    if sample.key in ids:
                        yield sample
                while hashing.read(_CHUNK):
                    pass
            except FormatError as error:
                raise ReleaseCorrupt(f"{self.root}/{name}: {error}") from None
        if hashing.digest.hexdigest() != self.sums.get(name):
            raise ReleaseCorrupt(f"{self.root}/{name} does not hash to its checksum")

    def items_by_shard(self) -> dict[tuple[str, str], tuple[str, ...]]:
        """Ids of the current items of each shard, by split and shard."""
        found: dict[tuple[str, str], list[str]] = {}
        for id, split, shard, _ in self.places():
            found.setdefault((split, shard), []).append(id)
        return {key: tuple(found[key]) for key in sorted(found)}

    def check(self, name: str) -> None:
        """Raises ReleaseCorrupt unless the file hashes to its checksum."""
        digest = hashlib.sha256()
        with self.open(name) as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
        if digest.hexdigest() != self.sums.get(name):
            raise ReleaseCorrupt(f"{self.root}/{name} does not hash to its checksum")


class _Hashing:
    """A file that is hashed as it is read."""

    def __init__(self, file: BinaryIO) -> None:
        self.digest = hashlib.sha256()
        self._file = file

    def read(self, count: int) -> bytes:
        data = self._file.read(count)
        self.digest.update(data)
        return data
