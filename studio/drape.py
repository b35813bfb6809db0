"""Putting a garment on a posed body: an offset surface of the body's skin, and a tube where a skirt hangs.

The contract that must not break: a garment has the same vertices, faces and texture coordinates on every body, so
a point of the packshot and the point of the worn garment with the same triangle and weights are one point of cloth.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from studio import skirts
from studio.body import ARMS, EYE, HANDS, HEAD, Body, Template, template
from studio.garments import Garment
from studio.mesh import Cut, Flags, Floats, Ints, Neighbours, cut, vertex_normals

CLEARANCE = 0.006
"""The least distance of cloth from skin, metres; each garment worn over another adds LAYER."""
LAYER = 0.008
_SMOOTHING = 30
_STRAIGHT_LEG = 0.066
"""Radius that straight trouser legs keep below the knee, metres."""


@dataclass(frozen=True)
class Cloth:
    """A garment on a body."""

    vertices: Floats
    normals: Floats


@dataclass(frozen=True)
class Sewn:
    """A garment as a mesh, not yet on anyone."""

    garment: Garment
    piece: Cut | None
    """What is cut from the body's surface; its vertices come first."""
    field: Floats
    """Distance inside the garment's edges at the body's vertices, metres at rest; negative outside."""
    faces: Ints
    texture: Floats
    """Px2 metres: across (to the person's left), and up from the floor, on the mean body at rest."""
    front: Floats
    """Px1 in 0..1: 1 on the front."""
    edge: Floats
    """Px1 metres to the nearest hem, neckline or waistband."""
    height: Floats
    """Px1 metres from the floor on the mean body at rest; infinite on sleeves."""

    @cached_property
    def neighbours(self) -> Neighbours:
        assert self.piece is not None
        return Neighbours.of(self.piece.faces, len(self.piece.first))

    def above(self, height: float) -> Flags:
        """Which faces are (partly) above a height on the mean body at rest; sleeves always are."""
        shown: Flags = np.max(self.height[self.faces], axis=1) > height
        return shown

    def hides(self) -> Flags:
        """Which faces of the body lie so far inside the garment that nobody sees them."""
        hidden: Flags = np.min(self.field[template().faces], axis=1) > 0.025
        return hidden

    def on(self, body: Body, layer: int = 0, *, tucked: bool = False) -> Cloth:
        """The garment on a body; `layer` 0 is next to the skin, 1 is worn over another garment.

        A tucked top clings to the body where a bottom is worn over it.
        """
        pieces = []
        clearance = CLEARANCE + LAYER * layer
        if self.piece is not None:
            inner = clearance if self.garment.skirt is None else 0.004  # a dress's bodice ends inside its skirt
            pieces.append(self._on_skin(body, self.piece, inner, tucked))
        if self.garment.skirt is not None:
            tube = skirts.hang(body, self.garment, clearance)
            pieces.append(tube.reshape(-1, 3))
        vertices = np.concatenate(pieces)
        return Cloth(vertices, vertex_normals(vertices, self.faces))

    def _on_skin(self, body: Body, piece: Cut, clearance: float, tucked: bool) -> Floats:
        skin = piece.carry(body.vertices)
        normals = self.neighbours.smooth(piece.carry(body.normals), 6)
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
        ease = clearance + _ease(self.garment, piece, tucked)
        cloth = skin + normals * ease[:, None]
        for rounds in (_SMOOTHING, 3):
            # Along the normals only: sliding along the skin would warp the cloth's pattern and its hems.
            gap = ((self.neighbours.smooth(cloth, rounds) - skin) * normals).sum(axis=1)
            cloth = skin + normals * np.maximum(gap, clearance)[:, None]
        return _levelled(cloth, self.garment, piece)


