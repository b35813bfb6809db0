"""The convex outline of a body part at many heights: what cloth that hangs can't be narrower than.

The contract that must not break: angles are counted from the person's front (0) to the person's left (a quarter turn),
in a frame that turns with the hips.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from studio.body import ARMS, FEET, Body, template
from studio.mesh import Floats

AROUND = 120
ANGLES = np.arange(AROUND) / AROUND * 2 * np.pi
DIRECTIONS = np.stack([np.sin(ANGLES), -np.cos(ANGLES)], axis=1)
"""Unit vectors of the angles, AROUNDx2."""
_FACING = np.cos(ANGLES[:, None] - ANGLES[None])
_LANDMARKS = (1, 8, 10, 11)  # neck, mid-hip, knee, ankle in BODY_25


def heading(body: Body) -> Floats:
    """The 2x2 turn from the hips' frame (x to the person's left, -y to the front) to the world's."""
    across = (body.joints[12] - body.joints[9])[:2]
    across = across / np.linalg.norm(across)
    return np.array([[across[0], -across[1]], [across[1], across[0]]])


def in_hip_frame(body: Body) -> Floats:
    """The body's vertices in the hips' frame, Vx3."""
    turned = body.vertices.copy()
    turned[:, :2] = turned[:, :2] @ heading(body)
    return turned


def in_world(points: Floats, body: Body) -> Floats:
    """Points ...x3 of the hips' frame in the world's."""
    turned: Floats = np.concatenate([points[..., :2] @ heading(body).T, points[..., 2:]], axis=-1)
    return turned


def without_arms(body: Body, *, feet: bool = True) -> Floats:
    """The vertices in the hips' frame that are of no arm (and of no foot), Nx3."""
    left_out = ARMS if feet else (*ARMS, *FEET)
    found: Floats = in_hip_frame(body)[template().part_weights[:, left_out].sum(axis=1) < 0.1]
    return found


def level_on(body: Body, height: Floats) -> Floats:
    """Heights on the mean body at rest carried over to a body by its neck, hips, knees and ankles."""
    rest = template().rest_joints[list(_LANDMARKS), 2]
    here = body.joints[list(_LANDMARKS), 2]
    here[2:] = (body.joints[[10, 11], 2] + body.joints[[13, 14], 2]) / 2
    level = np.interp(height, rest[::-1], here[::-1])
    carried: Floats = level + np.minimum(height - rest[-1], 0) + np.maximum(height - rest[0], 0)
    return carried


