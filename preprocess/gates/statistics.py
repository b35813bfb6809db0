"""What a picture shows without any network: its border, what is on it, sharpness, a fingerprint.

The contract that must not break: every figure is a function of the pixels alone and, beyond what was lost in it, hardly
depends on the picture's size.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from preprocess.gates.text import text_score
from vitonhd.arrays import Mask, Picture

Floats = npt.NDArray[np.float32]

_WIDTH = 192
"""Pixels of the width at which border and content are looked at."""
_BAND = 4
"""Depth of the border at that width."""
_NEAR = 14.0
"""Levels of 255 within which a pixel has the border's colour: more than JPEG 75 does to an even grey."""
_SHARP_WIDTH = 768
_CRETE = 9
_HASH_SIDE, _HASH_KEPT = 32, 8
_BT601 = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True)
class PictureStatistics:
    """Figures of one picture; shares are 0..1."""

    border_uniformity: float
    """Share of the border that has one colour, up to an even fall of light."""
    border_level: float
    """Lightness of that border, 0..255."""
    content: float
    """Share of the picture that has not the border's colour."""
    cut: float
    """Share of the picture's outline that has not the border's colour."""
    text: float
    """Share of the edges that are lines of glyphs (`preprocess.gates.text`)."""
    blur: float
    """0 sharp .. 1 without any edge."""
    phash: int
    thumbnail: bytes


def statistics(picture: Picture) -> PictureStatistics:
    """The figures of a picture, uint8 HxWx3."""
    height, width = picture.shape[:2]
    small = _area(picture, _WIDTH, max(2 * _BAND, round(height * _WIDTH / width)))
    level, near = _border(small)
    frame = _frame(near.shape, _BAND)
    return PictureStatistics(
        border_uniformity=float(near[frame].mean()), border_level=level, content=float((~near).mean()),
        cut=float((~near)[_frame(near.shape, 1)].mean()), text=text_score(picture), blur=blur(picture),
        phash=phash(picture), thumbnail=thumbnail(picture),
    )  # fmt: skip


def blur(picture: Picture, mask: Mask | None = None) -> float:
    """The blur effect of Crete et al. 2007, 0 sharp .. 1 blurred: what blurring once more takes from the edges.

    Looked at in 768 pixels of width if there are more, in `mask` (HxW) if there is one. A picture without edges is 1.
    """
    height, width = picture.shape[:2]
    if width > _SHARP_WIDTH:
        size = _SHARP_WIDTH, max(2, round(height * _SHARP_WIDTH / width))
        mask = None if mask is None else cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
        picture = _area(picture, *size)
    luma = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    inside = np.ones(luma.shape, bool) if mask is None else mask
    figures = []
    # Every other line is enough for sums over a whole picture.
    for plane, there in ((luma[::2], inside[::2]), (luma.T[::2], inside.T[::2])):
        plane = np.ascontiguousarray(plane)
        again = cv2.blur(plane, (_CRETE, 1))
        steps, softer = np.abs(np.diff(plane, axis=1)), np.abs(np.diff(again, axis=1))
        steps, softer = steps[there[:, 1:]], softer[there[:, 1:]]
        whole = float(steps.sum())
        lost = float(np.maximum(steps - softer, 0).sum())
        figures.append(1.0 if whole == 0 else 1 - lost / whole)
    return max(figures)


def phash(picture: Picture) -> int:
    """Perceptual hash as a signed 64-bit integer, comparable with the catalogue's `image.phash`.

    The 8x8 lowest frequencies of the 32x32 luma's DCT, without means, each against their median (Zauner 2010, 3.2.1).
    """
    luma = _area(picture, _HASH_SIDE, _HASH_SIDE).astype(np.float32) @ _BT601
    frequencies = cv2.dct(luma)[1 : _HASH_KEPT + 1, 1 : _HASH_KEPT + 1].ravel()
    bits = np.packbits(frequencies > np.median(frequencies))
    return int.from_bytes(bits.tobytes(), "big", signed=True)


def thumbnail(picture: Picture) -> bytes:
    """192 bytes: 8x8 RGB, as the catalogue's `image.thumbnail`."""
    return _area(picture, 8, 8).tobytes()


def _border(small: Picture) -> tuple[float, Mask]:
    """The border's mean lightness, and which pixels have its colour: a smooth surface fitted to most of it."""
    height, width = small.shape[:2]
    rows, columns = np.mgrid[:height, :width]
    x, y = columns / width - 0.5, rows / height - 0.5
    terms = np.stack([np.ones(small.shape[:2]), x, y, x * x, y * y], axis=-1).astype(np.float32)
    frame = _frame(small.shape[:2], _BAND)
    there, colours = terms[frame], small[frame].astype(np.float32)
    kept = np.abs(colours - np.median(colours, axis=0)).max(axis=1) <= 3 * _NEAR
    surface = np.zeros((5, 3), np.float32)
    for _ in range(3):
        # A border of many colours has none: too few pixels are near the median then.
        if kept.sum() < 10:
            break
        surface = np.linalg.lstsq(there[kept], colours[kept], rcond=None)[0]
        kept = np.abs(colours - there @ surface).max(axis=1) <= _NEAR
    near: Mask = np.abs(small - terms @ surface).max(axis=-1) <= _NEAR
    return float((there @ surface @ _BT601).mean()), near


def _frame(shape: tuple[int, ...], depth: int) -> Mask:
    """The pixels within `depth` of the picture's edge."""
    frame = np.ones(shape, bool)
    frame[depth:-depth, depth:-depth] = False
    return frame


def _area(picture: Picture, width: int, height: int) -> Picture:
    """Scaled by means over areas."""
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
