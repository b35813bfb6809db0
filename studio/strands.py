"""Hair as geometry: a shell on the scalp and ribbons that grow from it, hang, and lie on what is worn.

The contract that must not break: hair is a function of the body, the cut and its seed; what the clothes do to it is
that it lies on them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from studio.body import EYE, HEAD, NECK, Body, template
from studio.hairstyles import Hair
from studio.mesh import Cut, Flags, Floats, Ints, Neighbours, cut, vertex_normals
from studio.surface import Surface

_STEPS = 22
_CENTRE = np.array([0.0, -0.035, 1.745])
"""The skull's centre on the mean body at rest."""
_AROUND, _UP = 48, 25
_EARS = 0.005
"""Strands rooted before this (metres behind the skull's centre) fall before the shoulders, the others behind."""
_BUN = 0.036


@dataclass(frozen=True)
class HairMesh:
    """P vertices, and which of the body's faces they hide."""

    vertices: Floats
    normals: Floats
    faces: Ints
    texture: Floats
    """Px2: across the strands (a number that differs from strand to strand) and metres along them."""
    edge: Floats
    """P metres from the hairline; 1 on ribbons."""
    grain: Floats
    """Px3 unit vectors along the strands."""
    hidden: Flags


def grow(body: Body, hair: Hair, front: Surface, back: Surface) -> HairMesh:
    """Someone's hair; `front` and `back` are what it lies on."""
    piece, field, neighbours = _scalp()
    skull = _Skull.of(body)
    cap, cap_normals = _cap(body, hair, piece, field, neighbours)
    rest = piece.carry(template().rest)
    angle = np.arctan2(rest[:, 0] - hair.parting * 0.5, rest[:, 1] + 0.03)
    parts = [(cap, cap_normals, piece.faces, np.stack([angle * 9, rest[:, 2]], axis=1), piece.carry(field),
              _combed(rest, hair))]  # fmt: skip
    if hair.cut.strands:
        paths, width = _strands(skull, hair, piece, field, body)
        if hair.cut.gathered is not None:
            paths, width = _tied(skull, hair, paths, width)
        behind = paths[:, 0, 1] > _EARS
        world = _laid(skull.to_world(paths), behind, front, back, skull)
        parts.append(_ribbons(world, width, skull))
    first = np.cumsum([0, *(len(part[0]) for part in parts)])
    vertices, normals, texture, edge, grain = (np.concatenate([part[i] for part in parts]) for i in (0, 1, 3, 4, 5))
    faces = np.concatenate([part[2] + start for part, start in zip(parts, first, strict=False)])
    hidden: Flags = np.min(field[template().faces], axis=1) > 0.022
    return HairMesh(vertices, normals, faces, texture, edge, grain, hidden)


@cache
def _scalp() -> tuple[Cut, Floats, Neighbours]:
    shared = template()
    x, y, z = shared.rest.T
    ears, eyes = shared.rest_joints[17], shared.rest_joints[15]
    temples = 0.013 * np.exp(-(((np.abs(x) - 0.045) / 0.016) ** 2)) * (y < 0)
    hairline = (z - (eyes[2] + 0.041)) + 0.95 * (y - (eyes[1] + 0.012)) - 1.6 * x**2 - temples
    hairline = hairline + 0.002 * np.sin(90 * x + 1) * np.sin(55 * z)
    on_head = shared.part_weights[:, [HEAD, NECK]].sum(axis=1) > 0.5
    field = np.where(on_head, np.minimum(hairline, z - (ears[2] - 0.085)), -0.05)
    inner = (shared.part_weights[:, EYE] > 0.1)[shared.faces].any(axis=1)
    piece = cut(shared.faces[~inner], field)
    return piece, field, Neighbours.of(piece.faces, len(piece.first))


