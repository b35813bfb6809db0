"""The 3:4 window around a person or a garment, and the way between a photo and its framed picture.

The contract that must not break: nothing is distorted (one scale for both axes), the whole subject is inside, and the
window is known in whole pixels of the photo, so that points and masks go both ways by plain arithmetic.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from preprocess.intake.backdrop import continued
from vitonhd.arrays import Mask, Picture, Points
from vitonhd.garment_classes import GarmentClass
from vitonhd.keypoints import BODY_25, visible

Array = npt.NDArray[Any]
SIZE = (768, 1024)
MARGIN = {"person": 0.03, "garment": 0.09}
"""Room around the subject as a share of its longer side, as in the official set: above heads, around packshots."""
_THIGH = 0.5
"""Where a picture of a top ends at least: this far from hip to knee."""


@dataclass(frozen=True)
class Box:
    """Whole pixels: left and top inside, right and bottom outside."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top


@dataclass(frozen=True)
class Frame:
    """A window of 3 units by 4 units of a photo, shown at `size`; it may reach beyond the photo."""

    left: int
    top: int
    unit: int
    """Photo pixels; the window is 3 x 4 of them."""
    size: tuple[int, int] = SIZE
    """Width and height of the framed picture, 3:4."""

    def __post_init__(self) -> None:
        if self.unit < 1 or 4 * self.size[0] != 3 * self.size[1]:
            raise ValueError(f"a frame is 3:4 and of whole units: {self.size}, unit {self.unit}")

    @property
    def scale(self) -> float:
        """Framed pixels per photo pixel."""
        return self.size[0] / (3 * self.unit)

    @property
    def window(self) -> Box:
        return Box(self.left, self.top, self.left + 3 * self.unit, self.top + 4 * self.unit)

    def shown(self, width: int, height: int) -> Box:
        """Where in the framed picture a photo of width x height is, rounded inwards; for `gates`."""
        inside = [max(0, -self.left), max(0, -self.top), min(width - self.left, 3 * self.unit),
                  min(height - self.top, 4 * self.unit)]  # fmt: skip
        left, top, right, bottom = (side * self.scale for side in inside)
        return Box(math.ceil(left), math.ceil(top), max(0, math.floor(right)), max(0, math.floor(bottom)))

    def points(self, photo: Points) -> Points:
        """Points of the photo (...xJx3, pixel centres at whole numbers) in the framed picture; missing stay 0, 0, 0."""
        return _moved(photo, self.scale, (-self.left * self.scale, -self.top * self.scale))

    def photo_points(self, framed: Points) -> Points:
        """The way back of `points`."""
        return _moved(framed, 1 / self.scale, (self.left, self.top))

    def picture(self, photo: Picture, subject: Mask | None = None, *, white: bool = False) -> Picture:
        """The framed picture, uint8; what lies beyond the photo is its backdrop continued, or white.

        `subject` (HxW of the photo) is what the backdrop does not continue.
        """
        pads = self._pads(*photo.shape[1::-1])
        inside = self._inside(photo)
        if any(pads):
            subject = None if subject is None else self._inside(subject)
            inside = _white(inside, pads) if white else continued(inside, pads, subject)
        return _resized(inside, self.size, Image.Resampling.LANCZOS)

    def labels(self, photo: Array) -> Array:
        """Labels or a mask of the photo, HxW, in the framed picture: each pixel takes its centre's; beyond is 0."""
        width, height = self.size
        rows, columns = (
            _nearest(count, 1 / self.scale, first) for count, first in ((height, self.top), (width, self.left))
        )
        return _taken(photo, rows, columns)

    def photo_labels(self, framed: Array, width: int, height: int) -> Array:
        """The way back of `labels` to a photo of width x height; what the window does not show is 0."""
        rows = _nearest(height, self.scale, -self.top * self.scale)
        columns = _nearest(width, self.scale, -self.left * self.scale)
        return _taken(framed, rows, columns)

    def _pads(self, width: int, height: int) -> tuple[int, int, int, int]:
        """Pixels of the window beyond the photo: left, top, right, bottom."""
        window = self.window
        return (
            max(0, -window.left), max(0, -window.top), max(0, window.right - width), max(0, window.bottom - height)
        )  # fmt: skip

    def _inside(self, photo: Array) -> Array:
        window = self.window
        return photo[max(0, window.top) : window.bottom, max(0, window.left) : window.right]


