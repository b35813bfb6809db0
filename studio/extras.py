"""Hair and shoes: simple shells of the head and the feet, and hair that hangs.

The contract that must not break: shells are cut from the mean body at rest and follow every body.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from studio.body import EYE, FEET, HEAD, NECK, Body, template
from studio.mesh import Cut, Flags, Floats, Ints, Neighbours, cut, vertex_normals

_ROWS, _AROUND = 24, 64
_SHORT = {"cropped": 0.009, "short": 0.028, "bob": 0.024, "long": 0.022}
_SHOE_ROWS, _SHOE_AROUND = 26, 32
_SHOE_TOP = 0.085
"""Height at rest up to which a shoe covers the foot, metres."""
_LENGTH = {"bob": (0.13, 0.20), "long": (0.28, 0.42)}


@dataclass(frozen=True)
class Shell:
    """A mesh over the body, and which of the body's faces it hides."""

    vertices: Floats
    normals: Floats
    faces: Ints
    texture: Floats
    """Px2: for hair along and across strands; for shoes metres at rest."""
    hidden: Flags


def shoes(body: Body) -> Shell:
    """Both shoes: rings around each foot from heel to toe, each the convex outline of the foot there."""
    sides = [_shoe(body, *indices) for indices in ((FEET[0], 21, 19, 20), (FEET[1], 24, 22, 23))]
    vertices = np.concatenate([vertices for vertices, _ in sides])
    half = len(sides[0][0])
    faces = np.concatenate([_shoe_faces(), _shoe_faces() + half])
    height = vertices[:, 2]
    texture = np.stack([np.repeat([1.0, -1.0], half), height - height.min()], axis=1)
    foot = template().part_weights[:, FEET].sum(axis=1)
    hidden = _hidden(np.where(foot > 0.5, _SHOE_TOP - template().rest[:, 2], -1), 0.02)
    return Shell(vertices, vertex_normals(vertices, faces), faces, texture, hidden)


def _shoe(body: Body, foot: int, heel: int, big_toe: int, small_toe: int) -> tuple[Floats, Floats]:
    shared = template()
    mine = (shared.part_weights[:, foot] > 0.3) & (shared.rest[:, 2] < _SHOE_TOP)
    forward = (body.joints[big_toe] + body.joints[small_toe]) / 2 - body.joints[heel]
    forward[2] = 0
    forward /= np.linalg.norm(forward)
    aside = np.array([-forward[1], forward[0], 0])
    along, across, height = (body.vertices[mine] @ axis for axis in (forward, aside, np.array([0, 0, 1.0])))
    angles = np.arange(_SHOE_AROUND) / _SHOE_AROUND * 2 * np.pi
    directions = np.stack([np.cos(angles), np.sin(angles)])
    places = np.linspace(along.min() - 0.008, along.max() + 0.012, _SHOE_ROWS)
    rings = []
    for place in places:
        near = np.abs(along - place) < 0.025
        middle = np.array([(across[near].min() + across[near].max()) / 2, height[near].min() + 0.025])
        reach = ((np.stack([across[near], height[near]], axis=1) - middle) @ directions).max(axis=0)
        facing = np.cos(angles[:, None] - angles[None])
        radius = np.where(facing > 0.1, reach[None] / np.maximum(facing, 0.1), np.inf).min(axis=1)
        end = min(1.0, ((place - places[0]) / 0.02) ** 0.5, ((places[-1] - place) / 0.03) ** 0.5)
        rings.append((middle + (directions * (radius + 0.007) * max(end, 0.05)).T, place))
    points = np.stack([ring[:, :1] * aside + ring[:, 1:] * np.array([0, 0, 1.0]) + place * forward
                       for ring, place in rings])  # fmt: skip
    for _ in range(2):
        points[1:-1] = (points[:-2] + 2 * points[1:-1] + points[2:]) / 4
    points[..., 2] = np.maximum(points[..., 2], body.vertices[mine][:, 2].min() - 0.004)
    return points.reshape(-1, 3), angles


def _shoe_faces() -> Ints:
    row, column = np.meshgrid(np.arange(_SHOE_ROWS - 1), np.arange(_SHOE_AROUND), indexing="ij")
    a, b = row * _SHOE_AROUND + column, row * _SHOE_AROUND + (column + 1) % _SHOE_AROUND
    c, d = a + _SHOE_AROUND, b + _SHOE_AROUND
    return np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([b, d, c], -1).reshape(-1, 3)])


