"""A pose network's joints as a stored person: sure joints only, inside the picture, as BODY_25.

The contract that must not break: a joint below the lowest score, or outside the picture, is missing (0, 0, 0), and so
is what would be derived from it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from preprocess.backends.interfaces import Box
from preprocess.errors import PreprocessError
from vitonhd.arrays import Picture, Points
from vitonhd.keypoint_conversions import convert_points, split_whole_body
from vitonhd.keypoints import BODY_25, COCO_17, HALPE_26, WHOLE_BODY_133, visible
from vitonhd.openpose_json import Person

LOWEST_SCORE = 0.3
_SKELETONS = {len(skeleton): skeleton for skeleton in (COCO_17, HALPE_26, WHOLE_BODY_133)}


def person_of(
    places: npt.ArrayLike, scores: npt.ArrayLike, height: int, width: int, *, lowest_score: float = LOWEST_SCORE
) -> Person | None:
    """A person from Jx2 places in pixels and J scores, J 17 (COCO), 26 (Halpe) or 133 (whole body); None without any.

    Scores above 1, which RTMPose may give, are stored as 1. Raises PreprocessError for another J.
    """
    points = _sure(np.asarray(places, np.float64), np.asarray(scores, np.float64), height, width, lowest_score)
    if len(points) not in _SKELETONS:
        raise PreprocessError(f"a pose of {len(points)} joints; known are {sorted(_SKELETONS)}")
    skeleton = _SKELETONS[len(points)]
    if skeleton is WHOLE_BODY_133:
        body, face, left, right = split_whole_body(points)
        return _person(body, face, left, right)
    return _person(convert_points(points, skeleton, BODY_25))


def _person(
    body: Points, face: Points | None = None, left: Points | None = None, right: Points | None = None
) -> Person | None:
    if not visible(body).any():
        return None
    return Person.of(body, face=face, left_hand=left, right_hand=right)


def _sure(
    places: npt.NDArray[np.float64], scores: npt.NDArray[np.float64], height: int, width: int, lowest_score: float
) -> Points:
    points = np.concatenate([places.reshape(-1, 2), scores.reshape(-1, 1)], 1)
    with np.errstate(invalid="ignore"):
        inside = ((points[:, :2] >= 0) & (points[:, :2] <= (width - 1, height - 1))).all(1)
        sure = inside & (points[:, 2] >= lowest_score) & (points[:, 2] > 0)
    points[:, 2] = points[:, 2].clip(max=1)
    return np.where(sure[:, None], points, 0.0)


def boxes_of(pictures: Sequence[Picture], boxes: Sequence[Box] | None) -> list[Box]:
    """The given boxes, or each whole picture. Raises PreprocessError when they are not as many as the pictures."""
    if boxes is None:
        return [(0.0, 0.0, float(picture.shape[1]), float(picture.shape[0])) for picture in pictures]
    if len(boxes) != len(pictures):
        raise PreprocessError(f"{len(boxes)} boxes for {len(pictures)} pictures")
    return list(boxes)
