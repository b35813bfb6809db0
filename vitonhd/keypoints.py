"""Keypoint formats: joint names in their order, limbs, and left-right mirror tables.

The contract that must not break: the stored body is BODY_25. In an 18-point body indices 9 and 12 are knees, in
BODY_25 they are hips: never feed one to code written for the other, convert it (`keypoint_conversions`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from vitonhd.arrays import Points
from vitonhd.errors import FormatError
from vitonhd.labels import swap_sides


@dataclass(frozen=True)
class Skeleton:
    """A keypoint format; a joint's index is its position in `joints`, limbs are pairs of indices."""

    name: str
    joints: tuple[str, ...]
    limbs: tuple[tuple[int, int], ...] = field(default=(), repr=False)
    mirrored: tuple[tuple[int, int], ...] = field(default=(), repr=False)
    """Pairs of joints that swap in a mirror and whose names don't say so (faces)."""

    def __len__(self) -> int:
        return len(self.joints)

    def index(self, joint: str) -> int:
        """The joint's index. Raises KeyError with the joints that there are."""
        if joint not in self.joints:
            raise KeyError(f"{self.name} has no joint {joint!r}; it has {', '.join(self.joints)}")
        return self.joints.index(joint)

    @property
    def mirror(self) -> tuple[int, ...]:
        """For each joint, the joint that takes its place in the mirrored picture."""
        table = [self.index(swap_sides(joint)) for joint in self.joints]
        for one, other in self.mirrored:
            table[one], table[other] = other, one
        return tuple(table)

    def check(self, points: Points) -> None:
        """Raises FormatError `wrong-keypoints` unless the array is ...xJx3 of finite numbers."""
        if points.ndim < 2 or points.shape[-2:] != (len(self), 3):
            raise FormatError("wrong-keypoints", f"{self.name} is ...x{len(self)}x3, not {points.shape}")
        if not np.isfinite(points).all():
            raise FormatError("wrong-keypoints", f"a coordinate or score of {self.name} is not a finite number")

    def flip(self, points: Points, width: int) -> Points:
        """The points of the picture mirrored left to right, sides swapped; missing points stay 0, 0, 0.

        `width` is the picture's in pixels: x becomes width - 1 - x. Raises as `check`.
        """
        self.check(points)
        flipped = points[..., list(self.mirror), :].copy()
        flipped[..., 0] = width - 1 - flipped[..., 0]
        flipped[~visible(flipped)] = 0
        return flipped


def visible(points: Points) -> npt.NDArray[np.bool_]:
    """Which points are there: a score above 0; the result has the points' shape without the last axis."""
    there: npt.NDArray[np.bool_] = points[..., 2] > 0
    return there


_EYES_AND_EARS = ("right_eye", "left_eye", "right_ear", "left_ear")
_RIGHT_ARM = ("right_shoulder", "right_elbow", "right_wrist")
_LEFT_ARM = ("left_shoulder", "left_elbow", "left_wrist")
_RIGHT_LEG = ("right_hip", "right_knee", "right_ankle")
_LEFT_LEG = ("left_hip", "left_knee", "left_ankle")
_LEFT_FOOT = ("left_big_toe", "left_small_toe", "left_heel")
_RIGHT_FOOT = ("right_big_toe", "right_small_toe", "right_heel")

