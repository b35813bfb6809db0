"""A worn photo against the gates: one person, frontal, joints and garment seen, whole and sharp.

The contract that must not break: the figures are of the framed picture and the conditions that were made from it, so
what passes here is what the networks will train on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from preprocess.gates.limits import JOINT_SEEN, WORN, Limits, judge
from preprocess.gates.statistics import blur
from preprocess.gates.verdict import Verdict
from preprocess.intake.framing import Box
from vitonhd.arrays import Labels, Mask, Picture, Points
from vitonhd.garment_classes import RULES, GarmentClass
from vitonhd.keypoints import BODY_25
from vitonhd.labels import CIHP

_SHOULDERS = ("right_shoulder", "left_shoulder")
_HIPS = ("right_hip", "left_hip")
_KNEES = ("right_knee", "left_knee")
NEEDED: dict[GarmentClass, tuple[str, ...]] = {
    GarmentClass.UPPER: (*_SHOULDERS, *_HIPS),
    GarmentClass.LOWER: (*_HIPS, *_KNEES),
    GarmentClass.DRESS: (*_SHOULDERS, *_HIPS, *_KNEES),
}
"""Joints that must be seen. The neck follows from the shoulders; elbows, wrists and ankles may be cut or hidden."""

WELCOME: dict[GarmentClass, tuple[str, ...]] = {
    GarmentClass.UPPER: ("neck", "right_elbow", "left_elbow", "right_wrist", "left_wrist"),
    GarmentClass.LOWER: ("right_ankle", "left_ankle"),
    GarmentClass.DRESS: ("neck", "right_elbow", "left_elbow", "right_wrist", "left_wrist", "right_ankle", "left_ankle"),
}
"""Joints that make one photo better than another."""

OWN: dict[GarmentClass, tuple[tuple[str, ...], tuple[str, ...]]] = {
    GarmentClass.UPPER: (("upper-clothes", "coat"), ("dress",)),
    GarmentClass.LOWER: (("pants", "skirt"), ("dress",)),
    GarmentClass.DRESS: (("dress",), ("upper-clothes", "pants", "skirt")),
}
"""Labels that only the class has, and labels that are there instead where another class is worn."""

_TORSO, _THIGHS = 0.61, 0.46
"""Shoulder width by torso length and hip width by thigh length of people seen from the front (24 studio people)."""
_SECOND = 0.3
"""A second face or body counts from this share of the largest one's area: less is a reflection or a parser's crumb."""
_OUTLINE = 0.01
"""Depth of the outline, share of the width: parsers leave the last pixels empty."""


@dataclass(frozen=True)
class WornFigures:
    """What the gates look at; names are those of `limits.WORN`, `score` reads the rest."""

    figures: Mapping[str, float]
    missing: tuple[str, ...]
    """Needed joints that are not seen."""
    welcome: float
    """Share of the welcome joints that are seen."""

    def verdicts(self, limits: Limits = WORN) -> tuple[Verdict, ...]:
        """Why the photo is not taken; empty for one that is."""
        return judge(self.figures, limits, {"joints-missing": " ".join(self.missing)})

    @property
    def score(self) -> float:
        """How good the photo is among those that pass, 0..1, by steps of 0.01: finer differences say nothing.

        The product of how frontal it is, how large and how whole the garment is, how sharp the picture is, and a
        bonus of a fifth for the welcome joints.
        """
        frontal = min(1.0, max(0.0, self.figures.get("turned", 0.0)))
        large = math.sqrt(min(1.0, self.figures["garment-small"] / 0.2))
        whole = max(0.0, 1 - self.figures["garment-cut"])
        sharp = min(1.0, max(0.0, 1.3 - self.figures["blurred"]))
        return round(float(frontal) * large * whole * sharp * (0.8 + 0.2 * self.welcome), 2)


def worn_figures(
    photo: Picture,
    parse: Labels,
    pose: Points,
    garment_class: GarmentClass,
    *,
    shown: Box | None = None,
    scale: float = 1.0,
    people: int | None = None,
    near_duplicate: bool = False,
) -> WornFigures:
    """The figures of a framed photo (uint8 HxWx3), its CIHP parse (HxW) and its BODY_25 pose (25x3).

    `shown` is where in the picture the photo is and `scale` its framed pixels per photo pixel (`Frame.shown`,
    `Frame.scale`), `people` the number that a detector found, if there was one.
    """
    person = parse > 0
    worn = RULES[garment_class].worn_mask(parse)
    missing = tuple(joint for joint in NEEDED[garment_class] if not _seen(pose, joint))
    welcome = WELCOME[garment_class]
    height, width = parse.shape
    shown = shown or Box(0, 0, width, height)
    figures = {
        "no-person": float(person.mean()),
        "several-people": float(max(people or 0, count_people(parse))),
        "joints-missing": float(len(missing)),
        "class-not-seen": float(worn.sum() / max(1, person.sum())),
        "other-class": own_share(parse, garment_class),
        "garment-small": float(worn.mean()),
        "garment-cut": cut(worn, shown),
        "blurred": blur(photo, grown(person)),
        "enlarged": scale,
        "padded": 1 - shown.width * shown.height / (width * height),
        "near-duplicate": float(near_duplicate),
    }
    if (facing := frontality(pose)) is not None:  # otherwise joints are missing
        figures["turned"] = facing
    return WornFigures(figures, missing, sum(_seen(pose, joint) for joint in welcome) / len(welcome))


def frontality(pose: Points) -> float | None:
    """About the cosine of the turn away from the camera: 1 frontal, 0 in profile, below 0 from behind.

    Shoulder width by torso length or, without shoulders, hip width by thigh length, in terms of a frontal studio
    person's; official photos have 0.9 to 1.4. None where neither is seen.
    """
    for across, along, frontal in ((_SHOULDERS, _HIPS, _TORSO), (_HIPS, _KNEES, _THIGHS)):
        if all(_seen(pose, joint) for joint in across + along):
            right, left, *lower = (pose[BODY_25.index(joint), :2] for joint in across + along)
            length = float(np.hypot(*((right + left) / 2 - np.mean(lower, axis=0))))
            return float(left[0] - right[0]) / max(length, 1.0) / frontal
    return None


def count_people(parse: Labels) -> int:
    """How many people a CIHP parse shows: bodies that stand apart, or faces that do."""
    faces = _parts(parse == CIHP.id("face"))
    bodies = _parts(parse > 0)
    return max(_of_note(faces), _of_note(bodies)) if bodies.size else 0


def own_share(parse: Labels, garment_class: GarmentClass) -> float:
    """Of the labels that the class has and those that stand for another one, the share of its own; 1 with neither.

    Parsers call long tops dresses: with trousers or a skirt beside it, a dress counts as a top.
    """
    own, others = (CIHP.ids(*names) for names in OWN[garment_class])
    if garment_class is GarmentClass.UPPER and np.isin(parse, CIHP.ids("pants", "skirt")).mean() >= 0.01:
        own, others = own + others, ()
    mine, theirs = int(np.isin(parse, own).sum()), int(np.isin(parse, others).sum())
    return mine / (mine + theirs) if mine + theirs else 1.0


def cut(mask: Mask, shown: Box | None = None) -> float:
    """How much of a mask lies at the edge of what is shown: its longest stretch there by the root of its area."""
    if not mask.any():
        return 0.0
    if shown is not None:
        mask = mask[shown.top : shown.bottom, shown.left : shown.right]
    depth = max(2, round(_OUTLINE * mask.shape[1]))
    sides = (mask[:depth], mask[-depth:], mask[:, :depth].T, mask[:, -depth:].T)
    longest = max(int(side.any(axis=0).sum()) for side in sides)
    return float(longest / max(1.0, mask.sum() ** 0.5))


def _seen(pose: Points, joint: str) -> bool:
    return bool(pose[BODY_25.index(joint), 2] >= JOINT_SEEN)


def _parts(mask: Mask) -> npt.NDArray[Any]:
    """Areas of a mask's connected parts, largest first."""
    stats = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)[2]
    return np.sort(stats[1:, cv2.CC_STAT_AREA])[::-1]


def _of_note(areas: npt.NDArray[Any]) -> int:
    return int((areas >= _SECOND * areas[0]).sum()) if areas.size else 0


def grown(mask: Mask) -> Mask:
    """The mask with 4 pixels around it, so that its outline counts for the sharpness."""
    around: Mask = np.asarray(cv2.dilate(mask.astype(np.uint8), np.ones((9, 9), np.uint8))) > 0
    return around
