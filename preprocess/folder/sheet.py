"""A page to look at: some people with their conditions, some garments with their masks, some that were not taken.

The contract that must not break: it shows the tree's own files; what can't be shown is an empty tile with its reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from preprocess.folder.decoding import take_file
from preprocess.folder.record import Entry
from preprocess.gates.verdict import Verdict
from preprocess.tiles import tile
from vitonhd.arrays import Picture
from vitonhd.errors import FormatError
from vitonhd.labels import CIHP
from vitonhd.pictures import decode_labels, decode_rgb
from vitonhd.tree import Tree

PEOPLE, GARMENTS, REJECTED = 8, 12, 12
"""How many of each are shown at most, spread over all."""
PARTS_OF_PERSON = ("image", "parse", "densepose", "pose_picture", "agnostic", "parse_agnostic")
_COLUMNS = len(PARTS_OF_PERSON)


def folder_sheet(tree: Tree, source: Path, entries: Sequence[Entry]) -> Picture:
    """The page, uint8 HxWx3."""
    people = _spread([entry for entry in entries if entry.is_person], PEOPLE)
    garments = _spread([entry for entry in entries if entry.is_garment], GARMENTS)
    rejected = _spread([entry for entry in entries if entry.done and not entry.passed], REJECTED)
    tiles = [one for entry in people for one in _of_item(tree, entry, PARTS_OF_PERSON)]
    tiles += _to_full_row([one for entry in garments for one in _of_item(tree, entry, ("cloth", "cloth_mask"))])
    tiles += _to_full_row([_of_rejected(source, entry) for entry in rejected])
    rows = [np.concatenate(tiles[first : first + _COLUMNS], axis=1) for first in range(0, len(tiles), _COLUMNS)]
    return np.concatenate(rows) if rows else tile(None, "nothing")


def _spread(entries: list[Entry], most: int) -> list[Entry]:
    """At most so many, evenly from all."""
    if len(entries) <= most:
        return entries
    return [entries[place * len(entries) // most] for place in range(most)]


def _of_item(tree: Tree, entry: Entry, parts: Sequence[str]) -> Iterator[Picture]:
    for number, part in enumerate(parts):
        try:
            data = tree.read_bytes("test", part, entry.stem)
            picture = CIHP.paint(decode_labels(data)) if part.startswith("parse") else decode_rgb(data)
        except FormatError as error:
            yield tile(None, error.reason)
            continue
        yield tile(picture, f"{entry.stem} {entry.score:.2f}" if number == 0 else part)


def _of_rejected(source: Path, entry: Entry) -> Picture:
    taken = take_file(source / entry.file)
    picture = None if isinstance(taken, Verdict) else taken.intake.on_white
    first = entry.verdicts[0]
    return tile(picture, f"{entry.stem[:5]} {first.reason} {first.figure:.2g}")


def _to_full_row(tiles: list[Picture]) -> list[Picture]:
    return tiles + [tile(None, "")] * (-len(tiles) % _COLUMNS)
