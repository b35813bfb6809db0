"""What tells pictures apart at a glance: a 64-bit perceptual hash of the structure, an 8x8 thumbnail of the colours.

Both come from a decode of any scale: which one changes a bit of the hash at most, well below what makes duplicates.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crawler.images.decode import Rgb, shrink

SIDE = 32
_KEPT = 8
_THUMBNAIL = 8
_BT601 = np.array([0.299, 0.587, 0.114], np.float32)


def _dct_rows(count: int, size: int) -> NDArray[np.float32]:
    """The first `count` rows of the orthogonal DCT-II matrix of a size."""
    angle = np.pi * (2 * np.arange(size) + 1) * np.arange(count)[:, None] / (2 * size)
    return np.asarray(np.cos(angle) * np.sqrt(2 / size), np.float32)


_ROWS = _dct_rows(_KEPT + 1, SIDE)[1:]


def phash(pixels: Rgb) -> int:
    """Perceptual hash of uint8 HxWx3 RGB as a signed 64-bit integer.

    The 8x8 lowest frequencies of a 32x32 luma picture's DCT, without the row and column of means, each against their
    median (Zauner 2010, section 3.2.1).
    """
    luma = shrink(pixels, (SIDE, SIDE), exact=True).astype(np.float32) @ _BT601
    frequencies = (_ROWS @ luma @ _ROWS.T).ravel()
    bits = np.packbits(frequencies > np.median(frequencies))
    return int.from_bytes(bits.tobytes(), "big", signed=True)


def thumbnail(pixels: Rgb) -> bytes:
    """192 bytes: an 8x8 RGB picture, row by row."""
    return shrink(pixels, (_THUMBNAIL, _THUMBNAIL), exact=True).tobytes()
