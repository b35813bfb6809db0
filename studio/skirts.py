"""Skirts: a tube that hangs around hips and both legs, as a grid of level rings.

The contract that must not break: the grid has ROWS x AROUND vertices on every body; ring row r at angle a is the same
point of cloth everywhere.
"""

from __future__ import annotations

import numpy as np

from studio.body import ARMS, Body, template
from studio.garments import Garment
from studio.mesh import Floats, Ints

ROWS = 44
AROUND = 120
_SLAB = 0.03
_LANDMARKS = (1, 8, 10, 11)  # neck, mid-hip, knee, ankle in BODY_25

_ANGLES = np.arange(AROUND) / AROUND * 2 * np.pi
"""0 is the front (-y), a quarter on is the person's left (+x)."""
_DIRECTIONS = np.stack([np.sin(_ANGLES), -np.cos(_ANGLES)], axis=1)


def faces() -> Ints:
    """The tube's triangles, outside counter-clockwise."""
    row, column = np.meshgrid(np.arange(ROWS - 1), np.arange(AROUND), indexing="ij")
    a, b = row * AROUND + column, row * AROUND + (column + 1) % AROUND
    c, d = a + AROUND, b + AROUND
    return np.concatenate([np.stack([a, c, b], -1).reshape(-1, 3), np.stack([b, c, d], -1).reshape(-1, 3)])


def texture(tube: Floats) -> Floats:
    """Texture coordinates of a tube ROWSxAROUNDx3: metres around from the front, and height."""
    radius = np.hypot(*(tube[..., :2] - tube[..., :2].mean(axis=1, keepdims=True)).transpose(2, 0, 1))
    around = np.where(np.pi < _ANGLES, _ANGLES - 2 * np.pi, _ANGLES)
    return np.stack([radius.mean(axis=1, keepdims=True) * around, tube[..., 2]], axis=-1).reshape(-1, 2)


def hang(body: Body, garment: Garment, clearance: float, *, pleated: bool = True) -> Floats:
    """The tube on a body, ROWSxAROUNDx3: the convex outline of hips and legs, eased, flared, never narrower below."""
    assert garment.skirt is not None
    shared = template()
    heights = np.linspace(garment.waist, garment.skirt, ROWS)
    # Landmark heights carry a height on the mean body over to this body.
    rest = shared.rest_joints[list(_LANDMARKS), 2]
    here = body.joints[list(_LANDMARKS), 2]
    here[2:] = (body.joints[[10, 11], 2] + body.joints[[13, 14], 2]) / 2
    level = np.interp(heights, rest[::-1], here[::-1])
    level = level + np.minimum(heights - rest[-1], 0) + np.maximum(heights - rest[0], 0)
    points = body.vertices[shared.part_weights[:, ARMS].sum(axis=1) < 0.1]
    centre = np.stack([_centre(points, z) for z in level])
    radius = np.stack([_outline(points, z, middle) for z, middle in zip(level, centre, strict=True)])
    down = garment.waist - heights
    tight = max(0.0, 0.12 - garment.flare) / 0.12
    wide = radius.copy()
    for row in range(1, ROWS):
        wide[row] = np.maximum(wide[row], wide[row - 1] - tight * 0.004)
    wide = _smooth_rows(wide) + clearance + garment.ease * np.clip(down / 0.2, 0, 1)[:, None]
    wide += garment.flare * np.maximum(down - 0.12, 0)[:, None]
    if pleated and garment.pleats:
        phase = (garment.pattern.seed % 628) / 100
        waves = np.sin(11 * _ANGLES + phase) + 0.5 * np.sin(17 * _ANGLES + 2 * phase)
        wide *= 1 + garment.pleats * (down / down[-1])[:, None] * waves
    ring = _smooth_rows(centre)[:, None, :] + wide[..., None] * _DIRECTIONS
    return np.concatenate([ring, np.broadcast_to(level[:, None, None], (ROWS, AROUND, 1))], axis=2)


def _slab(points: Floats, z: float) -> Floats:
    near: Floats = points[np.abs(points[:, 2] - z) < _SLAB][:, :2]
    return near


def _centre(points: Floats, z: float) -> Floats:
    near = _slab(points, z)
    middle: Floats = (near.min(axis=0) + near.max(axis=0)) / 2
    return middle


def _outline(points: Floats, z: float, centre: Floats) -> Floats:
    """The radius of the convex hull of the body at a height, for each angle around `centre`."""
    reach = ((_slab(points, z) - centre) @ _DIRECTIONS.T).max(axis=0)
    facing = np.cos(_ANGLES[:, None] - _ANGLES[None])
    away: Floats = np.where(facing > 0.05, reach[None] / np.maximum(facing, 0.05), np.inf).min(axis=1)
    return away


def _smooth_rows(values: Floats) -> Floats:
    before = [2 * values[:1] - values[2:3], 2 * values[:1] - values[1:2]]  # so that the waistband keeps its place
    padded = np.concatenate([*before, values, values[-1:], values[-1:]])
    smoothed: Floats = sum(padded[i : i + len(values)] for i in range(5)) / 5  # type: ignore[assignment]
    return smoothed
