"""What a layout is: a function that turns one item into files, and one that writes what names all of them.

The contract that must not break: an item's files are a function of the item and the order, so an export that is run
again writes the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from vitonhd.errors import FormatError
from vitonhd.folders import PARTS
from vitonhd.garment_classes import GarmentClass
from vitonhd.item import Item, decode_part
from vitonhd.pair_files import Pair
from vitonhd.sources import ItemFiles


class Layout(StrEnum):
    """The layouts, by the name that the command line has for them."""

    DRESS_CODE = "dresscode"
    VITON_256 = "viton256"
    VITON_HD_2021 = "vitonhd2021"
    WEBDATASET = "webdataset"
    COCO = "coco"
    HUGGING_FACE = "huggingface"


@dataclass(frozen=True)
class Order:
    """What to export where; `size` is (width, height) of the source's pictures."""

    out: Path
    garment_class: GarmentClass
    size: tuple[int, int]


@dataclass(frozen=True)
class Taken:
    """An item in its new layout: bytes by path below the order's folder, and its row of the layout's index (JSON)."""

    files: Mapping[str, bytes]
    row: Any = None


@dataclass
class Index:
    """What was taken, for the files that name all items."""

    stems: dict[str, list[str]] = field(default_factory=dict)
    """By split, in order."""
    pairs: dict[str, list[Pair]] = field(default_factory=dict)
    """By the names of `vitonhd.tree.PAIR_FILES`, those of taken items only; own garments where a split has no file."""
    rows: Callable[[str], Iterator[Any]] = field(default=lambda _: iter(()))
    """The rows of a split's items, in order, read from disk."""

    def unpaired(self) -> list[Pair]:
        """The test pairs in another garment: those of the unpaired file, else of the test file."""
        named = self.pairs.get("test_unpaired") or self.pairs.get("test", [])
        return [pair for pair in named if pair.person != pair.cloth]


Take = Callable[[Order, ItemFiles], Taken]
"""The item in the layout. Raises FormatError, with a reason to count by, for one that the layout can't hold."""
Finish = Callable[[Order, Index], None]


def need(item: ItemFiles, order: Order, *parts: str) -> Item:
    """The named parts decoded. Raises FormatError `no-file` for one that is not there, and as the decoders do."""
    decoded = Item(item.stem)
    for part in parts:
        try:
            setattr(decoded, part, decode_part(PARTS[part], need_bytes(item, part), size=order.size))
        except FormatError as error:
            raise FormatError(error.reason, f"{part}: {error.detail}") from None
    return decoded


def need_bytes(item: ItemFiles, part: str) -> bytes:
    """A part's file as it is. Raises FormatError `no-file`, or what it could not be read for."""
    if part in item.faults:
        raise item.faults[part]
    if part not in item.files:
        raise FormatError("no-file", PARTS[part].name)
    return item.files[part]
