"""Putting a garment on a posed body: pieces cut from its skin for tops, tubes for skirts and trousers.

The contract that must not break: a garment has the same vertices, faces and texture coordinates on every body, so
a point of the packshot and the point of the worn garment with the same triangle and weights are one point of cloth.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np

from studio import collars, folds, skirts, tops, trousers
from studio.body import ARMS, Body, template
from studio.collars import Patch
from studio.garments import Garment
from studio.mesh import Flags, Floats, Ints, vertex_normals
from studio.necklines import top_field
from studio.outline import Outline, folded_arc, without_arms
from studio.skin import skin

CLEARANCE = 0.006
"""The least distance of cloth from skin, metres; each garment worn over another adds LAYER."""
LAYER = 0.008
_ROOM = 0.022
"""How far a top stands off at the hips where a bottom is worn below, metres."""


@dataclass(frozen=True)
class Cloth:
    """A garment on a body."""

    vertices: Floats
    normals: Floats


@dataclass(frozen=True)
class Sewn:
    """A garment as a mesh, not yet on anyone; its vertices are its patches', its hood's, its skirt's or trousers'."""

    garment: Garment
    patches: tuple[Patch, ...]
    """What is cut from the skin: the garment itself, then what lies on it."""
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
    folding: Floats
    """Px2 in 0..1: how much the cloth is dragged lengthwise and creased crosswise."""

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

        A tucked top is fitted where a bottom is worn over it.
        """
        room = _ROOM if layer and not tucked else 0.0
        vertices = np.concatenate(_laid(self.garment, self.patches, body, CLEARANCE + LAYER * layer, tucked, room))
        return Cloth(vertices, vertex_normals(vertices, self.faces))


def _laid(
    garment: Garment, patches: tuple[Patch, ...], body: Body, clearance: float, tucked: bool, room: float
) -> list[Floats]:
    """The vertices of each part of a garment, each Nx3."""
    parts = []
    if patches:
        skirt = skirts.outline(body, garment, clearance) if garment.skirt is not None else None
        cloth, normals = tops.shell(body, garment, clearance, tucked=tucked, skirt=skirt, room=room)
        cloth = _levelled(cloth, garment, float(skirt.level[0]) if skirt is not None else None)
        parts = [patch.piece.carry(cloth) + patch.piece.carry(normals) * patch.lift[:, None] for patch in patches]
        if garment.family == "hoodie":
            parts.append(collars.hood(cloth).reshape(-1, 3))
    if garment.leg is not None:
        parts.append(trousers.hang(body, garment, clearance))
    elif garment.skirt is not None:
        parts.append(skirts.hang(body, garment, clearance).reshape(-1, 3))
    return parts


def _levelled(cloth: Floats, garment: Garment, seam: float | None) -> Floats:
    """The cloth over the skin with its hem level, as gravity has it; or with its `seam` to a skirt at that height."""
    shared = skin()
    inwards = shared.rest[:, 2] - (garment.hem if seam is None else garment.waist)
    trunk = np.clip((0.45 - shared.arm) / 0.2, 0, 1)
    at_edge = (trunk > 0.5) & (np.abs(inwards) < 0.012)
    if not at_edge.any():
        return cloth
    level = (cloth[at_edge, 2].mean() if seam is None else seam) + inwards
    share = np.clip(1 - np.abs(inwards) / 0.16, 0, 1) * trunk
    levelled = cloth.copy()
    levelled[:, 2] += share * (level - cloth[:, 2])
    return levelled


@dataclass(frozen=True)
class _Parts:
    """Columns of a sewn mesh being put together."""

    faces: list[Ints]
    texture: list[Floats]
    front: list[Floats]
    edge: list[Floats]
    height: list[Floats]
    folding: list[Floats]

    def add(self, faces: Ints, texture: Floats, front: Floats, edge: Floats, height: Floats, folding: Floats) -> None:
        self.faces.append(faces + sum(len(column) for column in self.front))
        columns = (self.texture, self.front, self.edge, self.height, self.folding)
        for column, values in zip(columns, (texture, front, edge, height, folding), strict=True):
            column.append(values)


@lru_cache(6)
def sew(garment: Garment) -> Sewn:
    """The garment's mesh, drawn on the mean body at rest."""
    shared, parts = template(), _Parts([], [], [], [], [], [])
    patches: tuple[Patch, ...] = ()
    field = np.full(len(shared.rest), -1.0)
    mean = _mean()
    if garment.sleeve is not None:
        cloth = _levelled(tops.shell(mean, garment, CLEARANCE)[0], garment, None)
        texture, folding = _top_texture(cloth), folds.folding_on_top(garment, skin())
        fine = top_field(garment, skin(), cloth)
        field = fine[: len(shared.rest)]  # the skin's first vertices are the body's
        piece = skin().cut(fine)
        base = Patch(piece, np.zeros(len(piece.first)), np.maximum(piece.carry(fine), 0))
        patches = (base, *collars.patches(garment, cloth, texture))
        for patch in patches:
            _add_patch(parts, patch, texture, folding)
        if garment.family == "hoodie":
            _add_hood(parts, collars.hood(cloth))
    if garment.leg is not None:
        field = _legs_field(garment)
        _add_trousers(parts, mean, garment)
    elif garment.skirt is not None:
        _add_skirt(parts, mean, garment)
    columns = [
        np.concatenate(column) for column in (parts.texture, parts.front, parts.edge, parts.height, parts.folding)
    ]
    return Sewn(garment, patches, field, np.concatenate(parts.faces), *columns)


