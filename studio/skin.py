"""The body's skin, finer: what tops are cut from.

The contract that must not break: every fine vertex is a fixed mixture of the body's vertices, so whatever is known on
the body (position in any pose, place at rest) is known on the fine skin, and smooth there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from studio.body import HANDS, HEAD, LEGS, Template, template
from studio.mesh import Cut, Floats, Ints, Mixture, Neighbours, cut, loop


@dataclass(frozen=True)
class Skin:
    """One Loop subdivision of the body."""

    refine: Mixture
    """From values at the body's vertices to values at the skin's."""
    faces: Ints
    """Those of trunk, neck and arms."""
    rest: Floats
    rest_normals: Floats
    arm: Floats
    """How far a vertex belongs to an arm, smooth: 0.5 is the armhole."""
    along: Floats
    """0 at the shoulder, 1 at the wrist."""

    def cut(self, field: Floats) -> Cut:
        """The part where `field` (one value per vertex of the skin) is above 0."""
        return cut(self.faces, field)


@cache
def skin() -> Skin:
    """The skin of every body."""
    shared = template()
    refine, faces = loop(shared.faces, len(shared.rest))
    outside = shared.part_weights[:, [HEAD, *HANDS]].sum(axis=1) + shared.part_weights[:, LEGS].sum(axis=1) * (
        shared.rest[:, 2] < 0.72
    )
    allowed = np.repeat(outside[shared.faces].max(axis=1) < 0.5, 4)
    whole = Neighbours.of(shared.faces, len(shared.rest))
    arm = refine(whole.smooth(shared.arm_weight[:, None], 6)[:, 0])
    normals = refine(shared.rest_normals)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    return Skin(refine, faces[allowed], refine(shared.rest), normals, arm, refine(arm_share(shared)))


def arm_share(shared: Template) -> Floats:
    """How far down the arm each vertex of the mean body is: 0 at the shoulder, 1 at the wrist, both sides alike."""
    points = np.abs(shared.rest * (1, 0, 0)) + shared.rest * (0, 1, 1)
    shoulder, elbow, wrist = shared.rest_joints[5], shared.rest_joints[6], shared.rest_joints[7]
    upper, lower = np.linalg.norm(elbow - shoulder), np.linalg.norm(wrist - elbow)
    first = (points - shoulder) @ (elbow - shoulder) / upper
    second = (points - elbow) @ (wrist - elbow) / lower
    along: Floats = np.where(first < upper, first, upper + np.maximum(second, 0)) / (upper + lower)
    return along
