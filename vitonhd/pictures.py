"""Bytes of picture files to typed arrays and back.

The contract that must not break: PNGs and masks come back equal to what was encoded; bytes that are no sound picture
of the expected size raise FormatError, whatever is in them.
"""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image

from vitonhd.arrays import Labels, Mask, Picture
from vitonhd.errors import FormatError
from vitonhd.labels import CIHP, LabelTable

MAX_PIXELS = 32_000_000
MASK_THRESHOLD = 128
"""Readers take 128 and above as set (VITON-HD, HR-VITON)."""

_FORMATS = ("JPEG", "PNG")
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, Image.DecompressionBombError)


def open_picture(data: bytes) -> Image.Image:
    """The picture's header, pixels not yet decoded. Raises FormatError `unreadable-picture` or `picture-too-large`."""
    try:
        picture = Image.open(io.BytesIO(data), formats=_FORMATS)
    except _BROKEN as error:
        raise FormatError("unreadable-picture", f"no JPEG or PNG: {error}") from None
    if picture.width * picture.height > MAX_PIXELS:
        raise FormatError("picture-too-large", f"{picture.width}x{picture.height}, the limit is {MAX_PIXELS} pixels")
    return picture


def _decode(data: bytes, mode: str | None, size: tuple[int, int] | None) -> Image.Image:
    picture = open_picture(data)
    if size is not None and picture.size != size:
        raise FormatError("wrong-size", f"{picture.width}x{picture.height}, expected {size[0]}x{size[1]}")
    try:
        picture.load()
        return picture if mode is None else picture.convert(mode)
    except _BROKEN as error:
        raise FormatError("unreadable-picture", str(error)) from None


def decode_rgb(data: bytes, *, size: tuple[int, int] | None = None) -> Picture:
    """A picture as uint8 HxWx3. `size` is (width, height); another one raises FormatError `wrong-size`."""
    return np.array(_decode(data, "RGB", size))


def decode_mask(data: bytes, *, size: tuple[int, int] | None = None) -> Mask:
    """A mask as bool HxW, thresholded as the official readers do. Raises as `decode_rgb`."""
    mask: Mask = np.array(_decode(data, "L", size)) >= MASK_THRESHOLD
    return mask


def decode_labels(data: bytes, *, table: LabelTable = CIHP, size: tuple[int, int] | None = None) -> Labels:
    """Ids as uint8 HxW, from a PNG of mode P or L, or of mode RGB in the table's colours.

    Raises FormatError as `decode_rgb`, and `wrong-mode`, `label-outside-table`, `unknown-colour`.
    """
    picture = _decode(data, None, size)
    if picture.format != "PNG":
        raise FormatError("wrong-mode", "labels are PNG: JPEG changes ids")
    if picture.mode == "RGB":
        return table.read_painted(np.array(picture))
    if picture.mode not in ("P", "L"):
        raise FormatError("wrong-mode", f"labels are of mode P or L, not {picture.mode}")
    labels: Labels = np.array(picture)
    table.check(labels)
    return labels


def _bytes(picture: Image.Image, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format, **options)
    return buffer.getvalue()


def _check_rgb(picture: Picture) -> None:
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise FormatError("wrong-shape", f"a picture is uint8 HxWx3, not {picture.dtype} {picture.shape}")


def encode_jpeg(picture: Picture, *, quality: int) -> bytes:
    """uint8 HxWx3 as JPEG 4:2:0, with the official files' quantisation at the same quality."""
    _check_rgb(picture)
    return _bytes(Image.fromarray(picture), "JPEG", quality=quality, subsampling="4:2:0")


def encode_png(picture: Picture) -> bytes:
    """uint8 HxWx3 as PNG, lossless."""
    _check_rgb(picture)
    return _bytes(Image.fromarray(picture), "PNG")


def encode_labels(labels: Labels, *, table: LabelTable = CIHP) -> bytes:
    """uint8 HxW ids as a mode-P PNG with the table's 256 colours. Raises FormatError `label-outside-table`."""
    if labels.dtype != np.uint8 or labels.ndim != 2:
        raise FormatError("wrong-shape", f"labels are uint8 HxW, not {labels.dtype} {labels.shape}")
    table.check(labels)
    picture = Image.fromarray(labels)
    picture.putpalette(table.palette.tobytes())
    return _bytes(picture, "PNG")


def encode_mask_png(mask: Mask) -> bytes:
    """bool HxW as a PNG of mode RGB, 0 and 255: the form of `agnostic-mask`."""
    return _bytes(_mask_picture(mask).convert("RGB"), "PNG")


def encode_mask_jpeg(mask: Mask, *, quality: int) -> bytes:
    """bool HxW as a grey JPEG that reads back equal: a ragged mask gets a higher quality than asked for.

    Raises FormatError `mask-not-kept` for a mask that even quality 100 changes (none is known).
    """
    picture = _mask_picture(mask)
    for tried in (quality, *(higher for higher in (85, 95, 100) if higher > quality)):
        data = _bytes(picture, "JPEG", quality=tried)
        if np.array_equal(decode_mask(data), mask):
            return data
    raise FormatError("mask-not-kept", "JPEG changes this mask at every quality")


def _mask_picture(mask: Mask) -> Image.Image:
    if mask.dtype != np.bool_ or mask.ndim != 2:
        raise FormatError("wrong-shape", f"a mask is bool HxW, not {mask.dtype} {mask.shape}")
    return Image.fromarray(mask.astype(np.uint8) * np.uint8(255))