def _cap(body: Body, hair: Hair, piece: Cut, field: Floats, neighbours: Neighbours) -> tuple[Floats, Floats]:
    """The shell on the scalp: thin at the hairline, uneven where hair is thick."""
    inside = piece.carry(field)
    fade = 0.6 if hair.cut.side and hair.cut.side < 0.03 else 1.0
    ears = template().rest_joints[17, 2]
    low = np.clip((piece.carry(template().rest[:, 2]) - ears) / 0.06, 0, 1)
    ramp = np.clip(inside / (0.02 + 0.7 * hair.cut.cap), 0.12, 1) * (fade + (1 - fade) * low)
    thickness = hair.cut.cap * ramp
    rng = np.random.default_rng([hair.seed, 1])
    if hair.cut.cap > 0.015:
        thickness = thickness * (1 + 0.10 * rng.normal(size=len(thickness)))
    skin = neighbours.smooth(piece.carry(body.vertices), 3)
    normals = neighbours.smooth(piece.carry(body.normals), 10)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    vertices = neighbours.smooth(skin + normals * thickness[:, None], 3)
    outwards, scalp = piece.carry(body.normals), piece.carry(body.vertices)
    gap = ((vertices - scalp) * outwards).sum(axis=1)
    vertices = vertices + outwards * np.maximum(0.0022 - gap, 0)[:, None]
    return vertices, vertex_normals(vertices, piece.faces)


def _combed(rest: Floats, hair: Hair) -> Floats:
    """Unit vectors along which the hair of the shell lies."""
    out, behind, up = hair.cut.comb
    sides = np.tanh((rest[:, 0] - hair.parting) / 0.01)
    aim = np.stack([out * sides, np.full(len(rest), behind), np.full(len(rest), up - 0.6)], axis=1)
    unit: Floats = aim / np.linalg.norm(aim, axis=1, keepdims=True)
    return unit


@dataclass(frozen=True)
class _Skull:
    """The head as distances from its centre by direction, in the head's own axes (x left, y back, z up)."""

    turn: Floats
    centre: Floats
    radius: Floats

    @classmethod
    def of(cls, body: Body) -> _Skull:
        shared = template()
        rows, weights = _bins()
        pivot = shared.rest_bones["head"]
        turn = body.head[:3, :3]
        centre = turn @ (_CENTRE - pivot) + body.head[:3, 3]
        away = np.linalg.norm(body.vertices[rows] - centre, axis=1)
        return cls(turn, centre, (weights @ away).reshape(_UP, _AROUND))

    def to_world(self, points: Floats) -> Floats:
        return points @ self.turn.T + self.centre

    def reach(self, points: Floats) -> Floats:
        """The head's radius (N) in the direction of points (Nx3)."""
        around = np.arctan2(points[:, 0], -points[:, 1]) / (2 * np.pi) * _AROUND
        up = np.arcsin(np.clip(points[:, 2] / np.maximum(np.linalg.norm(points, axis=1), 1e-9), -1, 1))
        row = np.clip((up / np.pi + 0.5) * (_UP - 1), 0, _UP - 1.001)
        low, left = np.floor(row).astype(int), np.floor(around).astype(int)
        v, u = row - low, around - left
        a, b = left % _AROUND, (left + 1) % _AROUND
        found: Floats = (1 - v) * ((1 - u) * self.radius[low, a] + u * self.radius[low, b]) + v * (
            (1 - u) * self.radius[low + 1, a] + u * self.radius[low + 1, b]
        )
        return found

    def laid_on(self, points: Floats, height: Floats, hold: float) -> Floats:
        """Points (N) at `height` (N metres) over the skin where they are above `hold`; below that at least there."""
        away = np.linalg.norm(points, axis=1)
        over = away - self.reach(points) - height
        held = np.clip((points[:, 2] - hold) / 0.04, 0, 1)
        moved = away - np.where(over > 0, held * over, over)
        laid: Floats = points * (moved / np.maximum(away, 1e-9))[:, None]
        return laid


@cache
def _bins() -> tuple[Ints, Floats]:
    """Vertices of the head and neck without the ears, and how much each counts for each direction."""
    shared = template()
    offset = shared.rest - _CENTRE
    away = np.linalg.norm(offset, axis=1)
    on_head = shared.part_weights[:, [HEAD, NECK]].sum(axis=1) > 0.5
    ear = (np.abs(shared.rest[:, 0]) > 0.074) & (np.abs(shared.rest[:, 2] - shared.rest_joints[17, 2]) < 0.045)
    outer = (offset * shared.rest_normals).sum(axis=1) > 0.2 * away
    rows = np.flatnonzero(on_head & ~ear & outer & (shared.rest[:, 2] > _CENTRE[2] - 0.28))
    up, around = np.meshgrid(np.linspace(-np.pi / 2, np.pi / 2, _UP), np.arange(_AROUND) / _AROUND * 2 * np.pi,
                             indexing="ij")  # fmt: skip
    directions = np.stack([np.cos(up) * np.sin(around), -np.cos(up) * np.cos(around), np.sin(up)], -1).reshape(-1, 3)
    near = directions @ (offset[rows] / away[rows, None]).T
    weights = np.exp((near - near.max(axis=1, keepdims=True)) / 0.004)
    return rows, weights / weights.sum(axis=1, keepdims=True)


