"""Reading shards: as a stream of samples in constant memory, or one member by its offset.

The contract that must not break: whatever the bytes are, reading yields checked names and bounded sizes or raises
FormatError; links, folders, devices, paths and extended headers are refused.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from vitonhd.errors import FormatError
from vitonhd.names import check_ending, check_stem
from vitonhd.shards import BLOCK, MAX_MEMBER, MAX_PARTS, Member, Sample


def read_shard(path: Path) -> Iterator[Sample]:
    """The samples of a shard file in their order. Raises FormatError as `read_samples`, the path in its detail."""
    with path.open("rb") as file:
        try:
            yield from read_samples(file)
        except FormatError as error:
            raise FormatError(error.reason, f"{path}: {error.detail}") from None


def read_samples(file: BinaryIO, *, max_member: int = MAX_MEMBER) -> Iterator[Sample]:
    """The samples of an open shard, which need not be seekable; at most one sample is in memory.

    Raises FormatError `bad-shard`, `truncated-shard`, `not-a-file`, `bad-name`, `oversize-member`, `bad-sample`,
    `duplicate-sample`.
    """
    seen: set[str] = set()
    key: str | None = None
    parts: dict[str, bytes] = {}
    for name, data in _members(file, max_member):
        found, _, ending = name.partition(".")
        check_stem(found)
        check_ending(ending)
        if found != key:
            if key is not None:
                yield Sample(key, parts)
            if found in seen:
                raise FormatError("duplicate-sample", f"{found} comes again after other samples")
            seen.add(found)
            key, parts = found, {}
        if ending in parts or len(parts) >= MAX_PARTS:
            raise FormatError("bad-sample", f"{name} is there twice, or {found} has more than {MAX_PARTS} parts")
        parts[ending] = data
    if key is not None:
        yield Sample(key, parts)


def read_member(path: Path, member: Member) -> bytes:
    """One member's bytes, verified. Raises FormatError `member-corrupt` when they don't hash to its SHA-256."""
    with path.open("rb") as file:
        file.seek(member.offset)
        data = file.read(member.size)
    if len(data) != member.size or hashlib.sha256(data).hexdigest() != member.sha256:
        raise FormatError("member-corrupt", f"{path}: {member.name} at {member.offset}")
    return data


def _members(file: BinaryIO, max_member: int) -> Iterator[tuple[str, bytes]]:
    while (block := _exactly(file, BLOCK)) != bytes(BLOCK):
        try:
            header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except (tarfile.HeaderError, ValueError) as error:
            raise FormatError("bad-shard", f"no tar header: {error}") from None
        if header.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
            raise FormatError("not-a-file", f"{header.name[:80]!r} is of tar type {header.type!r}")
        if not 0 <= header.size <= max_member:
            raise FormatError(
                "oversize-member", f"{header.name[:80]!r}: {header.size} bytes, the limit is {max_member}"
            )
        data = _exactly(file, header.size)
        _exactly(file, -header.size % BLOCK)
        yield header.name, data


def _exactly(file: BinaryIO, count: int) -> bytes:
    """`count` bytes, however short the reads of a pipe or socket are."""
    pieces: list[bytes] = []
    while count:
        piece = file.read(count)
        if not piece:
            raise FormatError("truncated-shard", f"{count} bytes are missing")
        pieces.append(piece)
        count -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
