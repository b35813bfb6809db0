"""Immutable tar shards in webdataset naming: members `<key>.<ending>`, a sample's members one after another.

The contract that must not break: the same samples give the same bytes on every machine (plain ustar headers, no times,
owners or host order), and a shard's name never appears before its bytes are complete nor changes them.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from vitonhd.atomic import atomic_file
from vitonhd.errors import FormatError
from vitonhd.names import check_ending, check_stem

BLOCK = 512
MAX_MEMBER = 64 << 20
MAX_PARTS = 64
_END = bytes(2 * BLOCK)


@dataclass(frozen=True)
class Sample:
    """A sample: its key and its parts by member ending, e.g. {"cloth.jpg": bytes}."""

    key: str
    parts: Mapping[str, bytes]


@dataclass(frozen=True)
class Member:
    """One file in a shard: where its bytes start, how many they are, and their SHA-256 in hex."""

    name: str
    offset: int
    size: int
    sha256: str


@dataclass(frozen=True)
class Shard:
    """A finished shard: file name, size in bytes, SHA-256 of the whole file, and what is in it."""

    name: str
    size: int
    sha256: str
    samples: int
    members: tuple[Member, ...]


class _OpenShard:
    """The shard being written: keeps headers' bookkeeping, never the data."""

    def __init__(self, file: BinaryIO) -> None:
        self.size = 0
        self.samples: set[str] = set()
        self._file = file
        self._members: list[Member] = []
        self._sha256 = hashlib.sha256()

    def add(self, sample: Sample) -> None:
        if sample.key in self.samples:
            raise FormatError("duplicate-sample", f"{sample.key} is twice in a shard")
        self.samples.add(sample.key)
        for ending, data in sorted(sample.parts.items()):
            name = f"{sample.key}.{ending}"
            self._write(_header(name, len(data)))
            self._members.append(Member(name, self.size, len(data), hashlib.sha256(data).hexdigest()))
            self._write(data)
            self._write(bytes(-len(data) % BLOCK))

    def finish(self, name: str) -> Shard:
        self._write(_END)
        return Shard(name, self.size, self._sha256.hexdigest(), len(self.samples), tuple(self._members))

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._sha256.update(data)
        self.size += len(data)


def write_shards(
    samples: Iterable[Sample], folder: Path, prefix: str, *, max_samples: int = 1000, max_bytes: int = 256 << 20
) -> Iterator[Shard]:
    """Write `<prefix>-000000.tar` and so on, yielding each shard once its file is complete; memory is one sample.

    A shard ends before the sample that would exceed `max_samples` or `max_bytes`; a sample larger than that has a
    shard to itself. Writing a shard that is already there is accepted when the bytes are the same. Raises FormatError
    `bad-name`, `bad-sample`, `duplicate-sample`, `oversize-member`, or `shard-differs` for a shard that is there with
    other bytes: shards are never changed.
    """
    check_stem(prefix)
    if max_samples < 1 or max_bytes < 1:
        raise ValueError(f"a shard holds at least one sample: max_samples={max_samples}, max_bytes={max_bytes}")
    waiting = iter(samples)
    following = next(waiting, None)
    number = 0
    while following is not None:
        path = folder / f"{prefix}-{number:06d}.tar"
        with ExitStack() as stack:
            shard = _OpenShard(stack.enter_context(atomic_file(path)))
            while following is not None:
                size = _size(following)
                if shard.samples and (len(shard.samples) >= max_samples or shard.size + size + len(_END) > max_bytes):
                    break
                shard.add(following)
                following = next(waiting, None)
            finished = shard.finish(path.name)
            if path.exists() and _sha256(path) != finished.sha256:
                raise FormatError("shard-differs", f"{path} is there with other bytes; write to another prefix")
        yield finished
        number += 1


def write_shard(samples: Iterable[Sample], path: Path) -> Shard:
    """Write all samples into one shard of this name, whatever it comes to; memory is one sample.

    A file that is there is replaced: the caller decides what a name stands for. Raises FormatError as `write_shards`.
    """
    with atomic_file(path) as file:
        shard = _OpenShard(file)
        for sample in samples:
            _size(sample)
            shard.add(sample)
        return shard.finish(path.name)


def _size(sample: Sample) -> int:
    """Bytes that a sample takes in a shard. Raises FormatError for one that may not be written."""
    check_stem(sample.key)
    if not 1 <= len(sample.parts) <= MAX_PARTS:
        raise FormatError("bad-sample", f"{sample.key} has {len(sample.parts)} parts, allowed are 1..{MAX_PARTS}")
    for ending, data in sample.parts.items():
        check_ending(ending)
        if len(data) > MAX_MEMBER:
            raise FormatError("oversize-member", f"{sample.key}.{ending}: {len(data)} bytes, the limit is {MAX_MEMBER}")
    return sum(BLOCK + len(data) + -len(data) % BLOCK for data in sample.parts.values())


def _header(name: str, size: int) -> bytes:
    header = tarfile.TarInfo(name)
    header.size = size
    header.mode = 0o644
    return header.tobuf(tarfile.USTAR_FORMAT, "ascii", "strict")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
