"""DensePose ids 0..24 and the colouring of VITON-HD's `image-densepose` pictures.

The contract that must not break: `paint` gives each part OpenCV's PARULA colour at floor(id * 255 / 24) on black, as
the official pictures have it; `read_picture` undoes that exactly on an uncompressed picture.
"""

from __future__ import annotations

import numpy as np

from vitonhd.arrays import Labels, Mask, Picture
from vitonhd.colours import grey_palette, nearest_colour
from vitonhd.labels import LabelTable

_COLOURS = (
    (0, 0, 0), (37, 60, 163), (20, 80, 194), (4, 97, 223), (8, 110, 221), (14, 122, 216), (20, 132, 212),
    (15, 144, 208), (11, 156, 203), (6, 166, 198), (22, 173, 185), (38, 179, 172), (55, 185, 159), (86, 187, 144),
    (114, 189, 130), (145, 191, 116), (170, 189, 105), (192, 188, 96), (216, 186, 86), (228, 192, 74), (240, 199, 60),
    (252, 206, 46), (251, 220, 36), (250, 235, 25), (249, 251, 14),
)  # fmt: skip


def _palette() -> Picture:
    palette = grey_palette()
    palette[: len(_COLOURS)] = _COLOURS
    return palette


DENSEPOSE = LabelTable(
    "DensePose-24",
    (
        "background", "torso-back", "torso-front", "right-hand", "left-hand", "left-foot", "right-foot",
        "right-thigh-back", "left-thigh-back", "right-thigh-front", "left-thigh-front", "right-calf-back",
        "left-calf-back", "right-calf-front", "left-calf-front", "left-upper-arm-1", "right-upper-arm-1",
        "left-upper-arm-2", "right-upper-arm-2", "left-forearm-1", "right-forearm-1", "left-forearm-2",
        "right-forearm-2", "right-head", "left-head",
    ),
    _palette(),
)  # fmt: skip
"""DensePose's chart ids. Arms have two charts each; which is seen turns with the arm, so they are numbered."""


def read_picture(picture: Picture, *, tolerance: int = 3) -> tuple[Labels, Mask]:
    """Ids of an `image-densepose` picture, and where they are sure: HxW uint8 and HxW bool.

    JPEG mixes colours at borders between parts (4:2:0 chroma), where the nearest colour may belong to a third part: a
    pixel is sure when its colour is within `tolerance` levels per channel (root mean square) of its part's.
    """
    ids, distances = nearest_colour(picture, DENSEPOSE.palette[: len(DENSEPOSE)])
    sure: Mask = np.less_equal(distances, 3 * tolerance**2)
    return ids, sure
