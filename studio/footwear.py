"""Shoes: rings around each foot from heel to toe, cut open at the top, on a sole; and their colours.

The contract that must not break: both shoes have the same vertices in the same order on every foot, the left one first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from studio.body import FEET, Body, template
from studio.mesh import Cut, Flags, Floats, Ints, cut, vertex_normals
from studio.patterns import Colour

_ROWS, _AROUND = 44, 48
_FEW = 24
_UP = np.array([0, 0, 1.0])
_FOOT = (("left", FEET[0], 21, 19, 20), ("right", FEET[1], 24, 22, 23))
"""Side, its part, and heel, big toe and small toe in BODY_25."""
_LEATHER: tuple[Colour, ...] = ((0.09, 0.085, 0.085), (0.27, 0.17, 0.115), (0.46, 0.31, 0.20), (0.80, 0.74, 0.66))
_SPORT: tuple[Colour, ...] = ((0.94, 0.94, 0.93), (0.12, 0.12, 0.13), (0.62, 0.63, 0.65), (0.80, 0.76, 0.69),
                              (0.25, 0.32, 0.45))  # fmt: skip


@dataclass(frozen=True)
class Make:
    """How a kind of shoe is made; metres."""

    leather: bool
    sole: float
    sole_colour: Colour
    collar: float
    """Height of the opening over the sole at the heel."""
    vamp: float
    """From this share of the length on, heel to toe, the foot is covered."""
    shaft: float = 0.0
    """Height of a boot's top over the floor; 0 for none."""
    heel: float = 0.0
    """Degrees that the foot is bent down by a high heel."""


MAKES = {
    "sneakers": Make(False, 0.024, (0.93, 0.93, 0.92), 0.085, 0.40),
    "loafers": Make(True, 0.012, (0.13, 0.11, 0.10), 0.058, 0.56),
    "boots": Make(True, 0.020, (0.11, 0.10, 0.10), 0.20, 0.0, shaft=0.175),
    "pumps": Make(True, 0.006, (0.20, 0.16, 0.14), 0.050, 0.70, heel=17.0),
}


@dataclass(frozen=True)
class Shoes:
    """A pair of shoes."""

    kind: str
    """One of MAKES."""
    colour: Colour

    @property
    def make(self) -> Make:
        return MAKES[self.kind]


@dataclass(frozen=True)
class ShoeMesh:
    """Both shoes, and which of the body's faces they hide."""

    vertices: Floats
    normals: Floats
    faces: Ints
    texture: Floats
    """Px2: 1 on the left shoe and -1 on the right one, and metres over the sole's lower edge."""
    place: Floats
    """Px3: share of the length from heel to toe, -1..1 across to the outside, 1 on the upper and 0 on sole and heel."""
    hidden: Flags


def sample_shoes(rng: np.random.Generator, *, feminine: bool) -> Shoes:
    """Random shoes; high heels for women alone."""
    kind = str(rng.choice(tuple(MAKES), p=(0.40, 0.2, 0.15, 0.25) if feminine else (0.55, 0.25, 0.2, 0.0)))
    colours = _LEATHER if MAKES[kind].leather else _SPORT
    return Shoes(kind, colours[int(rng.integers(len(colours)))])


def put_on(body: Body, shoes: Shoes) -> ShoeMesh:
    """The shoes on a body's feet."""
    pieces = [_shoe(body, shoes.make, side, *rest) for side, *rest in _FOOT]
    first = np.cumsum([0, *(len(piece[0]) for piece in pieces)])
    vertices, texture, place = (np.concatenate([piece[i] for piece in pieces]) for i in (0, 2, 3))
    faces = np.concatenate([piece[1] + start for piece, start in zip(pieces, first, strict=False)])
    foot = template().part_weights[:, FEET].sum(axis=1) > 0.5
    deep = np.where(foot & (template().rest[:, 2] < (0.14 if shoes.make.shaft else 0.030)), 1.0, -1.0)
    hidden: Flags = np.min(deep[template().faces], axis=1) > 0
    return ShoeMesh(vertices, vertex_normals(vertices, faces), faces, texture, place, hidden)


def _shoe(
    body: Body, make: Make, side: str, foot: int, heel: int, big_toe: int, small_toe: int
) -> tuple[Floats, Ints, Floats, Floats]:
    """Vertices, faces, texture and place of one shoe."""
    forward = (body.joints[big_toe] + body.joints[small_toe]) / 2 - body.joints[heel]
    forward = forward * (1, 1, 0) / np.linalg.norm(forward[:2])
    aside = np.cross(_UP, forward)
    low = min(0.0, float(body.vertices[:, 2].min()))
    mine = (template().part_weights[:, foot] > 0.3) & (template().rest[:, 2] < 0.088)
    points = body.vertices[mine] @ np.stack([forward, aside, _UP], axis=1)
    rings, bottoms = _rings(points, make, low)
    outside = 1.0 if side == "right" else -1.0
    parts = [_upper(rings, bottoms, make, outside), _sole(rings, bottoms, make, low)]
    if make.heel:
        parts.append(_heel(rings, bottoms, low))
    if make.shaft:
        parts.append(_shaft(body, make, foot, np.stack([forward, aside, _UP], axis=1), low))
    first = np.cumsum([0, *(len(part[0]) for part in parts)])
    local, height, place = (np.concatenate([part[i] for part in parts]) for i in (0, 2, 3))
    faces = np.concatenate([part[1] + start for part, start in zip(parts, first, strict=False)])
    world = local[:, :1] * forward + local[:, 1:2] * aside + local[:, 2:] * _UP
    texture = np.stack([np.full(len(world), 1.0 if side == "left" else -1.0), height], axis=1)
    return world, faces, texture, place


