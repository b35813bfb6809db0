"""One picture of a contact sheet.

The contract that must not break: every tile has the same size, so that tiles make rows and rows a page.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from vitonhd.arrays import Picture

_SIZE = (150, 200)
_CAPTION = 14
_LETTERS = 24
"""Of a caption, as many as fit."""


def tile(picture: Picture | None, caption: str) -> Picture:
    """The picture inside a tile, on white, above its caption; a grey field where there is none but for a caption."""
    page = Image.new("RGB", (_SIZE[0], _SIZE[1] + _CAPTION), "white")
    if picture is not None:
        small = Image.fromarray(picture)
        small.thumbnail(_SIZE)
        page.paste(small, ((_SIZE[0] - small.width) // 2, (_SIZE[1] - small.height) // 2))
    elif caption:
        page.paste((225, 225, 225), (0, 0, *_SIZE))
    ImageDraw.Draw(page).text((3, _SIZE[1] + 1), caption[:_LETTERS], fill=(0, 0, 0))
    return np.array(page)
