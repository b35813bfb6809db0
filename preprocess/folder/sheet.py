"""A page to look at: some people with their conditions, some garments with their masks, some that were not taken.

The contract that must not break: it shows the tree's own files; what can't be shown is an empty tile with its reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from preprocess.folder.decoding import take_file
from preprocess.folder.record import Entry
from preprocess.gates.verdict import Verdict
from vitonhd.arrays import Picture
from vitonhd.errors import FormatError
from vitonhd.labels import CIHP
from vitonhd.pictures import decode_labels, decode_rgb
from vitonhd.tree import Tree

PEOPLE, GARMENTS, REJECTED = 8, 12, 12
"""How many of each are shown at most, spread over all."""
PARTS_OF_PERSON = ("image", "parse", "densepose", "pose_picture", "agnostic", "parse_agnostic")
_COLUMNS = len(PARTS_OF_PERSON)
_TILE = (150, 200)
_CAPTION = 14
_LETTERS = 24
"""Of a caption, as many as fit."""


def folder_sheet(tree: Tree, source: Path, entries: Sequence[Entry]) -> Picture:
    """The page, uint8 HxWx3."""
    people = _spread([entry for entry in entries if entry.is_person], PEOPLE)
    garments = _spread([entry for entry in entries if entry.is_garment], GARMENTS)
    rejected = _spread([entry for entry in entries if entry.done and not entry.passed], REJECTED)
    tiles = [tile for entry in people for tile in _of_item(tree, entry, PARTS_OF_PERSON)]
    tiles += _to_full_row([tile for entry in garments for tile in _of_item(tree, entry, ("cloth", "cloth_mask"))])
    tiles += _to_full_row([_of_rejected(source, entry) for entry in rejected])
    rows = [np.concatenate(tiles[first : first + _COLUMNS], axis=1) for first in range(0, len(tiles), _COLUMNS)]
    return np.concatenate(rows) if rows else _tile(None, "nothing")


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
            yield _tile(None, error.reason)
            continue
        yield _tile(picture, f"{entry.stem} {entry.score:.2f}" if number == 0 else part)


def _of_rejected(source: Path, entry: Entry) -> Picture:
    taken = take_file(source / entry.file)
    picture = None if isinstance(taken, Verdict) else taken.intake.on_white
    first = entry.verdicts[0]
    return _tile(picture, f"{entry.stem[:5]} {first.reason} {first.figure:.2g}")


def _to_full_row(tiles: list[Picture]) -> list[Picture]:
    return tiles + [_tile(None, "")] * (-len(tiles) % _COLUMNS)


def _tile(picture: Picture | None, caption: str) -> Picture:
    """The picture inside a tile, on white, above its caption; a grey field where there is none but for a caption."""
    tile = Image.new("RGB", (_TILE[0], _TILE[1] + _CAPTION), "white")
    if picture is not None:
        small = Image.fromarray(picture)
        small.thumbnail(_TILE)
        tile.paste(small, ((_TILE[0] - small.width) // 2, (_TILE[1] - small.height) // 2))
    elif caption:
        tile.paste((225, 225, 225), (0, 0, *_TILE))
    ImageDraw.Draw(tile).text((3, _TILE[1] + 1), caption[:_LETTERS], fill=(0, 0, 0))
    return np.array(tile)
