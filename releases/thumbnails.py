"""Small pictures of an item for sheets and pages."""

from __future__ import annotations

import base64
import heapq
import io
from collections.abc import Iterable, Sequence

from PIL import Image

from releases.release import Release
from releases.rows import ReleaseItem
from releases.splits import hashed_share
from vitonhd.errors import FormatError
from vitonhd.labels import CIHP
from vitonhd.pictures import decode_labels, decode_rgb

CELL = (96, 128)
SHEET_PARTS = ("cloth", "image", "agnostic", "parse", "densepose", "pose_picture")
_LABELS = ("parse", "parse_agnostic")
_STRIPS = 2
"""Items side by side."""
_GREY = (235, 235, 235)


def thumbnail(release: Release, item: ReleaseItem, part: str, size: tuple[int, int] = CELL) -> Image.Image:
    """A part as RGB within `size`, label maps in their colours; a grey field for what can't be shown."""
    field = Image.new("RGB", size, _GREY)
    try:
        data = release.read(item, part)
        array = CIHP.paint(decode_labels(data)) if part in _LABELS else decode_rgb(data)
    except (KeyError, FormatError):
        return field
    picture = Image.fromarray(array)
    picture.thumbnail(size)
    field.paste(picture, ((size[0] - picture.width) // 2, (size[1] - picture.height) // 2))
    return field


def as_data_url(picture: Image.Image) -> str:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()


def some_items(items: Iterable[ReleaseItem], count: int) -> list[ReleaseItem]:
    """A few items by ascending id, chosen by hash: mostly the same in the next release."""
    chosen = heapq.nsmallest(count, items, key=lambda item: (hashed_share("sheet", item.id), item.id))
    return sorted(chosen, key=lambda item: item.id)


def contact_sheet(release: Release, items: Sequence[ReleaseItem]) -> bytes:
    """JPEG of the items, each a strip of SHEET_PARTS, two strips a row; at least one item."""
    width = CELL[0] * len(SHEET_PARTS)
    rows = -(-len(items) // _STRIPS)
    gap = 8
    sheet = Image.new("RGB", (_STRIPS * (width + gap) - gap, rows * (CELL[1] + gap) - gap), "white")
    for number, item in enumerate(items):
        left, top = number % _STRIPS * (width + gap), number // _STRIPS * (CELL[1] + gap)
        for column, part in enumerate(SHEET_PARTS):
            sheet.paste(thumbnail(release, item, part), (left + column * CELL[0], top))
    file = io.BytesIO()
    sheet.save(file, "JPEG", quality=85)
    return file.getvalue()
