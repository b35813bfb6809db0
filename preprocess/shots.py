"""What kind of shot a catalogue picture is: worn, flat, detail or text.

The contract that must not break: the kind is a function of a few figures (`Evidence`), which any backend's networks can
fill, and the answer names the figure that decided.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from preprocess.gates.limits import JOINT_SEEN, SHOTS, Limits
from preprocess.gates.statistics import PictureStatistics
from preprocess.gates.worn import cut
from vitonhd.arrays import Labels, Mask, Points
from vitonhd.keypoints import BODY_25
from vitonhd.labels import CIHP

_LIMBS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
_BODY = ("nose", "neck", *(f"{side}_{joint}" for joint in _LIMBS for side in ("right", "left")))
_PAIRS = (("right_shoulder", "left_shoulder"), ("right_hip", "left_hip"))
_SKIN = CIHP.ids("hair", "face", "torso-skin", "left-arm", "right-arm", "left-leg", "right-leg")


class ShotKind(StrEnum):
    """What a catalogue picture shows; the values of `product_image.shot_kind`."""

    WORN = "worn"
    """A person wears it, and enough of the person is seen to tell the pose."""
    FLAT = "flat"
    """The garment alone and whole on an even backdrop: a packshot."""
    DETAIL = "detail"
    """Everything else: close-ups, parts of people, rooms."""
    TEXT = "text"
    """Size tables, instructions, posters."""


@dataclass(frozen=True)
class Evidence:
    """What is known about a picture before it is known what it is; shares are of the picture, 0..1."""

    statistics: PictureStatistics
    skin: float = 0.0
    """Share that is face, hair or skin."""
    person: float | None = None
    """Share that a parser calls person or clothes; None without one."""
    joints: frozenset[str] = frozenset()
    """Names of BODY_25 joints that are seen."""
    garment: float | None = None
    """Share that a garment segmenter marks; without one the picture's content counts."""
    garment_cut: float | None = None
    """How much of that lies at the picture's edge (`gates.worn.cut`)."""


@dataclass(frozen=True)
class Shot:
    """A picture's kind; `reason` names the limit that decided, `figure` what was measured."""

    kind: ShotKind
    reason: str
    figure: float


def evidence(
    statistics: PictureStatistics, parse: Labels | None = None, pose: Points | None = None, garment: Mask | None = None
) -> Evidence:
    """Evidence from the networks' answers about the whole picture: CIHP parse HxW, BODY_25 25x3, garment mask HxW."""
    seen = () if pose is None else (joint for i, joint in enumerate(BODY_25.joints) if pose[i, 2] >= JOINT_SEEN)
    return Evidence(
        statistics,
        skin=0.0 if parse is None else skin_share(parse),
        person=None if parse is None else float((parse > 0).mean()),
        joints=frozenset(seen),
        garment=None if garment is None else float(garment.mean()),
        garment_cut=None if garment is None else cut(garment),
    )


def skin_share(parse: Labels) -> float:
    """The share of a CIHP parse that is face, hair or skin."""
    return float(np.isin(parse, _SKIN).mean())


def shot_kind(found: Evidence, limits: Limits = SHOTS) -> Shot:
    """The kind of a shot: worn before text (captions on photos), text before flat (tables have even borders)."""
    joints = len(found.joints.intersection(_BODY))
    upright = any(found.joints.issuperset(pair) for pair in _PAIRS)
    if upright and limits["worn-joints"].holds(joints) and _is_somebody(found, limits):
        return Shot(ShotKind.WORN, "worn-joints", float(joints))
    seen = found.statistics
    if limits["text"].holds(seen.text):
        return Shot(ShotKind.TEXT, "text", seen.text)
    size = seen.content if found.garment is None else found.garment
    # Where the border shows one colour only, a mask that reaches it is the segmenter's slip.
    edge = seen.cut if found.garment_cut is None else min(seen.cut, found.garment_cut)
    needed = {"flat-skin": found.skin, "flat-border": seen.border_uniformity, "flat-cut": edge, "flat-garment": size}
    for name, figure in needed.items():
        if not limits[name].holds(figure):
            return Shot(ShotKind.DETAIL, name, figure)
    return Shot(ShotKind.FLAT, "flat-border", seen.border_uniformity)


def _is_somebody(found: Evidence, limits: Limits) -> bool:
    """Enough skin, and not so near that a garment's detail may have been taken for a body."""
    if not limits["worn-skin"].holds(found.skin):
        return False
    if not found.person:
        return True
    return limits["worn-bare"].holds(found.skin / found.person) and limits["worn-close"].holds(found.person)
