"""Trousers: a tube around the hips that parts at the crotch into a tube for each leg, as grids of level rings.

The contract that must not break: vertices, faces and texture coordinates are the same on every body; the legs share the
hips' lowest ring and the seam between them, so nothing gapes at the crotch.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from studio import folds
from studio.body import PARTS, Body, template
from studio.garments import Garment
from studio.mesh import Floats, Ints
from studio.outline import (
    ANGLES,
    AROUND,
    DIRECTIONS,
    Outline,
    folded_arc,
    in_hip_frame,
    in_world,
    level_on,
    without_arms,
)  # fmt: skip

HIP_ROWS, LEG_ROWS, SEAM = 20, 54, 17
HALF = AROUND // 2
LEG_AROUND = HALF + 1 + SEAM
"""A leg's ring: the outer half of the hips' ring from front to back, then the seam between the legs back to front."""
_HIPS = HIP_ROWS * AROUND
_BELOW = (LEG_ROWS - 1) * LEG_AROUND
_CREASE, _OUTSEAM, _INSEAM = HALF // 4, HALF // 2, HALF + 1 + SEAM // 2
"""Columns of a leg's ring at the front crease and at the seams."""
_APART = 0.003
"""Metres between a leg's cloth and the plane between the legs."""
_PARTING = 0.16
"""Metres below the crotch where a leg has become a tube of its own."""


@cache
def _grid() -> tuple[Ints, Ints, Ints]:
    """Vertex ids of the hips' grid HIP_ROWSxAROUND, and of the left and the right leg's, LEG_ROWSxLEG_AROUND."""
    hips = np.arange(_HIPS).reshape(HIP_ROWS, AROUND)
    seam = _HIPS + np.arange(SEAM)
    left = (_HIPS + SEAM + np.arange(_BELOW)).reshape(-1, LEG_AROUND)
    right = left + _BELOW
    outer = hips[-1, (-np.arange(HALF + 1)) % AROUND]
    return hips, np.vstack([np.append(hips[-1, : HALF + 1], seam), left]), np.vstack([np.append(outer, seam), right])


def vertex_count() -> int:
    return _HIPS + SEAM + 2 * _BELOW


def faces() -> Ints:
    """Triangles, outside counter-clockwise."""
    hips, left, right = _grid()
    return np.concatenate([_strips(hips), _strips(left), _strips(right)[:, ::-1]])


def _strips(grid: Ints) -> Ints:
    a, c = grid[:-1], grid[1:]
    b, d = np.roll(a, -1, axis=1), np.roll(c, -1, axis=1)
    return np.concatenate([np.stack([a, c, b], -1).reshape(-1, 3), np.stack([b, c, d], -1).reshape(-1, 3)])


def hang(body: Body, garment: Garment, clearance: float, *, folded: bool = True) -> Floats:
    """The trousers on a body, Vx3."""
    points = without_arms(body)
    crotch = _crotch(body) - 0.012 - 0.6 * garment.ease
    hips = _hips(points, body, garment, crotch, clearance)
    middle = _middle(body, crotch)
    legs = [_leg(body, garment, side, hips[-1], middle, clearance, folded) for side in (1, -1)]
    _, left, right = _grid()
    vertices = np.zeros((vertex_count(), 3))
    vertices[:_HIPS] = hips.reshape(-1, 3)
    vertices[left.ravel()] = legs[0].reshape(-1, 3)
    vertices[right[1:].ravel()] = legs[1][1:].reshape(-1, 3)
    return in_world(vertices, body)


def _crotch(body: Body) -> float:
    """Height of the lowest point of the trunk."""
    shared = template()
    middle = (np.abs(shared.rest[:, 0]) < 0.004) & (shared.rest[:, 2] > 0.7)
    lowest = np.flatnonzero(middle)[shared.rest[middle, 2].argmin()]
    return float(body.vertices[lowest, 2])


def _middle(body: Body, crotch: float) -> float:
    shared = template()
    near = (np.abs(shared.rest[:, 0]) < 0.004) & (np.abs(body.vertices[:, 2] - crotch) < 0.08)
    return float(in_hip_frame(body)[near, 0].mean())


def _hips(points: Floats, body: Body, garment: Garment, crotch: float, clearance: float) -> Floats:
    waist = float(level_on(body, np.array([garment.waist]))[0])
    bare = Outline.of(points, np.linspace(waist, crotch, HIP_ROWS))
    down = (waist - bare.level)[:, None]
    radius = bare.hanging(0.25).radius + clearance + garment.ease * np.clip((down - 0.03) / 0.15, 0, 1)
    whiskers = folds.on_hips(garment, ANGLES, down, waist - crotch)
    return bare.rings(radius + whiskers)


