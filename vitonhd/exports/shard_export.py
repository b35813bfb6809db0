"""webdataset shards of a source: every part that is there, byte for byte, `<split>-000000.tar` and so on.

The contract that must not break: what was exported reads back as the same items (`vitonhd.sources.ShardSource`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict

from vitonhd.atomic import write_atomic
from vitonhd.errors import FormatError
from vitonhd.exports.layouts import Index, Order
from vitonhd.folders import PARTS
from vitonhd.pair_files import format_pairs
from vitonhd.shards import Sample, write_shards
from vitonhd.sources import ItemFiles, Source
from vitonhd.tree import PAIR_FILES

INDEX = "index.json"
OnItem = Callable[[ItemFiles, FormatError | None], None]


def write_split(source: Source, order: Order, split: str, on_item: OnItem) -> list[dict[str, object]]:
    """Write a split's shards one sample at a time; returns what the index says of each. Raises as `write_shards`."""
    shards = []
    for shard in write_shards(_samples(source, split, on_item), order.out, split):
        entry = asdict(shard)
        del entry["members"]
        shards.append(entry | {"split": split})
    return shards


def finish(order: Order, index: Index, shards: list[dict[str, object]]) -> None:
    """The pair files, then the index."""
    for name, pairs in index.pairs.items():
        write_atomic(order.out / PAIR_FILES[name], format_pairs(pairs))
    head = {"class": order.garment_class, "size": list(order.size), "shards": shards}
    write_atomic(order.out / INDEX, json.dumps(head, indent=1).encode())


def _samples(source: Source, split: str, on_item: OnItem) -> Iterator[Sample]:
    for batch in source.batches(split):
        for item in batch:
            error = next(iter(item.faults.values()), None)
            if error is None and not item.files:
                error = FormatError("no-file", "nothing of it")
            on_item(item, error)
            if error is None:
                yield Sample(item.stem, {PARTS[part].member: data for part, data in item.files.items()})