def _rings(points: Floats, make: Make, low: float) -> tuple[Floats, Floats]:
    """_ROWSx_AROUNDx3 points around a foot, along, aside and up; and the rings' lowest points."""
    along, across, height = points.T
    angles = np.arange(_AROUND) / _AROUND * 2 * np.pi
    directions = np.stack([np.cos(angles), np.sin(angles)])
    facing = np.cos(angles[:, None] - angles[None])
    roomy = 0.006 if make.leather else 0.010
    places = np.linspace(along.min() - roomy, along.max() + roomy + 0.004, _ROWS)
    rings, bottoms = np.zeros((_ROWS, _AROUND, 3)), np.zeros(_ROWS)
    for row, place in enumerate(places):
        near = _nearest(along, float(np.clip(place, along.min() + 0.012, along.max() - 0.012)))
        middle = np.array([(across[near].min() + across[near].max()) / 2, height[near].min() + 0.024])
        reach = ((np.stack([across[near], height[near]], axis=1) - middle) @ directions).max(axis=0)
        radius = np.where(facing > 0.1, reach[None] / np.maximum(facing, 0.1), np.inf).min(axis=1)
        end = np.clip([(place - places[0]) / 0.03, (places[-1] - place) / 0.04], 0, 1)
        full = max(float(np.sqrt(1 - (1 - end) ** 2.2).prod()), 0.3)
        bottoms[row] = height[near].min()
        outline = middle + (directions * (radius + roomy * 0.7)).T
        rings[row] = np.column_stack([
            np.full(_AROUND, place), middle[0] + (outline[:, 0] - middle[0]) * full,
            bottoms[row] + (outline[:, 1] - bottoms[row]) * full**0.6,
        ])  # fmt: skip
    for _ in range(5):
        rings[1:-1, :, 1:] = (rings[:-2, :, 1:] + 2 * rings[1:-1, :, 1:] + rings[2:, :, 1:]) / 4
        bottoms[1:-1] = (bottoms[:-2] + 2 * bottoms[1:-1] + bottoms[2:]) / 4
    rings[..., 2] = np.maximum(rings[..., 2], bottoms[:, None])
    return rings, bottoms


def _upper(rings: Floats, bottoms: Floats, make: Make, outside: float) -> tuple[Floats, Ints, Floats, Floats]:
    share = np.linspace(0, 1, _ROWS)[:, None]
    height = rings[..., 2] - bottoms[:, None]
    slope = np.clip((share - make.vamp + 0.25) / 0.25, 0, 1)
    collar = make.collar - (0.02 if make.leather else -0.01) * slope + 0.6 * np.maximum(share - make.vamp, 0)
    last = (_ROWS - 1) * _AROUND
    ends = np.concatenate([_fan(_AROUND)[:, ::-1], _fan(_AROUND) + last])
    piece: Cut = cut(np.concatenate([_tube(_ROWS), ends]), (collar - height).ravel())
    middle = rings[..., 1].mean(axis=1, keepdims=True)
    across = outside * (rings[..., 1] - middle) / np.maximum(np.ptp(rings[..., 1], axis=1), 1e-3)[:, None] * 2
    place = np.stack(np.broadcast_arrays(share, across, 1.0), axis=-1).reshape(-1, 3)
    carried = (piece.carry(value) for value in (rings.reshape(-1, 3), height.ravel(), place))
    vertices, high, place = carried
    return vertices, piece.faces, high + make.sole, place


def _sole(rings: Floats, bottoms: Floats, make: Make, low: float) -> tuple[Floats, Ints, Floats, Floats]:
    """A slab under the foot's outline, a little wider than the upper."""
    sides = np.stack([rings[..., 1].min(axis=1), rings[..., 1].max(axis=1)], axis=1)
    wider = 0.004 if make.sole > 0.01 else 0.0005
    top = bottoms + (0.008 if make.sole > 0.01 else 0.003)
    under = bottoms - make.sole
    rows = [(sides[:, 0], top), (sides[:, 0] - wider, top - 0.002), (sides[:, 0] - wider, under + 0.003),
            (sides[:, 0], under), (sides[:, 1], under), (sides[:, 1] + wider, under + 0.003),
            (sides[:, 1] + wider, top - 0.002), (sides[:, 1], top)]  # fmt: skip
    grid = np.stack([np.stack([rings[:, 0, 0], y, z], axis=1) for y, z in rows], axis=1)
    grid[0, :, 0] -= wider
    grid[-1, :, 0] += wider
    row, column = np.meshgrid(np.arange(_ROWS - 1), np.arange(len(rows) - 1), indexing="ij")
    a = row * len(rows) + column
    b, c = a + 1, a + len(rows)
    faces = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([b, c + 1, c], -1).reshape(-1, 3)])
    faces = np.concatenate([faces, _fan(len(rows))[:, ::-1], _fan(len(rows)) + (_ROWS - 1) * len(rows)])
    vertices = grid.reshape(-1, 3)
    return vertices, faces, vertices[:, 2] - (low - make.sole), np.zeros((len(vertices), 3))