def sew(garment: Garment) -> Sewn:
    """The garment's mesh, drawn on the mean body at rest."""
    shared = template()
    field = np.full(len(shared.rest), -1.0)
    faces, texture, front, edge, heights = [], [], [], [], []
    piece, used = None, 0
    if garment.sleeve is not None or garment.skirt is None:
        field = _top_field(garment, shared) if garment.sleeve is not None else _legs_field(garment, shared)
        allowed = shared.part_weights[:, [HEAD, EYE, *HANDS]].sum(axis=1)[shared.faces].max(axis=1) < 0.5
        rows = np.flatnonzero(allowed)
        piece = cut(shared.faces[rows], field)
        piece = Cut(piece.first, piece.second, piece.weight, piece.faces, rows[piece.source_faces])
        rest = piece.carry(shared.rest)
        faces.append(piece.faces)
        texture.append(_texture(garment, piece, rest))
        front.append((piece.carry(shared.rest_normals)[:, 1] < 0.2).astype(float))
        edge.append(np.maximum(piece.carry(field), 0))
        heights.append(np.where(piece.carry(shared.arm_weight) > 0.3, np.inf, rest[:, 2]))
        used = len(rest)
    if garment.skirt is not None:
        mean = Body(shared.rest, shared.rest_normals, shared.rest_joints, np.eye(4))
        tube = skirts.hang(mean, garment, CLEARANCE, pleated=False)
        faces.append(skirts.faces() + used)
        texture.append(skirts.texture(tube))
        front.append((tube[..., 1] < tube[..., 1].mean(axis=1, keepdims=True)).astype(float).ravel())
        height = tube[..., 2].ravel()
        edge.append(np.minimum(height - height.min(), height.max() - height))
        heights.append(height)
    return Sewn(garment, piece, field, *(np.concatenate(part) for part in (faces, texture, front, edge, heights)))


def _levelled(cloth: Floats, garment: Garment, piece: Cut) -> Floats:
    """The cloth with its hem (tops) or waistband (bottoms) level, as gravity and belts have it."""
    shared = template()
    height = piece.carry(shared.rest[:, 2])
    trunk = piece.carry(shared.arm_weight) < 0.3
    edge, reach = (garment.waist, 0.06) if garment.sleeve is None else (garment.hem, 0.16)
    inwards = (height - edge) * (1 if garment.sleeve is not None else -1)
    at_edge = trunk & (inwards < 0.004)
    if not at_edge.any():
        return cloth
    level = cloth[at_edge, 2].mean() + height - edge
    share = np.clip(1 - inwards / reach, 0, 1) * trunk
    levelled = cloth.copy()
    levelled[:, 2] += share * (level - cloth[:, 2])
    return levelled


def _ease(garment: Garment, piece: Cut, tucked: bool) -> Floats:
    """Metres beyond the clearance at a piece's vertices: nothing at shoulders and waistband, most at the hem."""
    shared = template()
    height = piece.carry(shared.rest[:, 2])
    if garment.sleeve is None:
        down = np.clip((garment.waist - 0.05 - height) / 0.25, 0, 1)
        outside = 0.5 + 0.5 * np.sign(piece.carry(shared.rest[:, 0])) * piece.carry(shared.rest_normals[:, 0])
        hang: Floats = down * garment.ease + garment.flare * np.clip(0.8 - height, 0, 1) * (0.35 + 0.65 * outside)
        straight = min(garment.flare / 0.05, 1.0) * np.clip((0.62 - height) / 0.2, 0, 1)
        hang += straight * np.maximum(_STRAIGHT_LEG - piece.carry(_leg_radius(shared)), 0)
        return hang
    down = np.clip((1.46 - height) / 0.3, 0, 1) * garment.ease
    arm = np.clip(piece.carry(shared.arm_weight), 0, 1)
    along = piece.carry(_arm_share(shared))
    sleeve = garment.ease * np.clip(along * 2.5, 0.2, 1) * np.where(along > 0.85, 0.5, 1)
    fitted = 0.0 if garment.skirt is not None or tucked else 1.0
    ease: Floats = (1 - arm) * down * np.where(height < 1.15, fitted, 1.0) + arm * sleeve
    return ease