def _add_patch(parts: _Parts, patch: Patch, texture: Floats, folding: Floats) -> None:
    piece, shared = patch.piece, skin()
    rest = piece.carry(shared.rest)
    front = np.clip(0.5 - piece.carry(shared.rest_normals)[:, 1] * 5 + 0.5, 0, 1)
    height = np.where(piece.carry(shared.arm) > 0.3, np.inf, rest[:, 2])
    parts.add(piece.faces, piece.carry(texture), front, patch.edge, height, piece.carry(folding))


def _add_hood(parts: _Parts, rings: Floats) -> None:
    away = np.arange(collars.HOOD_ROWS - 1, -1, -1) * 0.012
    edge = np.repeat(away, collars.HOOD_AROUND)
    size = rings.shape[0] * rings.shape[1]
    parts.add(collars.hood_faces(), collars.hood_texture(rings), np.ones(size), edge, np.full(size, 1.6),
              np.full((size, 2), 0.5))  # fmt: skip


def _add_trousers(parts: _Parts, mean: Body, garment: Garment) -> None:
    vertices = trousers.hang(mean, garment, CLEARANCE, folded=False)
    height = vertices[:, 2]
    edge = np.minimum(height - height.min(), height.max() - height)
    front = trousers.front()
    knee = float(mean.joints[13, 2])
    folding = folds.folding_on_leg(height, knee, 0.80, garment.hem < 0.3)
    parts.add(trousers.faces(), trousers.texture(vertices), front, edge, height, folding)


def _add_skirt(parts: _Parts, mean: Body, garment: Garment) -> None:
    tube = skirts.hang(mean, garment, CLEARANCE, pleated=False)
    front = (tube[..., 1] < tube[..., 1].mean(axis=1, keepdims=True)).astype(float).ravel()
    height = tube[..., 2].ravel()
    below = height - height.min()
    edge = below if garment.sleeve is not None else np.minimum(below, height.max() - height)
    folding = np.column_stack([np.clip((garment.waist - height) / 0.3, 0, 1) * 0.6, np.full(len(height), 0.12)])
    parts.add(skirts.faces(), skirts.texture(tube), front, edge, height, folding)


def _top_texture(cloth: Floats) -> Floats:
    """Texture coordinates over the skin: round the trunk from the centre front, and up; along the sleeves.

    `cloth` is the garment on the mean body: there it is level, whatever relief lies below.
    """
    fine, shared = skin(), template()
    mean = _mean()
    outline = Outline.of(without_arms(mean), np.linspace(1.44, 0.72, 40), 0.02)
    arc = Outline(outline.level, outline.centre, folded_arc(outline.rings(outline.radius)))
    _, around = arc.around(cloth)
    low = np.clip((1.42 - fine.rest[:, 2]) / 0.1, 0, 1)
    flat = np.stack([fine.rest[:, 0] + low * (around - fine.rest[:, 0]), cloth[:, 2]], axis=1)
    shoulder, elbow = shared.rest_joints[5], shared.rest_joints[6]
    down = (elbow - shoulder)[[0, 2]] / np.linalg.norm((elbow - shoulder)[[0, 2]])
    side = np.sign(fine.rest[:, 0])
    offset = np.stack([np.abs(fine.rest[:, 0]), fine.rest[:, 2]], axis=1) - shoulder[[0, 2]]
    across = side * (shoulder[0] + offset @ np.array([-down[1], down[0]]))
    sleeve = np.stack([across, shoulder[2] - 0.03 - 0.56 * fine.along], axis=1)
    on_arm = np.clip((fine.arm - 0.3) / 0.6, 0, 1)[:, None]
    blended: Floats = flat + on_arm * (sleeve - flat)
    return blended


@cache
def _mean() -> Body:
    """The mean body at rest."""
    shared = template()
    return Body(shared.rest, shared.rest_normals, shared.rest_joints, np.eye(4))


def _legs_field(garment: Garment) -> Floats:
    z = template().rest[:, 2]
    arms = template().part_weights[:, ARMS].sum(axis=1)
    return np.where(arms > 0.1, -0.05, np.minimum(garment.waist - z, z - garment.hem))
