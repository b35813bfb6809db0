"""A garment alone: front, as if on an invisible mannequin, near-white, with a soft shadow.

The contract that must not break: the packshot shows the sewn mesh that is worn, in another pose; nothing is redrawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from studio.body import PHENOTYPES, Body, posed_body
from studio.drape import Sewn, sew
from studio.garments import Garment
from studio.mesh import Floats
from studio.poses import packshot_pose
from studio.raster import Camera, rasterise
from studio.render import Studio, photograph, unshaded
from studio.scene import Scene, alone
from vitonhd.arrays import Mask, Picture

_WHITE = Studio(-18, 38, 0.55, 0.56, (0.965, 0.965, 0.965))
_MARGIN = 1.14


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
def _mannequin() -> Body:
    phenotype = dict.fromkeys(PHENOTYPES, 0.5) | {"age": 0.67, "gender": 0.75, "weight": 0.42}
    return posed_body(phenotype, packshot_pose())


def packshot(garment: Garment, width: int, height: int) -> Packshot:
    """The picture of a garment, filling the frame but for a margin."""
    sewn: Sewn = sew(garment)
    cloth = sewn.on(_mannequin())
    scene = alone(sewn, cloth.vertices, cloth.normals)
    low, high = cloth.vertices.min(axis=0), cloth.vertices.max(axis=0)
    centre, extent = (low + high) / 2, (high - low) * _MARGIN
    span = max(extent[2], extent[0] * height / width)
    camera = Camera(width, height, float(centre[0]), float(centre[2]), 6.0, float(span))
    fragments = rasterise(scene.vertices, scene.faces, camera)
    projected = camera.project(cloth.vertices)
    depth = np.full((height, width), np.inf)
    depth[fragments.covered] = fragments.carry(scene.faces, projected[:, 2])
    return Packshot(photograph(scene, camera, _WHITE), fragments.covered, projected, depth, scene, camera)