def _strands(skull: _Skull, hair: Hair, piece: Cut, field: Floats, body: Body) -> tuple[Floats, Floats]:
    """Paths of strands SxKx3 around the skull's centre, and their widths SxK."""
    rng = np.random.default_rng([hair.seed, 2])
    roots = _roots(skull, hair, piece, field, body, rng)
    style, count = hair.cut, len(roots)
    unit = roots / np.linalg.norm(roots, axis=1, keepdims=True)
    high = np.clip((unit[:, 2] - 0.05) / 0.6, 0, 1)
    length = (style.side + (style.top - style.side) * high) * rng.uniform(0.8, 1.05, count)
    down = skull.turn.T @ np.array([0, 0, -1.0])
    lift = style.lift * rng.uniform(0.25, 1.0, count) * (0.35 + 0.65 * high)
    layer = style.cap * 0.8 + rng.uniform(0, 0.004, count)
    aim = _aims(hair, roots, unit, rng)
    sway = np.stack(
        [np.sign(roots[:, 0]) * rng.uniform(-0.1, 0.4, count), rng.normal(0, 0.2, count), np.zeros(count)], 1
    )
    heading, point, points = aim, roots, [roots]
    hold = -0.2 if style.side < 0.1 else -0.01
    step = length / (_STEPS - 1)
    for number in range(1, _STEPS):
        share = number / (_STEPS - 1)
        if style.gathered is None:
            free = np.clip((hold + 0.05 - point[:, 2]) / 0.05, 0, 1)[:, None]
            heading = _normalised(heading + (style.weight * min(1.0, share * 4) + 2.0 * free) * down + free * sway)
            point = point + heading * step[:, None]
            point = _off_the_face(point, roots, hair)
        else:
            point = _towards(roots, np.array(style.gathered), share)
        height = layer + lift * np.sin(np.pi * min(share * 1.1, 0.5)) if style.gathered is None else layer
        point = skull.laid_on(point, height, hold)
        heading = _normalised(point - points[-1]) if style.gathered is None else heading
        points.append(point)
    paths = np.stack(points, axis=1)
    paths = _in_locks(paths, style.locks, rng) + _waves(paths, hair, length, rng)
    taper = np.interp(np.linspace(0, 1, _STEPS), [0, 0.15, 0.7, 1], [0.5, 1.0, 1.0, 0.35])
    return paths, style.width * taper * rng.uniform(0.7, 1.2, (count, 1))


def _roots(skull: _Skull, hair: Hair, piece: Cut, field: Floats, body: Body, rng: np.random.Generator) -> Floats:
    """Random points of the scalp around the skull's centre; few where hair is too short for strands."""
    corners = piece.carry(body.vertices)[piece.faces]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    inside = piece.carry(field)[piece.faces].min(axis=1)
    high = piece.carry(template().rest[:, 2])[piece.faces].mean(axis=1)
    ears = template().rest_joints[17, 2]
    wanted = area * (inside > (0.004 if hair.cut.side > 0.03 else 0.010)) * (1 + 2.0 * (inside < 0.02))
    if hair.cut.side < 0.03:
        wanted = wanted * np.clip((high - ears - 0.035) / 0.03, 0.0, 1)
    faces = rng.choice(len(corners), hair.cut.strands, p=wanted / wanted.sum())
    mix = rng.dirichlet((1, 1, 1), len(faces))
    points = np.einsum("sc,scn->sn", mix, corners[faces])
    local: Floats = (points - skull.centre) @ skull.turn
    return local