def _leg(body: Body, garment: Garment, side: int, top: Floats, middle: float, clearance: float, folded: bool) -> Floats:
    """One leg's grid in the hips' frame; `side` is 1 for the left, -1 for the right; `top` the hips' lowest ring."""
    first = _first_ring(top, side, middle)
    joints = body.joints[[12, 13, 14] if side > 0 else [9, 10, 11]]
    rest = template().rest_joints[[12, 13, 14], 2]
    hem = np.interp(garment.hem, rest[::-1], joints[::-1, 2]) + min(garment.hem - rest[2], 0)
    level = np.linspace(top[0, 2], hem, LEG_ROWS)
    bare = _leg_outline(body, side, level)
    start = first[:, :2] - bare.centre[0]
    angle = np.arctan2(start[:, 0], -start[:, 1])
    skin = bare.towards(angle)
    width = _width(garment, level, float(joints[1, 2]), float(bare.radius[4].mean()))
    radius = np.maximum(skin + clearance + 0.3 * garment.ease, width[:, None])
    if folded:
        radius = radius + folds.on_leg(garment, angle * side, level, float(joints[1, 2]))
    flat = bare.centre[:, None] + radius[..., None] * np.stack([np.sin(angle), -np.cos(angle)], axis=1)
    down = np.clip((level[0] - level) / _PARTING, 0, 1)[:, None]
    tube = down * down * (3 - 2 * down)
    rings = np.empty((LEG_ROWS, LEG_AROUND, 3))
    rings[..., :2] = first[:, :2] + (flat - first[:, :2]) * tube[..., None]
    rings[..., 2] = level[:, None] + (first[:, 2] - level[0]) * (1 - tube)
    rings[..., 0] = middle + side * np.maximum(side * (rings[..., 0] - middle), _APART * tube)
    rings[0] = first
    return rings


def _first_ring(top: Floats, side: int, middle: float) -> Floats:
    """A leg's uppermost ring: its half of the hips' lowest, then the seam between the legs."""
    outer = top[(side * np.arange(HALF + 1)) % AROUND]
    share = np.linspace(0, 1, SEAM + 2)[1:-1, None]
    seam = outer[-1] + (outer[0] - outer[-1]) * share
    seam[:, 0] = middle + (seam[:, 0] - middle) * np.abs(2 * share[:, 0] - 1)
    seam[:, 2] -= 0.012 * np.sin(np.pi * share[:, 0])
    return np.concatenate([outer, seam])


def _leg_outline(body: Body, side: int, level: Floats) -> Outline:
    name = "left" if side > 0 else "right"
    weights = template().part_weights[:, [PARTS.index(f"{name}-thigh"), PARTS.index(f"{name}-calf")]].sum(axis=1)
    # A wide slab: the mesh of calves is coarse.
    return Outline.of(in_hip_frame(body)[weights > 0.6], level, 0.04).steadied(12)


def _width(garment: Garment, level: Floats, knee: float, thigh: float) -> Floats:
    """Metres from the leg's axis that the cloth has of itself, by height."""
    assert garment.leg is not None
    at_knee, at_hem = garment.leg
    top = max(thigh + garment.ease, at_knee)
    if level[-1] > knee - 0.05:  # shorts
        return np.interp(level, (level[-1], level[0]), (at_hem, top))
    return np.interp(level, (level[-1], knee, level[0]), (at_hem, at_knee, top))


def texture(vertices: Floats) -> Floats:
    """Texture coordinates of trousers on the mean body: metres across, folded at side and inner seams, and height."""
    hips, left, right = _grid()
    flat = np.zeros((len(vertices), 2))
    flat[:, 1] = vertices[:, 2]
    flat[:_HIPS, 0] = folded_arc(vertices[hips]).ravel()
    for grid, sign in ((left, 1), (right, -1)):
        rings = vertices[grid]
        centre = float(sign * flat[grid[0, _CREASE], 0])
        flat[grid[1:], 0] = sign * (centre + _arc(rings)[1:])
    flat[left[0, HALF + 1 :], 0] = 0.0
    return flat


def _arc(rings: Floats) -> Floats:
    """Metres from the front crease: positive to the side seam, negative to the inner seam; behind, the same again."""
    length = np.linalg.norm(np.diff(np.concatenate([rings, rings[:, :1]], axis=1)[..., :2], axis=1), axis=2)
    place = np.concatenate([np.zeros((len(rings), 1)), np.cumsum(length, axis=1)], axis=1)
    total, behind = place[:, -1:], HALF - _CREASE
    place = place[:, :-1] - place[:, _CREASE, None]
    inner, outer = place[:, _INSEAM, None] - total, place[:, _OUTSEAM, None]
    back = place[:, behind, None]
    column = np.arange(LEG_AROUND)
    beyond = np.where(column <= behind, outer * (back - place) / np.maximum(back - outer, 1e-6),
                      inner * (place - back) / np.maximum(inner + total - back, 1e-6))  # fmt: skip
    front = np.where(column > _INSEAM, place - total, place)
    arc: Floats = np.where((column <= _OUTSEAM) | (column >= _INSEAM), front, beyond)
    return arc


def front() -> Floats:
    """1 on the front, 0 behind, for each vertex."""
    hips, left, right = _grid()
    ahead = np.zeros(vertex_count())
    ahead[hips] = (DIRECTIONS[:, 1] < 0).astype(float)
    column = np.arange(LEG_AROUND)
    for grid in (left, right):
        ahead[grid[1:]] = ((column < _OUTSEAM) | (column > _INSEAM)).astype(float)
    return ahead
