"""All that stands before the camera as one mesh, with what each face belongs to.

The contract that must not break: a garment's vertices keep the order of its sewn mesh (from `first_vertex` on), so a
pixel of the scene names a point of cloth that the packshot shows too; the body's vertices come first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from studio import extras
from studio.body import template
from studio.drape import Sewn, sew
from studio.garments import Garment
from studio.mesh import Flags, Floats, Ints
from studio.person import Outfit, Person

BODY, HAIR, SHOES, GARMENT = 0, 1, 2, 3
"""Layer numbers of a scene's faces; worn garments are GARMENT, GARMENT + 1 and so on, from the inside out."""


@dataclass(frozen=True)
class Scene:
    """V vertices and F faces."""

    vertices: Floats
    normals: Floats
    texture: Floats
    """Vx2: cloth, hair and shoe coordinates; x and z at rest on skin."""
    rest: Floats
    """Vx3 position on the mean body at rest: skin only, else 0."""
    front: Floats
    edge: Floats
    """Metres from a garment's nearest edge; 1 on all else."""
    faces: Ints
    layer: Ints
    first_vertex: dict[int, int]
    """Of each layer."""
    garments: tuple[Garment, ...]
    person: Person | None


class _Parts:
    """Meshes collected into one."""

    def __init__(self) -> None:
        self.columns: dict[str, list[Floats]] = {
            name: [] for name in ("vertices", "normals", "texture", "rest", "front", "edge")
        }
        self.faces: list[Ints] = []
        self.layer: list[Ints] = []
        self.first_vertex: dict[int, int] = {}
        self.count = 0

    def add(self, layer: int, faces: Ints, kept: Flags | None = None, **columns: Floats) -> None:
        size = len(columns["vertices"])
        defaults = {"rest": np.zeros((size, 3)), "front": np.zeros(size), "edge": np.ones(size)}
        for name, found in self.columns.items():
            found.append(columns.get(name, defaults.get(name, np.zeros(0))))
        rows = np.arange(len(faces)) if kept is None else np.flatnonzero(kept)
        self.first_vertex[layer] = self.count
        self.faces.append(faces[rows] + self.count)
        self.layer.append(np.full(len(rows), layer))
        self.count += size

    def scene(self, garments: tuple[Garment, ...], person: Person | None) -> Scene:
        columns = {name: np.concatenate(found) for name, found in self.columns.items()}
        faces, layer = np.concatenate(self.faces), np.concatenate(self.layer)
        return Scene(
            faces=faces, layer=layer, first_vertex=self.first_vertex, garments=garments, person=person, **columns
        )


def dressed(person: Person, outfit: Outfit, seed: int) -> Scene:
    """The person in the outfit, with hair and shoes."""
    shared, body, parts = template(), person.body, _Parts()
    shoes, hair = extras.shoes(body), extras.hair(body, person.hair_style, seed)
    sewn = [sew(garment) for garment in outfit.garments]
    shown = ~(shoes.hidden | hair.hidden)
    for garment in sewn:
        shown &= ~garment.hides()
    parts.add(
        BODY, shared.faces, shown, vertices=body.vertices, normals=body.normals, texture=shared.rest[:, [0, 2]],
        rest=shared.rest,
    )  # fmt: skip
    parts.add(HAIR, hair.faces, vertices=hair.vertices, normals=hair.normals, texture=hair.texture)
    parts.add(SHOES, shoes.faces, vertices=shoes.vertices, normals=shoes.normals, texture=shoes.texture)
    for number, garment in enumerate(sewn):
        tucked = outfit.tucked and number == 0
        kept = None
        if tucked:
            kept = garment.above(outfit.garments[1].waist - 0.04)
        cloth = garment.on(body, number, tucked=tucked)
        _add_cloth(parts, GARMENT + number, garment, cloth.vertices, cloth.normals, kept)
    return parts.scene(outfit.garments, person)


def undressed(person: Person) -> Scene:
    """The person in nothing but a painted bodysuit; every face of the body is there."""
    shared, body, parts = template(), person.body, _Parts()
    parts.add(
        BODY, shared.faces, vertices=body.vertices, normals=body.normals, texture=shared.rest[:, [0, 2]],
        rest=shared.rest,
    )  # fmt: skip
    return parts.scene((), person)


def alone(garment: Sewn, vertices: Floats, normals: Floats) -> Scene:
    """One garment without a person."""
    parts = _Parts()
    _add_cloth(parts, GARMENT, garment, vertices, normals, None)
    return parts.scene((garment.garment,), None)


def _add_cloth(parts: _Parts, layer: int, sewn: Sewn, vertices: Floats, normals: Floats, kept: Flags | None) -> None:
    parts.add(
        layer, sewn.faces, kept, vertices=vertices, normals=normals, texture=sewn.texture, front=sewn.front,
        edge=sewn.edge,
    )  # fmt: skip