def _fan(count: int) -> Ints:
    """Triangles that close a ring of so many points."""
    return np.array([(0, i, i + 1) for i in range(1, count - 1)])


def _heel(rings: Floats, bottoms: Floats, low: float) -> tuple[Floats, Ints, Floats, Floats]:
    """A block from the raised heel to the floor."""
    row = 7
    middle, width = rings[row, :, 1].mean(), np.ptp(rings[row, :, 1]) / 2
    angles = np.arange(_AROUND) / _AROUND * 2 * np.pi
    levels = np.linspace(bottoms[row] + 0.008, low - 0.006, 8)
    size = np.interp(np.linspace(0, 1, 8), [0, 0.5, 1], [0.92, 0.66, 0.60])[:, None]
    along, across = rings[row, 0, 0] + 0.002 + 0.022 * size * np.cos(angles), middle + width * size * np.sin(angles)
    points = np.stack(np.broadcast_arrays(along, across, levels[:, None]), axis=-1)
    vertices = points.reshape(-1, 3)
    return vertices, _tube(8), np.full(len(vertices), 0.05), np.ones((len(vertices), 3)) * (0, 0, 1)


def _shaft(body: Body, make: Make, foot: int, axes: Floats, low: float) -> tuple[Floats, Ints, Floats, Floats]:
    """A boot's tube around the ankle."""
    weights = template().part_weights
    near = weights[:, foot - 2] > 0.3  # the calf comes two parts before its foot
    points = body.vertices[near] @ axes
    levels = np.linspace(low + 0.055, low + make.shaft, 14)
    angles = np.arange(_AROUND) / _AROUND * 2 * np.pi
    directions = np.stack([np.cos(angles), np.sin(angles)])
    rings = []
    for level in levels:
        slab = points[_nearest(points[:, 2], max(level, low + 0.115)), :2]
        middle = (slab.min(axis=0) + slab.max(axis=0)) / 2
        reach = ((slab - middle) @ directions).max(axis=0) + 0.010
        flat = middle + (directions * np.minimum(reach, reach.mean() * 1.25)).T
        rings.append(np.column_stack([flat, np.full(_AROUND, level)]))
    grid = np.stack(rings)
    vertices = grid.reshape(-1, 3)
    return vertices, _tube(len(levels)), vertices[:, 2] - low, np.ones((len(vertices), 3)) * (0.2, 0, 1)


def _nearest(values: Floats, at: float) -> Flags:
    """Which values lie near one: within 16 mm, or if they are few the next ones."""
    away = np.abs(values - at)
    near: Flags = away < max(0.016, float(np.partition(away, _FEW)[_FEW]))
    return near


def _tube(rows: int) -> Ints:
    row, column = np.meshgrid(np.arange(rows - 1), np.arange(_AROUND), indexing="ij")
    a, b = row * _AROUND + column, row * _AROUND + (column + 1) % _AROUND
    c, d = a + _AROUND, b + _AROUND
    return np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([b, d, c], -1).reshape(-1, 3)])


def shoe_colour(shoes: Shoes, texture: Floats, place: Floats) -> Floats:
    """sRGB 0..1 of shoes, Px3."""
    make, height = shoes.make, texture[:, 1]
    along, across, upper = place.T
    colour = np.broadcast_to(np.array(shoes.colour), (len(height), 3)).copy()
    if not make.leather:
        laced = (np.abs(across) < 0.42) & (along > 0.46) & (along < 0.70) & (height > make.sole + 0.02)
        lace = 0.92 if sum(shoes.colour) < 1.5 else 0.72
        bar = np.exp(-((((along * 1.0 - 0.46) / 0.045) % 1 - 0.5) ** 2) / 0.05) * laced
        colour += bar[:, None] * (lace - colour)
        seam = np.exp(-(((along - 0.80 + 0.05 * across**2) / 0.006) ** 2))
        edge = np.exp(-(((np.abs(across) - 0.48) / 0.03) ** 2)) * laced
        colour *= (1 - 0.25 * np.clip(seam + edge, 0, 1))[:, None]
    elif shoes.kind == "loafers":
        seam = np.exp(-(((np.abs(across) - 0.72) / 0.05) ** 2)) * (along > 0.6)
        colour *= (1 - 0.16 * (np.abs(along - 0.63) < 0.035) - 0.3 * seam)[:, None]
    sole = np.array(make.sole_colour) * (1 - 0.25 * np.exp(-(((height - 0.010) / 0.0015) ** 2)))[:, None]
    return np.clip(np.where(upper[:, None] > 0.5, colour, sole), 0, 1)
