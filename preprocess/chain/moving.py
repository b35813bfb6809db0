"""A sight in other pixels: of the photo that was reduced for looking, or of the framed picture.

The contract that must not break: every part goes the same way; a joint that leaves the picture is missing there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from preprocess.backends.interfaces import DensePose
from preprocess.intake.framing import mask_box
from preprocess.student.student import Sight
from vitonhd.arrays import Points
from vitonhd.keypoints import visible
from vitonhd.openpose_json import Person

Plane = npt.NDArray[Any]
"""HxW of any kind."""
MovePlane = Callable[[Plane], Plane]
MovePoints = Callable[[Points], Points]


def moved_sight(sight: Sight, move_plane: MovePlane, move_points: MovePoints) -> Sight:
    """The sight with every plane and all points moved; points beyond the new picture are missing."""
    parse = move_plane(sight.parse)
    height, width = parse.shape

    def move(points: Points) -> Points:
        moved = move_points(points)
        inside = ((moved[:, :2] >= 0) & (moved[:, :2] <= (width - 1, height - 1))).all(axis=1)
        moved[~(inside & visible(moved))] = 0
        return moved

    return Sight(
        parse,
        None if sight.densepose is None else _moved_surface(sight.densepose, move_plane),
        None if sight.person is None else moved_person(sight.person, move),
        move_plane(sight.person_mask),
        move_plane(sight.garment_mask),
    )


def moved_person(person: Person, move: MovePoints) -> Person | None:
    """The person with body, face and hands moved; None where no joint of the body is left."""
    body = move(person.body)
    if not visible(body).any():
        return None
    rest = {"face": person.face, "left_hand": person.left_hand, "right_hand": person.right_hand}
    return Person.of(body, **{part: None if points is None else move(points) for part, points in rest.items()})


def _moved_surface(surface: DensePose, move_plane: MovePlane) -> DensePose | None:
    """None where nothing of it is left."""
    labels = move_plane(surface.labels)
    box = mask_box(labels > 0)
    if box is None:
        return None
    uv = np.stack([move_plane(plane) for plane in surface.uv])
    sides = (float(box.left), float(box.top), float(box.right), float(box.bottom))
    return replace(surface, labels=labels, uv=uv, box=sides)
