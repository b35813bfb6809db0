"""From colours back to ids: which entry of a palette each pixel is nearest to, and how far away it is.

The contract that must not break: a pixel that has exactly a palette colour gets that colour's first id, at distance 0.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vitonhd.arrays import Labels, Picture

_CHUNK = 4096


def nearest_colour(picture: Picture, palette: Picture) -> tuple[Labels, npt.NDArray[np.int32]]:
    """Ids of the nearest palette colours, and the squared distances to them in RGB levels (0..195075).

    `picture` is uint8 HxWx3, `palette` uint8 Nx3 with N <= 256; both results are HxW. Each distinct colour of the
    picture is compared once, so the cost follows the number of distinct colours.
    """
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
        raise ValueError(f"expected uint8 HxWx3, got {picture.dtype} {picture.shape}")
    wide = picture.astype(np.uint32)
    packed = wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]
    distinct, where = np.unique(packed, return_inverse=True)
    colours = np.stack([distinct >> 16, distinct >> 8 & 255, distinct & 255], axis=1).astype(np.int32)
    ids = np.empty(len(colours), np.uint8)
    distances = np.empty(len(colours), np.int32)
    for start in range(0, len(colours), _CHUNK):
        part = colours[start : start + _CHUNK]
        squared = ((part[:, None] - palette[None].astype(np.int32)) ** 2).sum(axis=2, dtype=np.int32)
        ids[start : start + _CHUNK] = squared.argmin(axis=1)
        distances[start : start + _CHUNK] = squared.min(axis=1)
    where = where.reshape(packed.shape)
    return ids[where], distances[where]


def voc_palette() -> Picture:
    """PASCAL VOC's palette, uint8 256x3: each id's bits are dealt out to R, G and B from the highest bit down."""
    palette = np.zeros((256, 3), np.uint8)
    for index in range(256):
        rest = index
        for shift in range(7, -1, -1):
            for channel in range(3):
                palette[index, channel] |= (rest >> channel & 1) << shift
            rest >>= 3
    return palette


def grey_palette() -> Picture:
    """The grey ramp, uint8 256x3: id i is (i, i, i)."""
    return np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