BODY_25 = Skeleton(
    "BODY_25",
    (
        "nose", "neck", *_RIGHT_ARM, *_LEFT_ARM, "mid_hip", *_RIGHT_LEG, *_LEFT_LEG, *_EYES_AND_EARS, *_LEFT_FOOT,
        *_RIGHT_FOOT,
    ),
    (
        (1, 8), (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (8, 9), (9, 10), (10, 11), (8, 12), (12, 13), (13, 14),
        (1, 0), (0, 15), (15, 17), (0, 16), (16, 18), (14, 19), (19, 20), (14, 21), (11, 22), (22, 23), (11, 24),
    ),
)  # fmt: skip
"""The stored form; limbs in OpenPose's drawing order, each painted in its second joint's colour."""

COCO_18 = Skeleton(
    "COCO-18",
    ("nose", "neck", *_RIGHT_ARM, *_LEFT_ARM, *_RIGHT_LEG, *_LEFT_LEG, *_EYES_AND_EARS),
    (
        (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13), (1, 0),
        (0, 14), (14, 16), (0, 15), (15, 17),
    ),
)  # fmt: skip
"""OpenPose's 18-point body, also Dress Code's and VITON's."""

_SIDES_IN_TURN = tuple(
    f"{side}_{joint}"
    for joint in ("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
    for side in ("left", "right")
)
COCO_17 = Skeleton(
    "COCO-17",
    ("nose", *_SIDES_IN_TURN),
    (
        (15, 13), (13, 11), (16, 14), (14, 12), (11, 12), (5, 11), (6, 12), (5, 6), (5, 7), (6, 8), (7, 9), (8, 10),
        (1, 2), (0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 6),
    ),
)  # fmt: skip
"""The COCO data set's body, also PoseNet's and ViTPose's."""

_TOES = ("left_big_toe", "right_big_toe", "left_small_toe", "right_small_toe", "left_heel", "right_heel")
HALPE_26 = Skeleton("Halpe-26", (*COCO_17.joints, "head", "neck", "mid_hip", *_TOES))
"""RTMPose's body with feet."""

HAND_21 = Skeleton(
    "hand-21",
    (
        "wrist",
        *(
            f"{finger}_{knuckle}"
            for finger in ("thumb", "index", "middle", "ring", "little")
            for knuckle in range(1, 5)
        ),
    ),
    tuple(
        (0 if knuckle == 1 else first + knuckle - 2, first + knuckle - 1)
        for first in range(1, 21, 4)
        for knuckle in range(1, 5)
    ),
)
"""One hand, for either side: mirrored, the left hand's points become the right hand's at the same indices."""

_FACE_PARTS = {
    "jaw": 17, "brow": 10, "nose_bridge": 4, "nose_base": 5, "eye": 12, "outer_lips": 12, "inner_lips": 8, "pupil": 2
}  # fmt: skip
FACE_70 = Skeleton(
    "face-70",
    tuple(f"{part}_{number}" for part, count in _FACE_PARTS.items() for number in range(count)),
    mirrored=(
        *((i, 16 - i) for i in range(8)), *((i, 43 - i) for i in range(17, 22)), (31, 35), (32, 34),
        (36, 45), (37, 44), (38, 43), (39, 42), (40, 47), (41, 46),
        (48, 54), (49, 53), (50, 52), (59, 55), (58, 56), (60, 64), (61, 63), (67, 65), (68, 69),
    ),
)  # fmt: skip
"""OpenPose's face: the usual 68 landmarks and two pupils."""

WHOLE_BODY_133 = Skeleton(
    "COCO-WholeBody-133",
    (
        *COCO_17.joints, *_LEFT_FOOT, *_RIGHT_FOOT, *(f"face_{joint}" for joint in FACE_70.joints[:68]),
        *(f"left_hand_{joint}" for joint in HAND_21.joints), *(f"right_hand_{joint}" for joint in HAND_21.joints),
    ),
    mirrored=tuple((23 + one, 23 + other) for one, other in FACE_70.mirrored if other < 68),
)  # fmt: skip
"""COCO-WholeBody, RTMW's: body, feet, 68 face points, both hands."""

_MEDIAPIPE_PAIRS = (
    "shoulder", "elbow", "wrist", "little", "index", "thumb", "hip", "knee", "ankle", "heel", "foot_index",
)  # fmt: skip
MEDIAPIPE_33 = Skeleton(
    "MediaPipe-33",
    (
        "nose", "left_eye_inner", "left_eye", "left_eye_outer", "right_eye_inner", "right_eye", "right_eye_outer",
        "left_ear", "right_ear", "left_mouth", "right_mouth",
        *(f"{side}_{joint}" for joint in _MEDIAPIPE_PAIRS for side in ("left", "right")),
    ),
)  # fmt: skip
"""MediaPipe's pose landmarker."""
