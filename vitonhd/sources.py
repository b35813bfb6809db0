"""Where items come from, for whoever goes through a whole data set: a folder tree, or shards without a checkout.

The contract that must not break: going through a source holds one item's bytes at a time, and both kinds of source
give the same items with the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from vitonhd.errors import FormatError
from vitonhd.folders import FOLDERS, MEMBERS
from vitonhd.shard_reading import read_shard
from vitonhd.tree import SIZE, SPLITS, Tree

_BATCH = 16
"""Items of a tree that a worker takes at a time."""


@dataclass(frozen=True)
class ItemFiles:
    """One item's files as bytes by part (`vitonhd.folders`); `faults` are the files that are there but unreadable."""

    split: str
    stem: str
    files: Mapping[str, bytes]
    faults: Mapping[str, FormatError] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    """Members of a sample that are no part."""


class Batch(Protocol):
    """Some items of a split, for one worker: picklable, and read only when gone through."""

    @property
    def name(self) -> str: ...

    def __iter__(self) -> Iterator[ItemFiles]: ...


class Source(Protocol):
    """A data set to go through; `size` is (width, height) of every picture."""

    @property
    def size(self) -> tuple[int, int]: ...

    def splits(self) -> list[str]:
        """The splits that are there."""
        ...

    def batches(self, split: str) -> Sequence[Batch]: ...

    def pair_file(self, name: str) -> bytes:
        """The pair file of `train`, `test` or `test_unpaired`. Raises FormatError `no-file` and as `read_bytes`."""
        ...

    def strays(self, split: str) -> Iterator[tuple[str, FormatError]]:
        """What belongs to no item: its path below the root, and why."""
        ...


@dataclass(frozen=True)
class TreeBatch:
    """Items of a tree."""

    root: Path
    size: tuple[int, int]
    split: str
    stems: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.split}/{self.stems[0]}"

    def __iter__(self) -> Iterator[ItemFiles]:
        tree = Tree(self.root, size=self.size)
        for stem in self.stems:
            files: dict[str, bytes] = {}
            faults: dict[str, FormatError] = {}
            for folder in FOLDERS:
                try:
                    files[folder.part] = tree.read_bytes(self.split, folder.part, stem)
                except FormatError as error:
                    if error.reason != "no-file":
                        faults[folder.part] = error
            yield ItemFiles(self.split, stem, files, faults)


class TreeSource:
    """A VITON-HD tree, whoever made it."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree

    @property
    def size(self) -> tuple[int, int]:
        return self.tree.size

    def splits(self) -> list[str]:
        return self.tree.splits()

    def batches(self, split: str) -> list[TreeBatch]:
        """Every stem that any folder of the split has, sorted."""
        stems: set[str] = set()
        for folder in FOLDERS:
            try:
                stems.update(stem for stem, _ in self.tree.entries(split, folder.part) if stem is not None)
            except FormatError:
                continue  # `strays` names it
        ordered = sorted(stems)
        return [
            TreeBatch(self.tree.root, self.size, split, tuple(ordered[start : start + _BATCH]))
            for start in range(0, len(ordered), _BATCH)
        ]

    def pair_file(self, name: str) -> bytes:
        return self.tree.read_pairs(name)

    def strays(self, split: str) -> Iterator[tuple[str, FormatError]]:
        """Folders that can't be listed, and files whose name does not belong where they are."""
        for folder in FOLDERS:
            try:
                names = sorted(name for stem, name in self.tree.entries(split, folder.part) if stem is None)
            except FormatError as error:
                yield f"{split}/{folder.name}", error
                continue
            for name in names:
                printable = name[:80].encode("ascii", "backslashreplace").decode()
                yield f"{split}/{folder.name}/{printable}", FormatError("foreign-file", f"not <stem>{folder.ending}")


@dataclass(frozen=True)
class ShardBatch:
    """The items of one shard."""

    path: Path
    split: str

    @property
    def name(self) -> str:
        return self.path.name

    def __iter__(self) -> Iterator[ItemFiles]:
        """Raises FormatError as `read_shard`, and OSError for a file that can't be read."""
        for sample in read_shard(self.path):
            files = {MEMBERS[ending].part: data for ending, data in sample.parts.items() if ending in MEMBERS}
            unknown = tuple(sorted(set(sample.parts) - set(MEMBERS)))
            yield ItemFiles(self.split, sample.key, files, unknown=unknown)


@dataclass(frozen=True)
class ShardSource:
    """Shards as `tree_shards.pack` fills them, by split, and the bytes of the pair files by name."""

    shards: Mapping[str, Sequence[Path]]
    pairs: Mapping[str, bytes]
    size: tuple[int, int] = SIZE

    def splits(self) -> list[str]:
        return [split for split in SPLITS if split in self.shards]

    def batches(self, split: str) -> list[ShardBatch]:
        return [ShardBatch(path, split) for path in self.shards[split]]

    def pair_file(self, name: str) -> bytes:
        if name not in self.pairs:
            raise FormatError("no-file", name)
        return self.pairs[name]

    def strays(self, split: str) -> Iterator[tuple[str, FormatError]]:
        return iter(())
