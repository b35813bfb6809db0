"""What a backend gives, whichever network is behind it.

The contract that must not break: one result per picture, in order; a picture with nobody on it gives None, no error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from vitonhd.arrays import Labels, Mask, Picture
from vitonhd.openpose_json import Person

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels of the picture."""


@dataclass(frozen=True)
class DensePose:
    """The likeliest person's surface, in the whole picture."""

    labels: Labels
    """HxW, DensePose ids 0..24 (`vitonhd.densepose.DENSEPOSE`)."""
    uv: npt.NDArray[np.float32]
    """2xHxW; about 0..1, not clamped, 0 where the label is 0."""
    box: Box
    score: float
    """0..1."""
    people: int
    """How many people score as high as was asked for."""

    @property
    def iuv(self) -> npt.NDArray[np.uint8]:
        """3xHxW: the labels, then U and V times 255, clamped and cut to whole numbers."""
        scaled = np.clip(self.uv * np.float32(255), 0, 255).astype(np.uint8)
        return np.concatenate([self.labels[None], scaled])


class Parser(Protocol):
    def parse(self, pictures: Sequence[Picture]) -> list[Labels]:
        """CIHP-20 ids, HxW each."""
        ...


class DensePoseEstimator(Protocol):
    def estimate(self, pictures: Sequence[Picture]) -> list[DensePose | None]:
        """The likeliest person of each picture, None where there is none."""
        ...


class PoseEstimator(Protocol):
    def estimate(self, pictures: Sequence[Picture], boxes: Sequence[Box] | None = None) -> list[Person | None]:
        """The person inside each box (None: the whole picture), BODY_25 and what the network knows besides.

        None where no joint is sure enough.
        """
        ...


class GarmentSegmenter(Protocol):
    def segment(self, pictures: Sequence[Picture]) -> list[Mask]:
        """Where the garment of a packshot is, bool HxW each."""
        ...
