"""What hair and hands lie on: the nearest surface from the front or the back, as a grid of depths.

The contract that must not break: a grid shows meshes as they are dressed, in metres of the world.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from studio.mesh import Floats, Ints
from studio.raster import Camera, rasterise

_CELL = 0.008
_FAR = 40.0
_SLOPE = 0.9


@dataclass(frozen=True)
class Surface:
    """y of the frontmost (or hindmost) surface over a grid in x and z; cells without any are far away."""

    grid: Floats
    """ZxX metres, row 0 on top."""
    left: float
    top: float

    def depth(self, points: Floats) -> Floats:
        """y at points Nx3, by x and z."""
        x = np.clip(np.rint((points[:, 0] - self.left) / _CELL), 0, self.grid.shape[1] - 1).astype(int)
        z = np.clip(np.rint((self.top - points[:, 2]) / _CELL), 0, self.grid.shape[0] - 1).astype(int)
        found: Floats = self.grid[z, x]
        return found


def surfaces(vertices: Floats, faces: Ints, middle: Floats, width: float, height: float) -> tuple[Surface, Surface]:
    """The front and the back of a mesh around a point: a window of width x height metres.

    Above a ledge the surface slopes up to it, so that what falls on it bends before it meets it.
    """
    across, rows = round(width / _CELL), round(height / _CELL)
    found = []
    for sign in (1, -1):
        turned = (vertices - middle) * np.array([sign, sign, 1])
        fragments = rasterise(turned, faces, Camera(across, rows, 0, 0, _FAR, rows * _CELL))
        grid = np.full((rows, across), 9.0)
        grid[fragments.covered] = fragments.carry(faces, turned[:, 1])
        for row in range(rows - 2, -1, -1):
            grid[row] = np.minimum(grid[row], grid[row + 1] + _SLOPE * _CELL)
        grid = np.minimum(grid, np.minimum(np.roll(grid, 1, axis=1), np.roll(grid, -1, axis=1)))
        grid = sign * grid[:, ::sign] + middle[1]
        found.append(Surface(grid, middle[0] - (across - 1) / 2 * _CELL, middle[2] + (rows - 1) / 2 * _CELL))
    return found[0], found[1]
