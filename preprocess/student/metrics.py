"""How right the student is: counts over all pictures, from which every score follows.

The contract that must not break: scores are of totals over the set, not means of pictures (but for masks, whose mean
over pictures is meant); what nobody knows counts nowhere; a missed joint is a wrong joint.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from preprocess.backends.interfaces import DensePose
from preprocess.student.examples import IGNORED
from vitonhd.arrays import Labels, Mask, Points
from vitonhd.densepose import DENSEPOSE
from vitonhd.keypoints import BODY_25
from vitonhd.labels import CIHP

NEAR = 0.1
"""A joint is right within this share of the torso: PCK@0.1."""
_SEEN = 0.75
"""Truth scores from here on are of joints that are seen, not hidden (the studio: 1 and 0.5)."""

Counts = npt.NDArray[np.int64]


def confusion(truth: Labels, said: Labels, count: int) -> Counts:
    """count x count pixels, truth down, said across; IGNORED truth is left out."""
    known = truth != IGNORED
    pairs = truth[known].astype(np.int64) * count + said[known]
    return np.bincount(pairs, minlength=count * count).reshape(count, count)


def overlaps(counts: Counts) -> npt.NDArray[np.float64]:
    """IoU of each label, NaN for one that the truth never has."""
    right = counts.diagonal().astype(float)
    either = counts.sum(0) + counts.sum(1) - right
    return np.where(counts.sum(1) > 0, right / np.maximum(either, 1), np.nan)


def mask_overlap(truth: Mask, said: Mask) -> float:
    """IoU; 1 where both are empty."""
    either = int((truth | said).sum())
    return float((truth & said).sum()) / either if either else 1.0


def torso(truth: Points) -> float | None:
    """Pixels from left shoulder to right hip, else from neck to mid-hip; None where neither is in the picture."""
    for one, other in (("left_shoulder", "right_hip"), ("neck", "mid_hip")):
        ends = truth[[BODY_25.index(one), BODY_25.index(other)]]
        if (ends[:, 2] > 0).all():
            return float(np.hypot(*(ends[0, :2] - ends[1, :2]))) or None
    return None


@dataclass
class Tally:
    """Counts over a set of items, and each item's own figure to sort it by."""

    parse: Counts = field(default_factory=lambda: np.zeros((len(CIHP), len(CIHP)), np.int64))
    densepose: Counts = field(default_factory=lambda: np.zeros((len(DENSEPOSE), len(DENSEPOSE)), np.int64))
    uv_error: float = 0.0
    uv_pixels: int = 0
    joints: Counts = field(default_factory=lambda: np.zeros((len(BODY_25), 4), np.int64))
    """For each joint: there, right, seen, seen and right."""
    invented: int = 0
    """Joints said to be there that are outside the picture."""
    no_torso: int = 0
    garments: list[float] = field(default_factory=list)
    people: list[float] = field(default_factory=list)

    def add_parse(self, truth: Labels, said: Labels) -> float:
        """The item's own mean IoU."""
        counts = confusion(truth, said, len(CIHP))
        self.parse += counts
        return float(np.nanmean(overlaps(counts)))

    def add_densepose(self, truth: Labels, uv: npt.NDArray[np.uint8] | None, said: DensePose | None) -> None:
        labels = np.zeros_like(truth) if said is None else said.labels
        self.densepose += confusion(truth, labels, len(DENSEPOSE))
        if uv is None or said is None:
            return
        agreed = (truth == labels) & (truth > 0)
        error = np.abs(said.uv.transpose(1, 2, 0)[agreed] - uv[agreed].astype(np.float32) / 255)
        self.uv_error += float(error.sum()) / 2
        self.uv_pixels += int(agreed.sum())

    def add_joints(self, truth: Points, said: Points) -> None:
        size = torso(truth)
        if size is None:
            self.no_torso += 1
            return
        there, told = truth[:, 2] > 0, said[:, 2] > 0
        right = there & told & (np.hypot(*(truth - said)[:, :2].T) <= NEAR * size)
        seen = truth[:, 2] >= _SEEN
        self.joints += np.stack([there, right, seen, seen & right], 1)
        self.invented += int((told & ~there).sum())

    def report(self) -> dict[str, Any]:
        """Every score; None where the set had nothing to measure it on."""
        ious = overlaps(self.parse)
        body = self.densepose[1:]
        there, right, seen, seen_right = self.joints.sum(0)
        return {
            "parse_miou": _number(float(np.nanmean(ious)) if self.parse.any() else None),
            "parse_iou": {name: _number(iou) for name, iou in zip(CIHP.labels, ious, strict=True)},
            "densepose_part_accuracy": _ratio(int(body[:, 1:].diagonal().sum()), int(body.sum())),
            "densepose_iou": _number(float(np.nanmean(overlaps(self.densepose))) if body.any() else None),
            "uv_error": _ratio(self.uv_error, self.uv_pixels),
            "pck": _ratio(int(right), int(there)),
            "pck_seen": _ratio(int(seen_right), int(seen)),
            "pck_by_joint": {
                name: _ratio(int(row[1]), int(row[0])) for name, row in zip(BODY_25.joints, self.joints, strict=True)
            },
            "joints_invented": self.invented,
            "items_without_torso": self.no_torso,
            "garment_iou": _number(float(np.mean(self.garments)) if self.garments else None),
            "person_iou": _number(float(np.mean(self.people)) if self.people else None),
        }


def _ratio(part: float, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _number(value: float | None) -> float | None:
    return None if value is None or np.isnan(value) else round(float(value), 4)
