"""All that stands before the camera as one mesh, with what each face belongs to.

The contract that must not break: a garment's vertices keep the order of its sewn mesh (from `first_vertex` on), so a
pixel of the scene names a point of cloth that the packshot shows too; the body's vertices come first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from studio.body import ARMS, EYE, HEAD, Body, template
from studio.drape import LAYER, Cloth, Sewn, sew
from studio.footwear import put_on
from studio.garments import Garment
from studio.mesh import Flags, Floats, Ints, vertex_normals
from studio.person import Outfit, Person
from studio.strands import HairMesh, grow
from studio.surface import surfaces
from studio.touch import press_of

BODY, HAIR, SHOES, GARMENT = 0, 1, 2, 3
"""Layer numbers of a scene's faces; worn garments are GARMENT, GARMENT + 1 and so on, from the inside out."""

_GAP = 0.004
"""Metres between an arm and the cloth that it presses."""


@dataclass(frozen=True)
class Scene:
    """V vertices and F faces."""

    vertices: Floats
    normals: Floats
    texture: Floats
    """Vx2: cloth, hair and shoe coordinates; x and z at rest on skin."""
    rest: Floats
    """Vx3: on skin the position on the mean body at rest, on shoes their `place`, else 0."""
    front: Floats
    edge: Floats
    """Metres from a garment's nearest edge or from the hairline; 1 on all else."""
    folding: Floats
    """Vx2 in 0..1, of cloth: how much it is dragged lengthwise and creased crosswise."""
    grain: Floats
    """Vx3 unit vectors along strands of hair, else 0."""
    faces: Ints
    layer: Ints
    first_vertex: dict[int, int]
    """Of each layer."""
    garments: tuple[Garment, ...]
    person: Person | None
    suited: bool = False
    """Whether a bodysuit is painted on the person: where they would else be undressed."""


class _Parts:
    """Meshes collected into one."""

    def __init__(self) -> None:
        self.columns: dict[str, list[Floats]] = {
            name: [] for name in ("vertices", "normals", "texture", "rest", "front", "edge", "folding", "grain")
        }
        self.faces: list[Ints] = []
        self.layer: list[Ints] = []
        self.first_vertex: dict[int, int] = {}
        self.count = 0

    def add(self, layer: int, faces: Ints, kept: Flags | None = None, **columns: Floats) -> None:
        size = len(columns["vertices"])
        zeros = np.zeros((size, 3))
        defaults = {
            "rest": zeros,
            "grain": zeros,
            "folding": zeros[:, :2],
            "front": np.zeros(size),
            "edge": np.ones(size),
        }
        for name, found in self.columns.items():
            found.append(columns.get(name, defaults.get(name, np.zeros(0))))
        rows = np.arange(len(faces)) if kept is None else np.flatnonzero(kept)
        self.first_vertex[layer] = self.count
        self.faces.append(faces[rows] + self.count)
        self.layer.append(np.full(len(rows), layer))
        self.count += size

    def scene(self, garments: tuple[Garment, ...], person: Person | None, *, suited: bool = False) -> Scene:
        columns = {name: np.concatenate(found) for name, found in self.columns.items()}
        faces, layer = np.concatenate(self.faces), np.concatenate(self.layer)
        return Scene(
            faces=faces,
            layer=layer,
            first_vertex=self.first_vertex,
            garments=garments,
            person=person,
            suited=suited,
            **columns,
        )


def dressed(person: Person, outfit: Outfit) -> Scene:
    """The person in the outfit, with hair and shoes; over a bodysuit where the target garment is taken off."""
    shared, body, parts = template(), person.body, _Parts()
    sewn = [sew(garment) for garment in outfit.garments]
    cloths = [garment.on(body, number, tucked=outfit.tucked and number == 0) for number, garment in enumerate(sewn)]
    cloths = _touched(body, sewn, cloths)
    shoes, hair = put_on(body, person.shoes), _hair(person, sewn, cloths)
    shown = ~(shoes.hidden | hair.hidden)
    for garment in sewn:
        shown &= ~garment.hides()
    parts.add(
        BODY, shared.faces, shown, vertices=body.vertices, normals=body.normals, texture=shared.rest[:, [0, 2]],
        rest=shared.rest,
    )  # fmt: skip
    parts.add(HAIR, hair.faces, vertices=hair.vertices, normals=hair.normals, texture=hair.texture, edge=hair.edge,
              grain=hair.grain)  # fmt: skip
    parts.add(SHOES, shoes.faces, vertices=shoes.vertices, normals=shoes.normals, texture=shoes.texture,
              rest=shoes.place)  # fmt: skip
    for number, (garment, cloth) in enumerate(zip(sewn, cloths, strict=True)):
        kept = garment.above(outfit.garments[1].waist - 0.04) if outfit.tucked and number == 0 else None
        _add_cloth(parts, GARMENT + number, garment, cloth.vertices, cloth.normals, kept)
    return parts.scene(outfit.garments, person, suited=outfit.target < 0)


def _touched(body: Body, sewn: list[Sewn], cloths: list[Cloth]) -> list[Cloth]:
    """The clothes pressed in by hands and forearms that lie on them."""
    on_arms = [np.isinf(garment.height) for garment in sewn]
    sleeves = [cloth.vertices[arm] for cloth, arm in zip(cloths, on_arms, strict=True)]
    press = press_of(body, np.concatenate([np.zeros((0, 3)), *sleeves]))
    touched = []
    for number, (garment, cloth, arm) in enumerate(zip(sewn, cloths, on_arms, strict=True)):
        vertices = press.pressed(cloth.vertices, ~arm, _GAP + LAYER * (len(sewn) - 1 - number))
        touched.append(Cloth(vertices, vertex_normals(vertices, garment.faces)))
    return touched


def _hair(person: Person, sewn: list[Sewn], cloths: list[Cloth]) -> HairMesh:
    """The person's hair, laid on trunk and clothes."""
    shared, body = template(), person.body
    trunk = shared.part_weights[:, [HEAD, EYE, *ARMS]].sum(axis=1)[shared.faces].max(axis=1) < 0.5
    first = np.cumsum([len(body.vertices), *(len(cloth.vertices) for cloth in cloths)])
    faces = [shared.faces[trunk], *(garment.faces + start for garment, start in zip(sewn, first, strict=False))]
    vertices = np.concatenate([body.vertices, *(cloth.vertices for cloth in cloths)])
    return grow(body, person.hair, *surfaces(vertices, np.concatenate(faces), body.joints[1], 0.7, 0.9))


def undressed(person: Person) -> Scene:
    """The person in nothing but a painted bodysuit; every face of the body is there."""
    shared, body, parts = template(), person.body, _Parts()
    parts.add(
        BODY, shared.faces, vertices=body.vertices, normals=body.normals, texture=shared.rest[:, [0, 2]],
        rest=shared.rest,
    )  # fmt: skip
    return parts.scene((), person, suited=True)


def alone(garment: Sewn, vertices: Floats, normals: Floats) -> Scene:
    """One garment without a person."""
    parts = _Parts()
    _add_cloth(parts, GARMENT, garment, vertices, normals, None)
    return parts.scene((garment.garment,), None)


def _add_cloth(parts: _Parts, layer: int, sewn: Sewn, vertices: Floats, normals: Floats, kept: Flags | None) -> None:
    parts.add(
        layer, sewn.faces, kept, vertices=vertices, normals=normals, texture=sewn.texture, front=sewn.front,
        edge=sewn.edge, folding=sewn.folding,
    )  # fmt: skip
