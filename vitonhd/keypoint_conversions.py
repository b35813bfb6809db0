"""Conversions between body formats: by joint name, with neck and mid-hip derived where the source has none.

The contract that must not break: a derived point is missing when one of its parents is, and has the lower of their
scores; nothing else is made up (preprocessing facts, keypoint conversions).
"""

from __future__ import annotations

from functools import cache

import numpy as np

from vitonhd.arrays import Points
from vitonhd.errors import FormatError
from vitonhd.keypoints import (
    BODY_25,
    COCO_17,
    COCO_18,
    FACE_70,
    HALPE_26,
    HAND_21,
    MEDIAPIPE_33,
    WHOLE_BODY_133,
    Skeleton,
    visible,
)

_BODIES = (BODY_25, COCO_17, COCO_18, HALPE_26, MEDIAPIPE_33, WHOLE_BODY_133)
_PARENTS = {"neck": ("left_shoulder", "right_shoulder"), "mid_hip": ("left_hip", "right_hip")}
_STAND_INS = {"left_big_toe": "left_foot_index", "right_big_toe": "right_foot_index"}  # MediaPipe's only toes
_DRESS_CODE_MISSING = (-1.0, -1.0, 0.0, -1.0)
_DRESS_CODE_SIZE = (384, 512)


@cache
def sources(source: Skeleton, target: Skeleton) -> tuple[tuple[int, ...], ...]:
    """For each target joint the source joints that it is the mean of: one, two, or none (missing)."""
    if source not in _BODIES or target not in _BODIES:
        raise KeyError(f"no conversion from {source.name} to {target.name}; bodies are {[b.name for b in _BODIES]}")
    found: list[tuple[int, ...]] = []
    for joint in target.joints:
        for names in ((joint,), (_STAND_INS.get(joint, joint),), _PARENTS.get(joint, (joint,))):
            if set(names) <= set(source.joints):
                found.append(tuple(source.index(name) for name in names))
                break
        else:
            found.append(())
    return tuple(found)


def convert_points(points: Points, source: Skeleton, target: Skeleton) -> Points:
    """The same bodies in another format: float64 ...xJx3 to ...xKx3; joints that the source lacks are 0, 0, 0.

    Raises KeyError for a format that is no body, FormatError `wrong-keypoints` for a wrong shape or a number that is
    not finite.
    """
    source.check(points)
    there = visible(points)
    converted = np.zeros((*points.shape[:-2], len(target), 3))
    for joint, parents in enumerate(sources(source, target)):
        if not parents:
            continue
        taken = points[..., list(parents), :]
        joined = taken.mean(axis=-2)
        joined[..., 2] = taken[..., 2].min(axis=-1)
        converted[..., joint, :] = np.where(there[..., list(parents)].all(axis=-1, keepdims=True), joined, 0)
    return converted


def split_whole_body(points: Points) -> tuple[Points, Points, Points, Points]:
    """COCO-WholeBody as OpenPose has it: BODY_25, face 70 (no pupils), left and right hand 21; each ...xJx3."""
    body = convert_points(points, WHOLE_BODY_133, BODY_25)
    face = np.zeros((*points.shape[:-2], len(FACE_70), 3))
    face[..., :68, :] = points[..., 23:91, :]
    left = points[..., 91 : 91 + len(HAND_21), :].copy()
    right = points[..., 112 : 112 + len(HAND_21), :].copy()
    return body, face, left, right


def from_dress_code(rows: object, *, size: tuple[int, int] = (768, 1024)) -> Points:
    """Dress Code's 18 rows [x, y, score, number] as COCO-18 points of a picture of `size` (width, height).

    Dress Code stores coordinates of a 384x512 picture and -1, -1, 0, -1 for missing. Raises FormatError
    `wrong-keypoints`.
    """
    try:
        table = np.asarray(rows, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise FormatError("wrong-keypoints", f"Dress Code keypoints are 18 rows of 4 numbers: {error}") from None
    if table.shape != (len(COCO_18), 4) or not np.isfinite(table).all():
        raise FormatError("wrong-keypoints", f"Dress Code keypoints are 18 rows of 4 finite numbers, not {table.shape}")
    points = table[:, :3] * (size[0] / _DRESS_CODE_SIZE[0], size[1] / _DRESS_CODE_SIZE[1], 1)
    points[(table[:, 2] <= 0) | (table[:, :2] < 0).any(axis=1)] = 0
    return points


def to_dress_code(points: Points, *, size: tuple[int, int] = (768, 1024)) -> list[list[float]]:
    """COCO-18 points of a picture of `size` (width, height) as Dress Code's 18 rows, detections counted from 0."""
    COCO_18.check(points)
    if points.ndim != 2:
        raise FormatError("wrong-keypoints", f"Dress Code holds one person, not {points.shape}")
    rows: list[list[float]] = []
    number = 0
    for (x, y, score), there in zip(points.tolist(), visible(points), strict=True):
        if not there or x < 0 or y < 0:
            rows.append(list(_DRESS_CODE_MISSING))
            continue
        rows.append([x * _DRESS_CODE_SIZE[0] / size[0], y * _DRESS_CODE_SIZE[1] / size[1], score, float(number)])
        number += 1
    return rows