def _aims(hair: Hair, roots: Floats, unit: Floats, rng: np.random.Generator) -> Floats:
    """Unit vectors along the scalp in which strands set out."""
    out, behind, up = hair.cut.comb
    sides = np.tanh((roots[:, 0] - hair.parting) / 0.006)
    aim = np.stack([out * sides, np.full(len(roots), behind), np.full(len(roots), up)], axis=1)
    if hair.cut.side > 0.1:  # from the forehead first up and back, then aside
        aim = aim + np.clip((-roots[:, 1] - 0.05) / 0.03, 0, 1)[:, None] * np.array([0, 0.45, 0.5])
    aim = aim + rng.normal(0, hair.cut.scatter, aim.shape)
    aim = aim - (aim * unit).sum(axis=1, keepdims=True) * unit
    return _normalised(aim)


def _off_the_face(points: Floats, roots: Floats, hair: Hair) -> Floats:
    """Long strands kept beside the face and the throat; short ones may fall over the forehead."""
    if hair.cut.side < 0.1:
        return points
    moved = points.copy()
    before = np.clip((-points[:, 1] - 0.02) / 0.03, 0, 1) * np.clip((0.03 - points[:, 2]) / 0.03, 0, 1)
    throat = (roots[:, 1] < _EARS) & (points[:, 2] < -0.13)
    least = np.where(throat, 0.064, 0.071 * before)
    side = np.where(points[:, 0] >= hair.parting, 1.0, -1.0)
    moved[:, 0] = side * np.maximum(np.abs(points[:, 0]), least)
    moved[:, 1] += 0.006 * before
    return moved


def _towards(roots: Floats, knot: Floats, share: float) -> Floats:
    """Points on the way to where hair is tied; the skull is in between, so they are pushed out later."""
    middle: Floats = roots * (1 - share) + knot * share
    return middle


