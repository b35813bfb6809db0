"""Skirts: a tube that hangs around hips and both legs, as a grid of level rings.

The contract that must not break: the grid has ROWS x AROUND vertices on every body; ring row r at angle a is the same
point of cloth everywhere.
"""

from __future__ import annotations

import numpy as np

from studio import folds
from studio.body import Body
from studio.garments import Garment
from studio.mesh import Floats, Ints
from studio.outline import ANGLES, AROUND, Outline, folded_arc, in_world, level_on, smooth_rows, without_arms

ROWS = 60


def faces() -> Ints:
    """The tube's triangles, outside counter-clockwise."""
    row, column = np.meshgrid(np.arange(ROWS - 1), np.arange(AROUND), indexing="ij")
    a, b = row * AROUND + column, row * AROUND + (column + 1) % AROUND
    c, d = a + AROUND, b + AROUND
    return np.concatenate([np.stack([a, c, b], -1).reshape(-1, 3), np.stack([b, c, d], -1).reshape(-1, 3)])


def texture(tube: Floats) -> Floats:
    """Texture coordinates of a tube ROWSxAROUNDx3: metres across, folded at the side seams, and height."""
    return np.stack([folded_arc(tube), tube[..., 2]], axis=-1).reshape(-1, 2)


def outline(body: Body, garment: Garment, clearance: float) -> Outline:
    """The skirt without folds: from the hips it falls straight or flared, and never lies inside the legs."""
    assert garment.skirt is not None
    heights = np.linspace(garment.waist, garment.skirt, ROWS)
    slab = np.interp(heights, (0.6, 0.95), (0.05, 0.02))  # the mesh of calves is coarse
    bare = Outline.of(without_arms(body, feet=False), level_on(body, heights), slab)
    down = (garment.waist - heights)[:, None]
    narrowing = 0.12 * max(0.0, 0.1 - garment.flare) / 0.1
    radius = bare.hanging(narrowing).radius
    below = int(np.searchsorted(down[:, 0], 0.24))
    if below < ROWS:  # legs that stand apart don't push a skirt out before they touch it
        radius[below:] = radius[below] - narrowing * (down[below:] - down[below])
    flared = np.maximum(down - 0.05, 0)
    radius = radius + garment.ease * np.clip(down / 0.2, 0, 1) + garment.flare * flared**2 / (flared + 0.1)
    touching = np.maximum(radius, bare.radius + 0.004) - radius
    for _ in range(4):
        touching = np.maximum(touching, smooth_rows(touching))
    return Outline(bare.level, bare.centre, radius + touching + clearance)


def hang(body: Body, garment: Garment, clearance: float, *, pleated: bool = True) -> Floats:
    """The tube on a body, ROWSxAROUNDx3."""
    assert garment.skirt is not None
    fallen = outline(body, garment, clearance)
    radius, down = fallen.radius, np.linspace(0, garment.waist - garment.skirt, ROWS)[:, None]
    if pleated:
        radius = radius * (1 + folds.on_skirt(garment, ANGLES, down / down[-1], down))
    return in_world(fallen.rings(radius), body)