def _leg_radius(shared: Template) -> Floats:
    """Metres of each vertex of the mean body from its lower leg's axis, both sides alike."""
    knee, ankle = shared.rest_joints[13], shared.rest_joints[14]
    points = np.abs(shared.rest * (1, 0, 0)) + shared.rest * (0, 1, 1) - knee
    axis = (ankle - knee) / np.linalg.norm(ankle - knee)
    radius: Floats = np.linalg.norm(points - (points @ axis)[:, None] * axis, axis=1)
    return radius


def _arm_share(shared: Template) -> Floats:
    """How far down the arm each vertex of the mean body is: 0 at the shoulder, 1 at the wrist, both sides alike."""
    points = np.abs(shared.rest * (1, 0, 0)) + shared.rest * (0, 1, 1)
    shoulder, elbow, wrist = shared.rest_joints[5], shared.rest_joints[6], shared.rest_joints[7]
    upper, lower = np.linalg.norm(elbow - shoulder), np.linalg.norm(wrist - elbow)
    first = (points - shoulder) @ (elbow - shoulder) / upper
    second = (points - elbow) @ (wrist - elbow) / lower
    along: Floats = np.where(first < upper, first, upper + np.maximum(second, 0)) / (upper + lower)
    return along


def _texture(garment: Garment, piece: Cut, rest: Floats) -> Floats:
    """Across and up on the trunk and on legs; on sleeves across the arm and up along it, blended at the shoulder."""
    flat = rest[:, [0, 2]]
    if garment.sleeve is None:
        return flat
    shared = template()
    shoulder, elbow = shared.rest_joints[5], shared.rest_joints[6]
    down = (elbow - shoulder)[[0, 2]] / np.linalg.norm((elbow - shoulder)[[0, 2]])
    side = np.sign(rest[:, 0])
    offset = np.stack([np.abs(rest[:, 0]), rest[:, 2]], axis=1) - shoulder[[0, 2]]
    across = side * (shoulder[0] + offset @ np.array([-down[1], down[0]]))
    sleeve = np.stack([across, shoulder[2] - 0.03 - 0.56 * piece.carry(_arm_share(shared))], axis=1)
    on_arm = np.clip((piece.carry(shared.arm_weight) - 0.3) / 0.6, 0, 1)[:, None]
    blended: Floats = flat + on_arm * (sleeve - flat)
    return blended


def _top_field(garment: Garment, shared: Template) -> Floats:
    assert garment.sleeve is not None
    x, y, z = shared.rest.T
    neck = _neck_field(garment.neck or "crew", x, y, z)
    if garment.sleeve == 0:
        sleeveless: Floats = np.minimum(np.minimum(neck, z - garment.hem), (0.42 - shared.arm_weight) * 0.08)
        return sleeveless
    cuff = (garment.sleeve - _arm_share(shared)) * 0.56
    field: Floats = np.minimum(neck, np.where(shared.arm_weight > 0.5, cuff, z - garment.hem))
    return field


def _neck_field(neck: str, x: Floats, y: Floats, z: Floats) -> Floats:
    """Metres below the neckline at points of the mean body at rest."""
    across = np.abs(x)
    wide = 0.07 if neck == "boat" else 0.03
    ring = 1.555 + 0.48 * (y - 0.06) + 13 * np.maximum(across - wide, 0) ** 2
    if neck == "straps":
        bare = np.where(y < 0, 1.385, 1.37)
        straps: Floats = np.where((across > 0.075) & (across < 0.112), 0.3, np.minimum(ring, bare) - z)
        return straps
    front = {"v": 1.36 + 1.9 * across, "open": 1.44 + 1.6 * across, "scoop": 1.40 + 18 * across**2}.get(neck, ring)
    below: Floats = np.where(y < 0, np.minimum(ring, front), ring) - z
    return below


def _legs_field(garment: Garment, shared: Template) -> Floats:
    z = shared.rest[:, 2]
    arms = shared.part_weights[:, ARMS].sum(axis=1)
    return np.where(arms > 0.1, -0.05, np.minimum(garment.waist - z, z - garment.hem))
