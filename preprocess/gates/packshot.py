"""A packshot against the gates: one garment, whole, sharp, alone on an even backdrop.

The contract that must not break: the figures are of the framed picture and the garment mask that was made from it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from preprocess.gates.limits import PACKSHOT, Limits, judge
from preprocess.gates.statistics import PictureStatistics, blur
from preprocess.gates.verdict import Verdict
from preprocess.gates.worn import cut, grown
from preprocess.intake.framing import Box, mask_box
from vitonhd.arrays import Mask, Picture

_WHITE = 235.0
"""Lightness from which a backdrop counts as white; VITON-HD's is 246."""


@dataclass(frozen=True)
class PackshotFigures:
    """What the gates look at; names are those of `limits.PACKSHOT`, `score` reads the rest."""

    figures: Mapping[str, float]
    backdrop: float
    """Lightness of the backdrop, 0..255."""
    symmetry: float
    """Overlap of the garment with its mirror image, 0..1: a folded or turned garment has less."""

    def verdicts(self, limits: Limits = PACKSHOT) -> tuple[Verdict, ...]:
        """Why the packshot is not taken; empty for one that is."""
        return judge(self.figures, limits)

    @property
    def score(self) -> float:
        """How good the packshot is among those that pass, 0..1, by steps of 0.01: finer differences say nothing.

        The product of how even and how white the backdrop is, how large, whole and symmetric the garment is, and how
        sharp the picture is.
        """
        white = min(1.0, self.backdrop / _WHITE) * self.figures["busy-backdrop"]
        large = math.sqrt(min(1.0, self.figures["garment-small"] / 0.25))
        whole = max(0.0, 1 - self.figures["garment-cut"])
        sharp = min(1.0, max(0.0, 1.4 - self.figures["blurred"]))
        return round(white * large * whole * (0.7 + 0.3 * self.symmetry) * sharp, 2)


def packshot_figures(
    picture: Picture,
    garment: Mask,
    statistics: PictureStatistics,
    *,
    skin: float = 0.0,
    shown: Box | None = None,
    scale: float = 1.0,
    near_duplicate: bool = False,
) -> PackshotFigures:
    """The figures of a framed packshot (uint8 HxWx3) and its garment mask (HxW).

    `statistics` are the unframed picture's, `skin` its share of face, hair and skin; `shown` is where in the framed
    picture the original is and `scale` its framed pixels per original pixel.
    """
    figures = {
        "person-in-packshot": skin,
        "busy-backdrop": statistics.border_uniformity,
        "several-garments": _second(garment),
        "garment-small": float(garment.mean()),
        "garment-cut": cut(garment, shown),
        "blurred": blur(picture, grown(garment)),
        "enlarged": scale,
        "near-duplicate": float(near_duplicate),
    }
    return PackshotFigures(figures, statistics.border_level, _symmetry(garment))


def _second(garment: Mask) -> float:
    """Area of the second largest part by the largest's."""
    stats = cv2.connectedComponentsWithStats(garment.astype(np.uint8), connectivity=8)[2]
    areas = np.sort(stats[1:, cv2.CC_STAT_AREA])[::-1]
    return float(areas[1] / areas[0]) if len(areas) > 1 else 0.0


def _symmetry(garment: Mask) -> float:
    box = mask_box(garment)
    if box is None:
        return 0.0
    inside = garment[box.top : box.bottom, box.left : box.right]
    return float((inside & inside[:, ::-1]).sum() / (inside | inside[:, ::-1]).sum())