def frame_subject(box: Box, width: int, height: int, *, kind: str = "person", size: tuple[int, int] = SIZE) -> Frame:
    """The smallest 3:4 window that holds a subject's box and its margin, in a photo of width x height.

    A side that the subject is cut at stays the window's side (there is nothing to continue it with); otherwise the
    window is moved into the photo as far as it goes. A photo that is 3:4 already and hardly larger is kept as it is.
    """
    if not (0 <= box.left < box.right <= width and 0 <= box.top < box.bottom <= height):
        raise ValueError(f"{box} is no box of a {width}x{height} photo")
    room = MARGIN[kind] * max(box.width, box.height)
    whole = Frame(0, 0, width // 3, size) if 4 * width == 3 * height and width % 3 == 0 else None
    spans = [_span(*side, room) for side in ((box.left, box.right, width), (box.top, box.bottom, height))]
    unit = max(1, math.ceil(max(spans[0] / 3, spans[1] / 4)))
    if whole is not None and whole.unit <= 1.15 * unit:
        return whole
    left = _placed(box.left, box.right, width, 3 * unit)
    top = _placed(box.top, box.bottom, height, 4 * unit)
    return Frame(left, top, unit, size)


def mask_box(mask: Mask) -> Box | None:
    """The box of a mask's set pixels; None for an empty mask."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(rows) == 0:
        return None
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def person_box(person: Mask, pose: Points, garment_class: GarmentClass, garment: Mask | None = None) -> Box | None:
    """What a photo of a class shows of a person: all, or for tops down to mid-thigh and the garment's end.

    `person` HxW, `pose` BODY_25 25x3 in its pixels, `garment` HxW the worn garment. None where there is no person.
    """
    box = mask_box(person)
    joints = [BODY_25.index(joint) for joint in ("right_hip", "left_hip", "right_knee", "left_knee")]
    if box is None or garment_class is not GarmentClass.UPPER or not visible(pose)[joints].all():
        return box
    hips, knees = pose[joints[:2], 1].mean(), pose[joints[2:], 1].mean()
    low = math.ceil(hips + _THIGH * (knees - hips))
    worn = None if garment is None else mask_box(garment)
    low = max(low, 0 if worn is None else worn.bottom)
    if not box.top < low < box.bottom:
        return box
    shown = mask_box(person[:low])
    return box if shown is None else shown


def _span(low: int, high: int, limit: int, room: float) -> float:
    """The window's least length on one axis; no margin at a side where the subject is cut."""
    return high - low + room * ((low > 0) + (high < limit))


def _placed(low: int, high: int, limit: int, span: int) -> int:
    """Where a window of a length begins on one axis."""
    if low == 0 and high < limit:
        return 0
    if high == limit and low > 0:
        return limit - span
    start = (low + high - span) // 2
    # Beyond the photo only where it is shorter than the window, the same on both sides.
    return start if span > limit else min(max(start, 0), limit - span)


def _moved(points: Points, scale: float, shift: tuple[float, float]) -> Points:
    """Pixel centres are at whole numbers, so that the picture's corner is at -0.5."""
    moved, there = points.copy(), visible(points)
    moved[there, :2] = (points[there, :2] + 0.5) * scale + shift - 0.5
    return moved


def _nearest(count: int, step: float, first: float) -> Array:
    """Indices of the source pixels that hold the centres of `count` target pixels."""
    indices: Array = np.floor((np.arange(count) + 0.5) * step + first).astype(np.intp)
    return indices


def _taken(source: Array, rows: Array, columns: Array) -> Array:
    height, width = source.shape
    there = ((rows >= 0) & (rows < height))[:, None] & ((columns >= 0) & (columns < width))
    found = source[rows.clip(0, height - 1)[:, None], columns.clip(0, width - 1)]
    taken: Array = np.where(there, found, np.zeros((), source.dtype))
    return taken


def _white(picture: Picture, pads: tuple[int, int, int, int]) -> Picture:
    left, top, right, bottom = pads
    return np.pad(picture, ((top, bottom), (left, right), (0, 0)), constant_values=255)


def _resized(picture: Picture, size: tuple[int, int], way: Image.Resampling) -> Picture:
    if picture.shape[1::-1] == size:
        return np.ascontiguousarray(picture)
    return np.array(Image.fromarray(np.ascontiguousarray(picture)).resize(size, way, reducing_gap=3.0))
