"""Between the two forms of a data set: a tree's items as shard samples, and samples back as files.

The contract that must not break: bytes are copied, never decoded: tree to shards to tree is the identity.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vitonhd.errors import FormatError
from vitonhd.folders import FOLDERS, MEMBERS
from vitonhd.shards import Sample
from vitonhd.tree import Tree


def pack(tree: Tree, split: str, stems: Iterable[str]) -> Iterator[Sample]:
    """The items as samples with every part that is there. Raises FormatError `no-file` for an item without any."""
    for stem in stems:
        there = [folder for folder in FOLDERS if tree.path(split, folder.part, stem).is_file()]
        if not there:
            raise FormatError("no-file", f"{tree.root}: nothing of {stem} in {split}")
        yield Sample(stem, {folder.member: tree.read_bytes(split, folder.part, stem) for folder in there})


def unpack(samples: Iterable[Sample], tree: Tree, split: str) -> int:
    """Write the samples' parts into the tree; returns how many samples. Raises FormatError `unknown-member`."""
    count = 0
    for count, sample in enumerate(samples, 1):  # noqa: B007
        unknown = sorted(set(sample.parts) - set(MEMBERS))
        if unknown:
            raise FormatError("unknown-member", f"{sample.key}: {', '.join(unknown)}")
        for ending, data in sample.parts.items():
            tree.put(split, MEMBERS[ending].part, sample.key, data)
    return count
