"""What is sewn onto a top: a shirt's collar, a hood that lies behind the neck, a kangaroo pocket.

The contract that must not break: each is fixed to the same vertices of the skin on every body, so it moves with the
cloth below it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from studio.garments import Garment
from studio.mesh import Cut, Floats, Ints
from studio.necklines import ARM_LENGTH, neck_field
from studio.skin import skin

LIFT = 0.006
"""Metres between two layers of cloth."""


@dataclass(frozen=True)
class Patch:
    """A piece of cloth that lies on the garment."""

    piece: Cut
    lift: Floats
    """Metres above the cloth below, at the piece's vertices."""
    edge: Floats
    """Metres to its own edge; times _STITCHED on what lies on the garment."""


_STITCHED = 2.5
"""Hems are stitched 16 mm from the edge, patches this many times nearer."""


def patches(garment: Garment, cloth: Floats, texture: Floats) -> list[Patch]:
    """The pieces that lie on a garment, drawn on its cloth over the skin's vertices, on the mean body at rest."""
    across, y, z = texture[:, 0], cloth[:, 1], cloth[:, 2]
    if garment.neck == "collar":
        return [
            _leaves(cloth), _placket(across, y, z, garment.hem), _cuffs(garment.sleeve or 1.0),
            _chest_pocket(across, y, z),
        ]  # fmt: skip
    return [_pocket(garment, across, y, z)] if garment.family == "hoodie" else []


def _patch(field: Floats, lift: float | Floats) -> Patch:
    piece = skin().cut(field)
    return Patch(piece, piece.carry(np.zeros(len(field)) + lift), _STITCHED * np.maximum(piece.carry(field), 0))


def _leaves(cloth: Floats) -> Patch:
    """Both leaves of a shirt's collar: from the fold round the neck down onto shoulders and chest, with two points."""
    shared = skin()
    x, y, z = cloth.T
    across, front = np.abs(x), np.clip(-y / 0.05, 0, 1)
    fold = 1.597 + 0.42 * (y - 0.06) - z
    crew = 1.555 + 0.48 * (y - 0.06) + 13 * np.maximum(across - 0.03, 0) ** 2
    drop = 0.042 + front * np.clip(0.2 * across, 0, 0.02)
    lower = z - (crew - drop)
    spread = across - 0.016 - 0.55 * np.maximum(1.515 - z, 0)
    field = np.minimum(np.minimum(fold, lower), np.where(y < 0, spread, 0.3))
    field = np.where(shared.arm > 0.4, -0.05, field)
    roll = np.exp(-((fold / 0.02) ** 2))
    return _patch(field, LIFT + 0.004 * roll + 0.002)


def _placket(across: Floats, y: Floats, z: Floats, hem: float) -> Patch:
    """The strip that the buttons are on, from collar to hem."""
    field = np.minimum(np.minimum(0.0148 - np.abs(across), -0.02 - y), np.minimum(z - hem - 0.002, 1.452 - z))
    return _patch(field, 0.0022)


def _cuffs(end: float) -> Patch:
    shared = skin()
    along = (shared.along - end) * ARM_LENGTH
    return _patch(np.where(shared.arm > 0.8, np.minimum(-along, along + 0.062), -0.05), 0.003)


def _chest_pocket(across: Floats, y: Floats, z: Floats) -> Patch:
    field = np.minimum(np.minimum(0.046 - np.abs(across - 0.085), -0.02 - y), np.minimum(1.372 - z, z - 1.268))
    return _patch(field, 0.0022)


def _pocket(garment: Garment, across: Floats, y: Floats, z: Floats) -> Patch:
    """A hoodie's pocket on the belly, with slanted openings."""
    up = z - garment.hem - 0.075
    side = np.where(up < 0.05, 0.155, 0.155 - 0.6 * (up - 0.05)) - np.abs(across)
    field = np.minimum(np.minimum(up, 0.165 - up), np.minimum(side, -0.005 - y))
    return _patch(np.where(skin().arm > 0.2, -0.05, field), LIFT - 0.001)