def _in_locks(paths: Floats, count: int, rng: np.random.Generator) -> Floats:
    """Strands drawn to that of a few which is nearest half way, more towards the tips."""
    if count == 0:
        return paths
    leaders = rng.choice(len(paths), count, replace=False)
    half = paths[:, _STEPS // 2]
    away = ((half[:, None] - half[None, leaders]) ** 2).sum(axis=2)
    lead = paths[leaders[away.argmin(axis=1)]]
    share = (np.linspace(0, 1, _STEPS) ** 1.2)[None, :, None] * rng.uniform(0.2, 0.7, (len(paths), 1, 1))
    drawn: Floats = paths + share * (lead - paths)
    return drawn


def _waves(paths: Floats, hair: Hair, length: Floats, rng: np.random.Generator) -> Floats:
    if hair.cut.wave == 0:
        return np.zeros_like(paths)
    along = np.linspace(0, 1, _STEPS)[None] * length[:, None]
    phase = 2 * np.pi * (hair.cut.turns * rng.uniform(0.8, 1.2, len(paths))[:, None] * along) + rng.uniform(
        0, 6.3, (len(paths), 1)
    )
    outwards = _normalised(paths)
    tangent = _normalised(np.gradient(paths, axis=1))
    aside = np.cross(tangent, outwards)
    size = hair.cut.wave * np.clip(along / 0.06, 0, 1)[..., None]
    waves: Floats = size * (np.cos(phase)[..., None] * aside + (0.5 + 0.5 * np.sin(phase))[..., None] * outwards)
    return waves


def _tied(skull: _Skull, hair: Hair, paths: Floats, width: Floats) -> tuple[Floats, Floats]:
    """Tied hair: the strands to the knot, and what comes out of it."""
    rng = np.random.default_rng([hair.seed, 4])
    knot = paths[:, -1].mean(axis=0)
    more, thick = (_bun if hair.style == "bun" else _tail)(skull, knot, rng)
    flat = np.broadcast_to(width[:, :1] * 1.6, width.shape)
    return np.concatenate([paths, more]), np.concatenate([flat, thick])


def _bun(skull: _Skull, knot: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Strands wound about a ball."""
    count = 220
    centre = knot + _normalised(knot) * 0.75 * _BUN
    axis = _normalised(_normalised(knot) + rng.normal(0, 0.35, (count, 3)))
    first = _normalised(np.cross(axis, rng.normal(size=(count, 3))))
    second = np.cross(axis, first)
    turn = np.linspace(0, 1.3 * np.pi, _STEPS)[None, :, None]
    tilt = rng.uniform(-0.9, 0.9, (count, 1, 1))
    radius = _BUN * rng.uniform(0.9, 1.04, (count, 1, 1))
    ring = np.sqrt(1 - tilt**2) * (np.cos(turn) * first[:, None] + np.sin(turn) * second[:, None])
    return centre + radius * (ring + tilt * axis[:, None]), np.full((count, _STEPS), 0.010)


def _tail(skull: _Skull, knot: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Strands that fall from the knot behind the back, swung to one side."""
    count, length = 240, rng.uniform(0.30, 0.40)
    share = np.linspace(0, 1, _STEPS)[None, :, None]
    down = skull.turn.T @ np.array([0, 0, -1.0])
    swing = rng.choice((-1, 1)) * rng.uniform(0.03, 0.09)
    spread = rng.normal(0, 1, (count, 1, 3)) * np.array([0.018, 0.012, 0.004])
    out = np.array([swing, 0.045, 0.0])
    path = knot + spread * np.clip(share * 3, 0.35, 1) * (1 - 0.45 * share) + out * np.sin(np.minimum(share * 2.2, 1.6))
    path = path + down * length * rng.uniform(0.85, 1, (count, 1, 1)) * np.maximum(share - 0.06, 0)
    taper = np.interp(np.linspace(0, 1, _STEPS), [0, 0.7, 1], [1, 0.9, 0.15])
    return path, 0.009 * np.broadcast_to(taper, (count, _STEPS))


def _laid(points: Floats, behind: Flags, front: Surface, back: Surface, skull: _Skull) -> Floats:
    """World points SxKx3 with what would be in the shoulders, the chest or the back laid on them.

    `behind` S: which strands fall behind the shoulders.
    """
    flat = points.reshape(-1, 3)
    shallow, deep = front.depth(flat).reshape(points.shape[:2]), back.depth(flat).reshape(points.shape[:2])
    above = points[..., 2] > skull.centre[2] - 0.10
    rank = np.linspace(0, 1, len(points))[:, None] * 0.010 + 0.005
    y = points[..., 1]
    laid, depth = points.copy(), np.where(behind[:, None], np.maximum(y, deep + rank), np.minimum(y, shallow - rank))
    laid[..., 1] = np.where(above, y, depth)
    return laid


def _ribbons(paths: Floats, width: Floats, skull: _Skull) -> tuple[Floats, Floats, Ints, Floats, Floats, Floats]:
    """Flat strips along paths SxKx3, shaded as if round: vertices, normals, faces, texture, edge, grain."""
    count, steps = paths.shape[:2]
    away = paths - skull.centre
    away[..., 2] *= np.where(away[..., 2] < -0.03, 0.2, 1)
    outwards = _normalised(away)
    along = _normalised(np.gradient(paths, axis=1))
    aside = _normalised(np.cross(along, outwards))
    half = aside * width[..., None] / 2
    vertices = np.stack([paths - half, paths + half], axis=2)
    normals = _normalised(np.stack([outwards - 0.45 * aside, outwards + 0.45 * aside], axis=2))
    length = np.concatenate([np.zeros((count, 1)), np.cumsum(np.linalg.norm(np.diff(paths, axis=1), axis=2), axis=1)],
                            axis=1)  # fmt: skip
    across = np.arange(count)[:, None, None] * 1.37 + np.array([0, 0.35])
    texture = np.stack([np.broadcast_to(across, (count, steps, 2)), np.repeat(length[..., None], 2, axis=2)], axis=-1)
    strand, row = np.meshgrid(np.arange(count), np.arange(steps - 1), indexing="ij")
    a = (strand * steps + row) * 2
    faces = np.concatenate([np.stack([a, a + 1, a + 2], -1), np.stack([a + 1, a + 3, a + 2], -1)]).reshape(-1, 3)
    grain = np.repeat(along[:, :, None], 2, axis=2)
    size = count * steps * 2
    return (vertices.reshape(size, 3), normals.reshape(size, 3), faces, texture.reshape(size, 2), np.ones(size),
            grain.reshape(size, 3))  # fmt: skip


def _normalised(vectors: Floats) -> Floats:
    unit: Floats = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
    return unit
