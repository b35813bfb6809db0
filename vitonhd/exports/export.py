"""Exports a whole data set, from a tree or from shards, item by item, in several processes.

The contract that must not break: memory is one item a worker and the items' names; files appear whole; a layout's pair
files or index are written last, so what has them is complete.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any

from vitonhd.atomic import atomic_file, write_atomic
from vitonhd.errors import FormatError
from vitonhd.exports import coco, dress_code, hugging_face, shard_export, viton_256, viton_hd_2021
from vitonhd.exports.layouts import Finish, Index, Layout, Order, Take
from vitonhd.garment_classes import GarmentClass
from vitonhd.pair_files import Pair, parse_pairs
from vitonhd.sources import Batch, ItemFiles, Source
from vitonhd.tree import PAIR_FILES
from vitonhd.workers import each

_LAYOUTS: dict[Layout, tuple[Take, Finish]] = {
    Layout.DRESS_CODE: (dress_code.take, dress_code.finish),
    Layout.VITON_256: (viton_256.take, viton_256.finish),
    Layout.VITON_HD_2021: (viton_hd_2021.take, viton_hd_2021.finish),
    Layout.COCO: (coco.take, coco.finish),
    Layout.HUGGING_FACE: (hugging_face.take, hugging_face.finish),
}
REJECTIONS = "rejections.jsonl"
Progress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class _End:
    """What became of an item; `reason` is empty for one that was taken."""

    split: str
    stem: str
    reason: str = ""
    detail: str = ""
    row: Any = None


@dataclass
class Exported:
    """Items taken by split, and how many were not, by reason."""

    items: dict[str, int] = field(default_factory=dict)
    rejected: Counter[str] = field(default_factory=Counter)


def export(
    source: Source,
    out: Path,
    layout: Layout,
    garment_class: GarmentClass,
    *,
    workers: int = 1,
    on_progress: Progress | None = None,
) -> Exported:
    """Write the data set in another layout below `out`; items that the layout can't hold are in `rejections.jsonl`.

    Raises FormatError `duplicate-id` where a layout has one folder for splits that share names, and for a broken shard.
    """
    order = Order(out, garment_class, source.size)
    result, index = Exported(), Index()
    with ExitStack() as stack:
        rejections = stack.enter_context(atomic_file(out / REJECTIONS))
        spools: dict[str, IO[bytes]] = {}

        def ended(end: _End) -> None:
            if end.reason:
                result.rejected[end.reason] += 1
                line = {"split": end.split, "item": end.stem, "reason": end.reason, "detail": end.detail}
                rejections.write(json.dumps(line).encode() + b"\n")
                return
            index.stems[end.split].append(end.stem)
            spools[end.split].write(json.dumps(end.row).encode() + b"\n")

        for split in source.splits():
            index.stems[split] = []
            spools[split] = stack.enter_context(tempfile.TemporaryFile(dir=out))
        index.rows = partial(_rows, spools)
        _run(source, order, layout, index, ended, workers, on_progress)
    result.items = {split: len(stems) for split, stems in index.stems.items()}
    return result


def _run(
    source: Source, order: Order, layout: Layout, index: Index, ended: Callable[[_End], None], workers: int,
    on_progress: Progress | None,
) -> None:  # fmt: skip
    if layout is Layout.WEBDATASET:
        return _run_shards(source, order, index, ended, on_progress)
    take, finish = _LAYOUTS[layout]
    jobs: list[Batch] = [batch for split in source.splits() for batch in source.batches(split)]
    for done, ends in enumerate(each(partial(_take_batch, take, order), jobs, workers), 1):
        for end in ends:
            ended(end)
        if on_progress is not None:
            on_progress(done, len(jobs))
    index.pairs = _pairs(source, index)
    finish(order, index)
    return None


def _run_shards(
    source: Source, order: Order, index: Index, ended: Callable[[_End], None], on_progress: Progress | None
) -> None:
    """Shards are written one after another by this process: it only copies."""
    done = 0

    def on_item(item: ItemFiles, error: FormatError | None) -> None:
        nonlocal done
        done += 1
        ended(_End(item.split, item.stem, error.reason if error else "", error.detail if error else ""))
        if on_progress is not None:
            on_progress(done, None)

    shards = [shard for split in source.splits() for shard in shard_export.write_split(source, order, split, on_item)]
    index.pairs = _pairs(source, index)
    shard_export.finish(order, index, shards)


def _take_batch(take: Take, order: Order, batch: Batch) -> list[_End]:
    ends = []
    for item in batch:
        try:
            taken = take(order, item)
        except FormatError as error:
            ends.append(_End(item.split, item.stem, error.reason, error.detail))
            continue
        for path, data in taken.files.items():
            write_atomic(order.out / path, data)
        ends.append(_End(item.split, item.stem, row=taken.row))
    return ends


def _pairs(source: Source, index: Index) -> dict[str, list[Pair]]:
    """The source's pairs of taken items; own garments for a split without a pair file."""
    pairs: dict[str, list[Pair]] = {}
    for name in PAIR_FILES:
        stems = index.stems.get(name.split("_")[0], [])
        there = set(stems)
        try:
            lines = list(parse_pairs(source.pair_file(name)))
        except FormatError:
            if name in index.stems:
                pairs[name] = [Pair(stem, stem) for stem in stems]
            continue
        named = [pair for _, pair in lines if isinstance(pair, Pair)]
        pairs[name] = [pair for pair in named if pair.person in there and pair.cloth in there]
    return pairs


def _rows(spools: dict[str, IO[bytes]], split: str) -> Iterator[Any]:
    spools[split].seek(0)
    for line in spools[split]:
        yield json.loads(line)
