"""`openpose_img`: body and hands of a pose drawn on black, as OpenPose's GPU renderer draws them.

The contract that must not break: from the official poses it makes the official pictures, but for a handful of pixels
on edges that the JSON's rounded coordinates decide. The face is in the JSON and is not drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from preprocess.draw.body import check_reach
from vitonhd.arrays import Picture, Points
from vitonhd.keypoints import BODY_25, HAND_21, Skeleton
from vitonhd.openpose_json import Person

Canvas = npt.NDArray[np.float32]
"""float32 HxWx3, RGB, 0..255: blends are rounded once, at the end."""

ALPHA = np.float32(0.6)
"""What a stroke covers of what is under it; overlapping joints come out brighter than limbs."""
MARGIN = 50.0
"""Pixels around a figure's points; nothing of it is drawn farther out."""
FULL_SIZE = 400.0
"""Width plus height of a figure, in pixels, from which its strokes have their full width."""


@dataclass(frozen=True)
class Style:
    """How one kind of figure is drawn; widths are parts of the picture's shorter side."""

    skeleton: Skeleton
    threshold: float
    """Points with a lower score are not drawn."""
    limb: float
    """The semi-minor axis of a limb's ellipse is 1 / `limb` of the shorter side."""
    joint: float
    """The radius of a joint's disc, likewise."""
    colours: Picture
    """uint8 Jx3: a joint's colour, and that of the limb that ends in it."""


def _finger(red: tuple[int, ...], green: tuple[int, ...], blue: tuple[int, ...]) -> list[tuple[int, int, int]]:
    return list(zip(red, green, blue, strict=True))


_NONE = (0, 0, 0, 0)
_RISING = (100, 150, 200, 255)
_HALF_RISING = (50, 75, 100, 125)

BODY = Style(
    BODY_25, 0.05, 120, 100,
    np.array(
        [
            (255, 0, 85), (255, 0, 0), (255, 85, 0), (255, 170, 0), (255, 255, 0), (170, 255, 0), (85, 255, 0),
            (0, 255, 0), (255, 0, 0), (0, 255, 85), (0, 255, 170), (0, 255, 255), (0, 170, 255), (0, 85, 255),
            (0, 0, 255), (255, 0, 170), (170, 0, 255), (255, 0, 255), (85, 0, 255), (0, 0, 255), (0, 0, 255),
            (0, 0, 255), (0, 255, 255), (0, 255, 255), (0, 255, 255),
        ],
        np.uint8,
    ),
)  # fmt: skip
HAND = Style(
    HAND_21, 0.2, 80, 100,
    np.array(
        [
            (100, 100, 100), *_finger(_RISING, _NONE, _NONE), *_finger(_RISING, _RISING, _NONE),
            *_finger(_NONE, _RISING, _HALF_RISING), *_finger(_NONE, _HALF_RISING, _RISING),
            *_finger(_RISING, _NONE, _RISING),
        ],
        np.uint8,
    ),
)  # fmt: skip


def draw_pose(person: Person, width: int, height: int) -> Picture:
    """The person's pose picture, uint8 `height` x `width` x 3, from points in that picture's pixels.

    Rules: `docs/preprocess.md`. Raises FormatError `wrong-keypoints` as `Person.body` and its hands, and
    `pose-outside-picture`.
    """
    canvas: Canvas = np.zeros((height, width, 3), np.float32)
    for points, style in ((person.body, BODY), (person.left_hand, HAND), (person.right_hand, HAND)):
        if points is not None:
            check_reach(points, width, height)
            _draw_figure(canvas, points, style)
    picture: Picture = canvas.astype(np.uint8)
    return picture


def _draw_figure(canvas: Canvas, points: Points, style: Style) -> None:
    """Limbs, then joints, each blended over what is there."""
    height, width = canvas.shape[:2]
    seen = points[:, 2] > style.threshold
    if not seen.any():
        return
    low, high = points[seen, :2].min(axis=0), points[seen, :2].max(axis=0)
    frame = (*np.maximum(low - MARGIN, 0), *np.minimum(high + MARGIN, (width, height)))
    unit = min(width, height) * float(np.clip((high - low).sum() / FULL_SIZE, 0.33, 1))
    for first, second in style.skeleton.limbs:
        if seen[first] and seen[second]:
            ends = points[[first, second], :2]
            middle, half = ends.mean(axis=0), (ends[1] - ends[0]) / 2
            _blend(canvas, frame, middle, half, unit / style.limb, style.colours[second])
    for joint in np.flatnonzero(seen):
        radius = unit / style.joint
        _blend(canvas, frame, points[joint, :2], np.array([radius, 0.0]), radius, style.colours[joint])


def _blend(
    canvas: Canvas,
    frame: tuple[float, ...],
    middle: npt.NDArray[np.float64],
    half: npt.NDArray[np.float64],
    minor: float,
    colour: Picture,
) -> None:
    """Blend a filled ellipse: `half` is its semi-major axis as a vector, `minor` the other's length, in pixels."""
    major = float(np.hypot(*half))
    if major == 0:
        return
    reach = max(major, minor)
    left, top = np.ceil(np.maximum(middle - reach, frame[:2])).astype(int)
    right, bottom = np.floor(np.minimum(middle + reach, frame[2:])).astype(int) + 1
    part = canvas[top : max(top, bottom), left : max(left, right)]
    x = np.arange(left, left + part.shape[1])[None, :] - middle[0]
    y = np.arange(top, top + part.shape[0])[:, None] - middle[1]
    cos, sin = half / major
    inside = ((cos * x + sin * y) / major) ** 2 + ((sin * x - cos * y) / minor) ** 2 <= 1
    part[inside] = part[inside] * (1 - ALPHA) + colour * ALPHA
