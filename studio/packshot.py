"""A garment alone: front, as if on an invisible mannequin, near-white, with a soft shadow.

The contract that must not break: the packshot shows the sewn mesh that is worn, in another pose; nothing is redrawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from studio.backdrop import Studio
from studio.body import PHENOTYPES, Body, posed_body
from studio.drape import Sewn, sew
from studio.garments import Garment
from studio.mesh import Floats
from studio.poses import packshot_pose, rotation
from studio.raster import Camera, rasterise
from studio.render import photograph, unshaded
from studio.scene import Scene, alone
from vitonhd.arrays import Mask, Picture
from vitonhd.garment_classes import GarmentClass

PACKSHOT_STUDIO = Studio(-18, 38, 0.55, 0.56, (0.965, 0.965, 0.965))
_MARGIN = 1.1


@dataclass(frozen=True)
class Packshot:
    """A garment's own picture and what it shows."""

    image: Picture
    mask: Mask
    projected: Floats
    """Pixels and depth of every vertex of the sewn garment, Vx3."""
    depth: Floats
    """HxW metres, infinite on the backdrop."""
    scene: Scene
    camera: Camera

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.camera.width, self.camera.height

    def unshaded(self) -> Picture:
        return unshaded(self.scene, self.camera)


@cache
def _mannequin(garment_class: GarmentClass) -> Body:
    """A slim figure, a woman's for dresses; its legs stand closer than people's and its arms hang at a slight angle."""
    gender = {GarmentClass.DRESS: 0.85, GarmentClass.LOWER: 0.5}.get(garment_class, 0.3)
    phenotype = dict.fromkeys(PHENOTYPES, 0.5) | {"age": 0.67, "gender": gender, "weight": 0.42}
    legs = {f"upperleg01.{side}": rotation(0, turn, 0) for side, turn in (("L", 4.6), ("R", -4.6))}
    return posed_body(phenotype, packshot_pose() | legs)


def packshot(garment: Garment, width: int, height: int) -> Packshot:
    """The picture of a garment, filling the frame but for a margin."""
    sewn: Sewn = sew(garment)
    cloth = sewn.on(_mannequin(garment.garment_class))
    scene = alone(sewn, cloth.vertices, cloth.normals)
    low, high = cloth.vertices.min(axis=0), cloth.vertices.max(axis=0)
    centre, extent = (low + high) / 2, (high - low) * _MARGIN
    span = max(extent[2], extent[0] * height / width)
    camera = Camera(width, height, float(centre[0]), float(centre[2]), 6.0, float(span))
    fragments = rasterise(scene.vertices, scene.faces, camera)
    projected = camera.project(cloth.vertices)
    depth = np.full((height, width), np.inf)
    depth[fragments.covered] = fragments.carry(scene.faces, projected[:, 2])
    return Packshot(photograph(scene, camera, PACKSHOT_STUDIO), fragments.covered, projected, depth, scene, camera)
