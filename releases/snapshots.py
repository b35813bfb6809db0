"""The snapshot file: the catalogue's state as Parquet, the one input of a build that DVC sees.

The contract that must not break: an unchanged catalogue gives the same bytes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.dataset as ds

from releases.errors import ReleaseCorrupt, ReleaseError
from releases.parquet import read_metadata, read_rows, write_rows
from releases.rows import FORMAT, SNAPSHOT, Entry, Withdrawn, from_snapshot, snapshot_row
from vitonhd.atomic import atomic_file
from vitonhd.folders import PARTS, REQUIRED
from vitonhd.garment_classes import GarmentClass
from vitonhd.names import is_item_id
from vitonhd.tree import SPLITS


@dataclass(frozen=True)
class SnapshotFacts:
    """What a snapshot says of itself: its class, and how many products are ready, withdrawn or out for which reason."""

    garment_class: GarmentClass
    counts: dict[str, int]


def write_snapshot(
    path: Path,
    garment_class: GarmentClass,
    rows: Iterable[Entry | Withdrawn],
    left_out: Mapping[str, int] | None = None,
) -> SnapshotFacts:
    """Write the rows, which must come by ascending id; `left_out` are the products without an item, by reason.

    Raises ReleaseError for rows out of order, bad ids or splits, or an item without all of VITON-HD's parts.
    """
    counts: Counter[str] = Counter()

    def metadata() -> dict[str, str]:
        stated = {**{f"out:{reason}": number for reason, number in sorted((left_out or {}).items())}, **counts}
        found = {"format": FORMAT, "class": garment_class, "counts": stated}
        return {"lookbook": json.dumps(found, sort_keys=True)}

    with atomic_file(path) as file:
        write_rows(file, SNAPSHOT, _checked(rows, counts), snapshot_row, metadata)
    return snapshot_facts(path)


def _checked(rows: Iterable[Entry | Withdrawn], counts: Counter[str]) -> Iterator[Entry | Withdrawn]:
    last = ""
    for row in rows:
        if not is_item_id(row.id) or row.id <= last:
            raise ReleaseError(f"snapshot: {row.id!r} after {last!r}; ids are NNNNN_00 in ascending order")
        if isinstance(row, Entry):
            lacking = [folder.part for folder in REQUIRED if folder.part not in row.parts]
            unknown = sorted(set(row.parts) - set(PARTS))
            if lacking or unknown or row.split not in SPLITS:
                raise ReleaseError(f"snapshot: {row.id} in {row.split!r} lacks {lacking}, has unknown {unknown}")
        last = row.id
        counts["withdrawn" if isinstance(row, Withdrawn) else "ready"] += 1
        yield row


def read_snapshot(path: Path) -> Iterator[Entry | Withdrawn]:
    """The rows by ascending id. Raises ReleaseError for a file that is not there, ReleaseCorrupt for a bad one."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise ReleaseError(f"{path}: {error.strerror}; `lookbook release snapshot` makes it") from None
    with file:
        yield from read_rows(file, from_snapshot)


def entries_of(path: Path, ids: Sequence[str]) -> Iterator[Entry]:
    """The ready rows of these ids (ascending), without reading the row groups of others."""
    among = pc.field("id").isin(list(ids)) & (pc.field("id") >= ids[0]) & (pc.field("id") <= ids[-1])
    for batch in ds.dataset(path, format="parquet").to_batches(filter=among):
        for row in batch.to_pylist():
            found = from_snapshot(row)
            if isinstance(found, Entry):
                yield found


def snapshot_facts(path: Path) -> SnapshotFacts:
    """Raises ReleaseError for a file that is not there, ReleaseCorrupt for one that is no snapshot of this format."""
    try:
        with path.open("rb") as file:
            found: Any = json.loads(read_metadata(file)["lookbook"])
        if found["format"] != FORMAT:
            raise ReleaseError(f"{path} is of format {found['format']}, this version makes {FORMAT}")
        return SnapshotFacts(GarmentClass(found["class"]), dict(found["counts"]))
    except OSError as error:
        raise ReleaseError(f"{path}: {error.strerror}; `lookbook release snapshot` makes it") from None
    except (KeyError, ValueError, TypeError):
        raise ReleaseCorrupt(f"{path} is no snapshot of Lookbook's") from None