@dataclass(frozen=True)
class Outline:
    """Convex outlines at L levels, from above."""

    level: Floats
    """L metres, falling."""
    centre: Floats
    """Lx2."""
    radius: Floats
    """LxAROUND metres from the centre."""

    @classmethod
    def of(cls, points: Floats, level: Floats, slab: float | Floats = 0.025) -> Outline:
        """Of points Nx3; a level sees what is nearer than `slab` metres (one for all, or one each)."""
        reach = np.broadcast_to(slab, level.shape)
        centre, radius = np.zeros((len(level), 2)), np.zeros((len(level), AROUND))
        for row, z in enumerate(level):
            near = points[np.abs(points[:, 2] - z) < reach[row]][:, :2]
            if len(near) == 0:
                centre[row], radius[row] = centre[row - 1], radius[row - 1]
                continue
            centre[row] = (near.min(axis=0) + near.max(axis=0)) / 2
            far = ((near - centre[row]) @ DIRECTIONS.T).max(axis=0)
            radius[row] = np.where(_FACING > 0.05, far[None] / np.maximum(_FACING, 0.05), np.inf).min(axis=1)
        smooth = smooth_rows(centre)
        return cls(level, smooth, smooth_rows(_smooth_around(_seen_from(smooth, centre, radius))))

    def steadied(self, rounds: int) -> Outline:
        """The same with centres that change slowly from level to level."""
        centre = self.centre
        for _ in range(rounds):
            centre = smooth_rows(centre)
        return Outline(self.level, centre, _seen_from(centre, self.centre, self.radius))

    def hanging(self, cling: float) -> Outline:
        """What hangs from it: coming down it narrows by no more than `cling` metres per metre."""
        radius = self.radius.copy()
        for row in range(1, len(radius)):
            drop = self.level[row - 1] - self.level[row]
            radius[row] = np.maximum(radius[row], radius[row - 1] - cling * drop)
        return Outline(self.level, self.centre, smooth_rows(radius))

    def rings(self, radius: Floats) -> Floats:
        """Points LxAROUNDx3 at the given radii (LxAROUND)."""
        ring = self.centre[:, None] + radius[..., None] * DIRECTIONS
        return np.concatenate([ring, np.broadcast_to(self.level[:, None, None], (*radius.shape, 1))], axis=2)

    def towards(self, angle: Floats) -> Floats:
        """The radii at angles (A) in radians, LxA."""
        turn = (angle / (2 * np.pi) * AROUND) % AROUND
        low = np.floor(turn).astype(np.int64)
        part = turn - low
        radii: Floats = self.radius[:, low % AROUND] * (1 - part) + self.radius[:, (low + 1) % AROUND] * part
        return radii

    def around(self, points: Floats) -> tuple[Floats, Floats]:
        """Of points Nx3 at their own height: centre Nx2 and outline radius N towards them."""
        row = np.interp(-points[:, 2], -self.level, np.arange(len(self.level)))
        low = np.minimum(row.astype(np.int64), len(self.level) - 2)
        part = (row - low)[:, None]
        centre = self.centre[low] * (1 - part) + self.centre[low + 1] * part
        away = points[:, :2] - centre
        turn = np.arctan2(away[:, 0], -away[:, 1]) / (2 * np.pi) * AROUND
        left = np.floor(turn).astype(np.int64)
        share = turn - left
        i, j, part = left % AROUND, (left + 1) % AROUND, part[:, 0]
        upper = self.radius[low, i] * (1 - share) + self.radius[low, j] * share
        lower = self.radius[low + 1, i] * (1 - share) + self.radius[low + 1, j] * share
        return centre, upper * (1 - part) + lower * part


def _seen_from(here: Floats, centre: Floats, radius: Floats) -> Floats:
    moved: Floats = radius + (centre - here) @ DIRECTIONS.T
    return moved


def _smooth_around(radius: Floats) -> Floats:
    for _ in range(3):
        radius = (np.roll(radius, 1, axis=1) + 2 * radius + np.roll(radius, -1, axis=1)) / 4
    return radius


def smooth_rows(values: Floats) -> Floats:
    """Means over five rows; the first row keeps its place."""
    before = [2 * values[:1] - values[2:3], 2 * values[:1] - values[1:2]]
    padded = np.concatenate([*before, values, values[-1:], values[-1:]])
    smoothed: Floats = sum(padded[i : i + len(values)] for i in range(5)) / 5  # type: ignore[assignment]
    return smoothed


def folded_arc(rings: Floats) -> Floats:
    """Metres across from the centre front, LxAROUND: grows to the side seam, and falls behind it to the centre back.

    So patterns meet at the side seams as they do on sewn cloth, and no triangle spans a jump.
    """
    closed = np.concatenate([rings, rings[:, :1]], axis=1)
    length = np.linalg.norm(np.diff(closed[..., :2], axis=1), axis=2)
    half, side = AROUND // 2, AROUND // 4
    left = np.concatenate([np.zeros((len(rings), 1)), np.cumsum(length[:, :half], axis=1)], axis=1)
    right = np.concatenate([np.zeros((len(rings), 1)), np.cumsum(length[:, half:][:, ::-1], axis=1)], axis=1)
    across = np.zeros(rings.shape[:2])
    across[:, : half + 1] = _folded(left, side)
    across[:, half + 1 :] = -_folded(right, side)[:, 1:-1][:, ::-1]
    return across


def _folded(arc: Floats, side: int) -> Floats:
    behind = (arc[:, -1:] - arc) * arc[:, side, None] / np.maximum(arc[:, -1:] - arc[:, side, None], 1e-6)
    return np.where(np.arange(arc.shape[1]) <= side, arc, behind)