HOOD_AROUND, HOOD_ROWS = 72, 15
_PROFILE = np.array([(-0.003, -0.026), (0.008, 0.002), (0.034, 0.016), (0.052, 0.034), (0.054, 0.056), (0.036, 0.072),
                     (0.012, 0.070), (-0.004, 0.050), (0.0, 0.024)])  # fmt: skip
"""A hood's cross-section at the nape: metres outwards and upwards of the seam."""


_UNDER = 0.022
"""How far the cloth reaches up under the hood, metres."""


@cache
def _seam() -> Ints:
    """The skin's vertices nearest to a hoodie's neckline, by angle around the neck from the front."""
    shared = skin()
    x, y, z = shared.rest.T
    field = neck_field("hood", x, y, z) - _UNDER
    used = np.unique(shared.faces)
    near = used[(np.abs(field[used]) < 0.02) & (shared.arm[used] < 0.3)]
    centre = (0.0, 0.0)
    turn = np.arctan2(x[near] - centre[0], -(y[near] - centre[1]))
    angles = np.arange(HOOD_AROUND) / HOOD_AROUND * 2 * np.pi
    gap = np.abs((turn[:, None] - angles + np.pi) % (2 * np.pi) - np.pi)
    picked: Ints = near[(gap + 12 * np.abs(field[near])[:, None]).argmin(axis=0)]
    return picked


def hood(cloth: Floats) -> Floats:
    """A hood's vertices HOOD_ROWSxHOOD_AROUNDx3, for cloth over the skin's vertices."""
    seam = cloth[_seam()]
    for _ in range(12):
        seam = (np.roll(seam, 1, 0) + 2 * seam + np.roll(seam, -1, 0)) / 4
    angles = np.arange(HOOD_AROUND) / HOOD_AROUND * 2 * np.pi
    centre = seam.mean(axis=0)
    out = seam - centre
    out[:, 2] = 0
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    behind = (1 - np.cos(angles)) / 2
    size = 0.20 + 0.95 * np.clip(behind, 0, 1) ** 0.75
    wrinkle = 1 + 0.03 * np.sin(3 * angles + 0.4) + 0.02 * np.sin(7 * angles + 1)
    place = np.linspace(0, len(_PROFILE) - 1, HOOD_ROWS)
    profile = np.stack([np.interp(place, np.arange(len(_PROFILE)), axis) for axis in _PROFILE.T], axis=1)
    profile[1:-1] = (profile[:-2] + 2 * profile[1:-1] + profile[2:]) / 4
    tall = size * (0.9 + 0.25 * behind)
    outwards = out * (profile[:, :1] * size * wrinkle)[..., None]
    upwards = np.array([0, 0, 1.0]) * (profile[:, 1:] * tall * wrinkle)[..., None]
    rings: Floats = seam + outwards + upwards
    return rings


def hood_faces() -> Ints:
    """Triangles, outside counter-clockwise."""
    row, column = np.meshgrid(np.arange(HOOD_ROWS - 1), np.arange(HOOD_AROUND), indexing="ij")
    a, b = row * HOOD_AROUND + column, row * HOOD_AROUND + (column + 1) % HOOD_AROUND
    c, d = a + HOOD_AROUND, b + HOOD_AROUND
    return np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([b, d, c], -1).reshape(-1, 3)])


def hood_texture(vertices: Floats) -> Floats:
    """Px2 metres around the neck from the front, and across the hood upwards from the seam's height."""
    angles = np.arange(HOOD_AROUND) / HOOD_AROUND * 2 * np.pi
    turn = np.minimum(angles, 2 * np.pi - angles) * np.where(angles > np.pi, -1, 1)
    turn = np.where(np.abs(turn) > np.pi / 2, np.sign(turn) * np.pi - turn, turn)
    up = np.linalg.norm(np.diff(vertices, axis=0, prepend=vertices[:1]), axis=2).mean(axis=1).cumsum()
    flat = np.stack(np.broadcast_arrays(0.09 * turn[None], 1.52 + up[:, None]), axis=-1)
    return flat.reshape(-1, 2)
