"""What a snapshot and a manifest hold: one row an item, as typed records and as Parquet columns.

The contract that must not break: the same rows give the same bytes (no times, no order but the ids'), and columns are
only ever added.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import pyarrow as pa

from vitonhd.folders import FOLDERS

FORMAT = 1
"""Changes with what a build makes of the same rows: it is part of the snapshot's bytes, so DVC builds anew."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Where an item comes from, on whose permission, made by which versions, and how good it is."""

    shop: str = ""
    product_no: str = ""
    url: str = ""
    name: str = ""
    brand: str = ""
    garment: str = ""
    """Whose split: colour variants of a garment share it."""
    person: str = ""
    """The photo's identity: near duplicates share it."""
    worn_url: str = ""
    packshot_url: str = ""
    worn_sha256: str = ""
    """Of the shop's original picture, a blob of the catalogue."""
    packshot_sha256: str = ""
    permission: str = ""
    worn_score: float = 0.0
    packshot_score: float = 0.0
    versions: str = "{}"
    """JSON: each stage's version and the networks' identity."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An item as the catalogue has it: its facts, and the SHA-256 of each part's blob."""

    id: str
    split: str
    facts: Facts
    parts: dict[str, str]


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """An item that may not be in a release (any more), and why."""

    id: str
    shop: str
    product_no: str
    reason: str


class StoredFile(NamedTuple):
    """A part's bytes in a shard."""

    part: str
    sha256: str
    size: int
    offset: int


@dataclass(frozen=True, slots=True)
class ReleaseItem:
    """An item of a release: its facts, and where the bytes of its parts are."""

    id: str
    split: str
    facts: Facts
    shard: str
    files: tuple[StoredFile, ...]

    @property
    def content(self) -> str:
        return content_of((file.part, file.sha256) for file in self.files)

    def file(self, part: str) -> StoredFile:
        """Raises KeyError for a part that the item does not have."""
        for file in self.files:
            if file.part == part:
                return file
        raise KeyError(part)


def content_of(parts: Iterable[tuple[str, str]]) -> str:
    """What an item's bytes are, SHA-256 in hex: equal exactly when every part's bytes are."""
    text = "\n".join(f"{part} {sha256}" for part, sha256 in sorted(parts))
    return hashlib.sha256(text.encode()).hexdigest()


_ORDER = {folder.part: number for number, folder in enumerate(FOLDERS)}
_TEXT = pa.string()
_FACTS = [(field.name, pa.float64() if field.type == "float" else _TEXT) for field in fields(Facts)]
_PART = pa.struct([("part", _TEXT), ("sha256", _TEXT)])
_FILE = pa.struct([("part", _TEXT), ("sha256", _TEXT), ("size", pa.int64()), ("offset", pa.int64())])

SNAPSHOT = pa.schema(
    [("id", _TEXT), ("state", _TEXT), ("reason", _TEXT), ("split", _TEXT), *_FACTS, ("parts", pa.list_(_PART))]
)
MANIFEST = pa.schema(
    [("id", _TEXT), ("split", _TEXT), *_FACTS, ("shard", _TEXT), ("content", _TEXT), ("files", pa.list_(_FILE))]
)


def snapshot_row(row: Entry | Withdrawn) -> dict[str, Any]:
    if isinstance(row, Withdrawn):
        facts = Facts(shop=row.shop, product_no=row.product_no)
        return {
            "id": row.id, "state": "withdrawn", "reason": row.reason, "split": "", **_named(facts), "parts": [],
        }  # fmt: skip
    parts = [{"part": part, "sha256": row.parts[part]} for part in sorted(row.parts, key=_ORDER.__getitem__)]
    return {"id": row.id, "state": "ready", "reason": "", "split": row.split, **_named(row.facts), "parts": parts}


def from_snapshot(row: dict[str, Any]) -> Entry | Withdrawn:
    if row["state"] == "withdrawn":
        return Withdrawn(row["id"], row["shop"], row["product_no"], row["reason"])
    return Entry(row["id"], row["split"], _facts(row), {part["part"]: part["sha256"] for part in row["parts"]})


def manifest_row(item: ReleaseItem) -> dict[str, Any]:
    return {
        "id": item.id, "split": item.split, **_named(item.facts), "shard": item.shard, "content": item.content,
        "files": [dict(zip(StoredFile._fields, file, strict=True)) for file in item.files],
    }  # fmt: skip


def from_manifest(row: dict[str, Any]) -> ReleaseItem:
    files = tuple(StoredFile(**file) for file in row["files"])
    return ReleaseItem(row["id"], row["split"], _facts(row), row["shard"], files)


def _named(facts: Facts) -> dict[str, Any]:
    """As `dataclasses.asdict`, which copies deeply and takes longer than all the rest of a row."""
    return {name: getattr(facts, name) for name, _ in _FACTS}


def _facts(row: dict[str, Any]) -> Facts:
    return Facts(**{name: row[name] for name, _ in _FACTS})