def hair(body: Body, style: str, seed: int) -> Shell:
    """Hair of a style of HAIR_STYLES."""
    piece, field, neighbours = _hair_piece()
    thickness = _SHORT[style] * np.clip(piece.carry(field) / 0.05, 0.2, 1)
    skin = neighbours.smooth(piece.carry(body.vertices), 4)
    normals = neighbours.smooth(piece.carry(body.normals), 12)
    rest = piece.carry(template().rest)
    angle = np.arctan2(rest[:, 0], rest[:, 1] + 0.03)
    bumps = 1 + 0.15 * np.sin(9 * angle + seed % 7)
    vertices = neighbours.smooth(skin + normals * (thickness * bumps)[:, None], 3)
    outwards, scalp = piece.carry(body.normals), piece.carry(body.vertices)
    gap = ((vertices - scalp) * outwards).sum(axis=1)
    vertices = vertices + outwards * np.maximum(0.004 - gap, 0)[:, None]
    faces, texture = piece.faces, np.stack([angle * 9, rest[:, 2] * 8], axis=1)
    if style in _LENGTH:
        hanging, across = _hanging(body, style, seed)
        faces = np.concatenate([faces, _grid_faces() + len(vertices)])
        texture = np.concatenate([texture, across])
        vertices = np.concatenate([vertices, hanging])
    return Shell(vertices, vertex_normals(vertices, faces), faces, texture, _hidden(field, 0.022))


def _hanging(body: Body, style: str, seed: int) -> tuple[Floats, Floats]:
    """Hair around the back and sides of the head, falling straight down from above the ears."""
    rng = np.random.default_rng([seed, 3])
    length, reach = rng.uniform(*_LENGTH[style]), 1.95
    angle = np.linspace(-reach, reach, _AROUND)[None]
    down = np.linspace(0, 1, _ROWS)[:, None]
    ears = (body.joints[17] + body.joints[18]) / 2
    forward = body.head[:3, :3] @ np.array([0, -1, 0])
    yaw = np.arctan2(forward[0], -forward[1])
    width = np.linalg.norm(body.joints[17] - body.joints[18]) / 2
    bulge = 0.018 * np.sin(np.pi * np.clip(down * 1.3, 0, 1)) - (0.012 * down if style == "bob" else 0)
    wave = 0.004 * np.sin(13 * angle + seed % 11) * down
    across = (width + 0.016 + bulge + wave) * np.sin(angle)
    behind = (width + 0.036 + bulge + wave) * np.cos(angle) + 0.012
    top = ears[2] + 0.055 + 0.02 * np.cos(angle)
    height = top - length * down * (1 + 0.06 * np.cos(angle)) - 0.055 * down
    x = ears[0] + across * np.cos(yaw) - behind * np.sin(yaw)
    y = ears[1] + across * np.sin(yaw) + behind * np.cos(yaw)
    vertices = np.stack(np.broadcast_arrays(x, y, height), axis=-1).reshape(-1, 3)
    strands = np.stack(np.broadcast_arrays(angle * 9, height * 8), axis=-1).reshape(-1, 2)
    return vertices, strands


@cache
def _hair_piece() -> tuple[Cut, Floats, Neighbours]:
    shared = template()
    x, y, z = shared.rest.T
    ears, eyes = shared.rest_joints[17], shared.rest_joints[15]
    hairline = (z - (eyes[2] + 0.050)) + 0.95 * (y - (eyes[1] + 0.012)) - 2 * x**2
    hairline = hairline + 0.008 * np.sin(70 * x) * np.sin(55 * x + 1)
    on_head = shared.part_weights[:, [HEAD, NECK]].sum(axis=1) > 0.5
    field = np.where(on_head, np.minimum(hairline, z - (ears[2] - 0.09)), -0.05)
    inner = (shared.part_weights[:, EYE] > 0.1)[shared.faces].any(axis=1)
    piece = cut(shared.faces[~inner], field)
    return piece, field, Neighbours.of(piece.faces, len(piece.first))


def _hidden(field: Floats, margin: float) -> Flags:
    hidden: Flags = np.min(field[template().faces], axis=1) > margin
    return hidden


def _grid_faces() -> Ints:
    row, column = np.meshgrid(np.arange(_ROWS - 1), np.arange(_AROUND - 1), indexing="ij")
    a = row * _AROUND + column
    b, c = a + 1, a + _AROUND
    return np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([b, c + 1, c], -1).reshape(-1, 3)])
