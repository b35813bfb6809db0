"""Regions that are drawn from joints: torso, arms and legs as masks.

The contract that must not break: with all joints seen, torso and arms are pixel for pixel those of `agnostic-v3.2`
(Pillow's rasteriser included), sizes in multiples of `Body.unit`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageDraw

from preprocess.draw.body import Body, Place
from vitonhd.arrays import Mask

ARMS = {
    "left-arm": ("left_shoulder", "left_elbow", "left_wrist"),
    "right-arm": ("right_shoulder", "right_elbow", "right_wrist"),
}
"""Each arm's label and its chain of joints."""
LEGS = (("right_hip", "right_knee", "right_ankle"), ("left_hip", "left_knee", "left_ankle"))

FIXED_LINE, FIXED_DISC, FIXED_WRIST = 100, 150, 40
"""Widths and radii of `fixed_arm` in pixels of a picture FIXED_HEIGHT high."""
FIXED_HEIGHT = 1024


ArmRule = Callable[[Body, tuple[str, str, str], int, int], Mask]
"""Where an arm's pixels are hidden: body, chain, width and height to bool HxW."""


class Pen:
    """Draws on a mask, `width` x `height` pixels."""

    def __init__(self, width: int, height: int) -> None:
        self._picture = Image.new("L", (width, height))
        self._draw = ImageDraw.Draw(self._picture)

    @property
    def mask(self) -> Mask:
        """What was drawn so far, bool HxW."""
        mask: Mask = np.asarray(self._picture) > 0
        return mask

    def line(self, start: Place, end: Place, width: int) -> None:
        self._draw.line([*start, *end], fill=255, width=width)

    def ellipse(self, middle: Place, across: float, down: float) -> None:
        """Filled, with semi-axes `across` and `down`."""
        x, y = middle
        self._draw.ellipse((x - across, y - down, x + across, y + down), fill=255, outline=255)

    def polygon(self, corners: Sequence[Place]) -> None:
        self._draw.polygon([(x, y) for x, y in corners], fill=255, outline=255)

    def rectangle(self, left: float, top: float, right: float, bottom: float) -> None:
        self._draw.rectangle((left, top, right, bottom), fill=255, outline=255)


def draw_torso(pen: Pen, body: Body) -> None:
    """Trunk, neck and shoulders of a body that has a torso."""
    r = body.unit
    right, left = body["right_shoulder"], body["left_shoulder"]
    right_hip, left_hip = body.wide_hips
    for hip in (right_hip, left_hip):
        pen.ellipse(hip, 3 * r, 6 * r)
    pen.line(right, right_hip, 6 * r)
    pen.line(left, left_hip, 6 * r)
    pen.line(right_hip, left_hip, 12 * r)
    pen.polygon((right, left, left_hip, right_hip))
    x, y = body["neck"]
    pen.rectangle(x - 5 * r, y - 9 * r, x + 5 * r, y)
    pen.line(right, left, 12 * r)
    for shoulder in (right, left):
        pen.ellipse(shoulder, 5 * r, 6 * r)


def draw_arms(pen: Pen, body: Body) -> None:
    """Both arms down to the wrists, as far as they are known."""
    for chain in ARMS.values():
        _draw_arm(pen, body, chain, wrist=5 * body.unit)


def hidden_arm(body: Body, chain: tuple[str, str, str], width: int, height: int) -> Mask:
    """Where an arm's pixels stay hidden: all of the arm but the hand, bool HxW. Its shoulder is known.

    Beyond the last joint that is known nothing is hidden, as in the published set.
    """
    r = body.unit
    pen = Pen(width, height)
    pen.ellipse(body[chain[0]], 5 * r, 6 * r)
    _draw_arm(pen, body, chain, wrist=4 * r)
    return pen.mask


def fixed_arm(body: Body, chain: tuple[str, str, str], width: int, height: int) -> Mask:
    """As `hidden_arm`, of one size for all people: HR-VITON's own script for custom data.

    The chain starts at the other shoulder; lines are 100 pixels wide, discs 150 in radius, the wrist's 40, in a
    picture 1024 high.
    """
    side, other = ("left", "right") if chain[0].startswith("left") else ("right", "left")
    known = [joint for joint in (chain[0].replace(side, other), *chain) if body.has(joint)]
    scale = height / FIXED_HEIGHT
    pen = Pen(width, height)
    for start, end in itertools.pairwise(known):
        pen.line(body[start], body[end], round(FIXED_LINE * scale))
        radius = scale * (FIXED_WRIST if end == chain[-1] else FIXED_DISC)
        pen.ellipse(body[end], radius, radius)
    return pen.mask


def draw_legs(pen: Pen, body: Body) -> None:
    """Both legs down to the ankles and what is between them, where a skirt would be."""
    r = body.unit
    legs = [[body[joint] for joint in chain if body.has(joint)] for chain in LEGS]
    for leg in legs:
        for start, end in itertools.pairwise(leg):
            pen.line(start, end, 10 * r)
        for joint in leg:
            pen.ellipse(joint, 5 * r, 5 * r)
    if all(legs) and sum(map(len, legs)) > 2:
        pen.polygon((*legs[0], *reversed(legs[1])))
    if body.has("right_hip", "left_hip"):
        pen.line(body["right_hip"], body["left_hip"], 12 * r)


def _draw_arm(pen: Pen, body: Body, chain: tuple[str, str, str], *, wrist: int) -> None:
    """An arm's lines, 10 r wide, and discs: 5 r at the elbow, `wrist` pixels at the wrist."""
    r = body.unit
    for start, end in itertools.pairwise(chain):
        if body.has(start, end):
            pen.line(body[start], body[end], 10 * r)
            radius = wrist if end == chain[-1] else 5 * r
            pen.ellipse(body[end], radius, radius)
