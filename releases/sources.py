"""A release as a `vitonhd.sources.Source`: the validator and the exports read it without a checkout."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from releases.places import Place
from vitonhd.errors import FormatError
from vitonhd.folders import MEMBERS
from vitonhd.sources import ItemFiles
from vitonhd.tree import PAIR_FILES, SIZE, SPLITS


@dataclass(frozen=True)
class ReleaseBatch:
    """The current items of one shard; samples that a later release no longer uses are passed over."""

    place: Place
    split: str
    shard: str
    ids: frozenset[str]

    @property
    def name(self) -> str:
        return f"{self.split}/{self.shard}"

    def __iter__(self) -> Iterator[ItemFiles]:
        for sample in self.place.open().stream(self.shard, self.ids):
            files = {MEMBERS[ending].part: data for ending, data in sample.parts.items() if ending in MEMBERS}
            unknown = tuple(sorted(set(sample.parts) - set(MEMBERS)))
            yield ItemFiles(self.split, sample.key, files, unknown=unknown)


class ReleaseSource:
    def __init__(self, place: Place, *, size: tuple[int, int] = SIZE) -> None:
        self.place = place
        self._size = size
        self._ids = place.open().items_by_shard()

    @property
    def size(self) -> tuple[int, int]:
        return self._size

    def splits(self) -> list[str]:
        """Those with items: a release of a few may have none to test on."""
        there = {split for split, _ in self._ids}
        return [split for split in SPLITS if split in there]

    def batches(self, split: str) -> list[ReleaseBatch]:
        return [
            ReleaseBatch(self.place, split, shard, frozenset(ids))
            for (of, shard), ids in self._ids.items()
            if of == split
        ]

    def pair_file(self, name: str) -> bytes:
        return self.place.open().read_small(PAIR_FILES[name])

    def strays(self, split: str) -> Iterator[tuple[str, FormatError]]:
        return iter(())
