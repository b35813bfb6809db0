"""Encodings that other layouts have and VITON-HD's folders don't.

The contract that must not break: PNGs are lossless.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from vitonhd.arrays import Labels, Mask


def grey_png(levels: Labels) -> bytes:
    """uint8 HxW as a PNG of mode L."""
    return _bytes(Image.fromarray(levels), "PNG")


def mask_png(mask: Mask) -> bytes:
    """bool HxW as a PNG of mode L, 0 and 255."""
    return grey_png(mask.astype(np.uint8) * np.uint8(255))


def picture_jpeg(picture: Image.Image, *, quality: int = 95) -> bytes:
    return _bytes(picture, "JPEG", quality=quality, subsampling="4:2:0")


def _bytes(picture: Image.Image, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format, **options)
    return buffer.getvalue()
