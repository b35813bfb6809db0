"""A blob store with synthetic items, and snapshots of them as a catalogue would make them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from db.blobs import BlobStore
from releases.rows import Entry, Facts, Withdrawn
from releases.snapshots import write_snapshot
from releases.splits import hashed_split
from tests.vitonhd.drawn_people import SIZE, drawn_item
from vitonhd.folders import REQUIRED
from vitonhd.garment_classes import GarmentClass
from vitonhd.item import encode_part
from vitonhd.names import item_id

__all__ = ["SIZE", "Warehouse"]


@cache
def files_of(seed: int) -> dict[str, bytes]:
    """Every file of a complete item by its part; the same seed gives the same bytes."""
    item = drawn_item("any", seed=seed)
    return {folder.part: encode_part(folder, content) for folder, content in item.parts() if folder.required}


class Warehouse:
    """Items by number; `seeds` gives some other pictures than their number does."""

    def __init__(self, folder: Path, garment_class: GarmentClass = GarmentClass.UPPER) -> None:
        self.blobs_url = str(folder / "blobs")
        self.blobs = BlobStore(self.blobs_url)
        self.garment_class = garment_class

    def entry(self, number: int, seed: int | None = None, **facts: str) -> Entry:
        files = files_of(number if seed is None else seed)
        garment = f"demo {number}"
        stated = {
            "shop": "demo", "product_no": str(1000 + number), "url": f"https://shop.example/{number}",
            "name": f"합성 상품 {number}", "garment": garment, "person": f"photo {number}",
            "permission": "agreement of 2026-01-02", **facts,
        }  # fmt: skip
        return Entry(
            item_id(number),
            hashed_split("lookbook", garment, 0.3),
            Facts(**stated, worn_score=0.83, packshot_score=0.9),
            {folder.part: self.blobs.put(files[folder.part]) for folder in REQUIRED},
        )

    def snapshot(
        self,
        path: Path,
        numbers: Iterable[int],
        *,
        seeds: Mapping[int, int] | None = None,
        withdrawn: Mapping[int, str] | None = None,
    ) -> Path:
        rows: dict[int, Entry | Withdrawn] = {
            number: self.entry(number, (seeds or {}).get(number)) for number in numbers
        }
        for number, reason in (withdrawn or {}).items():
            rows[number] = Withdrawn(item_id(number), "demo", str(1000 + number), reason)
        write_snapshot(path, self.garment_class, (rows[number] for number in sorted(rows)), {"no-packshot": 2})
        return path
