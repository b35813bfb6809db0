"""Cloth that gives way to hands and forearms: a skirt or a loose top is pressed in where an arm lies against it.

The contract that must not break: cloth moves level and inwards alone, never into the body; faces stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from studio.body import ARMS, FOREARMS, HANDS, HEAD, Body, template
from studio.mesh import Flags, Floats, Ints

_AROUND, _CELL = 128, 0.012
_SLOPE = 0.9
"""How steeply cloth comes back to its own shape beside an arm."""
_ROUNDS = 30
_FREE = 1.0
"""Metres from the axis where no arm hinders cloth."""
_SKIN = 0.003
"""Metres that cloth keeps from the skin it is pressed to."""


@dataclass(frozen=True)
class Press:
    """How far from the trunk's axis cloth may be, by height and angle."""

    axis: Floats
    bottom: float
    outer: Floats
    """ZxA metres: the inner side of the arms, _FREE where there are none."""
    inner: Floats
    """ZxA metres: the skin."""

    def pressed(self, cloth: Floats, trunk: Flags, gap: float) -> Floats:
        """Cloth (Nx3) with what is of the trunk moved in to `gap` metres before the arms."""
        offset = cloth[:, :2] - self.axis
        outer, inner = (_between(grid, offset, cloth[:, 2] - self.bottom) for grid in (self.outer, self.inner))
        away = np.linalg.norm(offset, axis=1)
        limit = np.maximum(outer - gap, inner + _SKIN)
        within = trunk & (cloth[:, 2] > self.bottom) & (away > limit)
        moved = cloth.copy()
        moved[within, :2] = self.axis + offset[within] * (limit[within] / away[within])[:, None]
        return moved


def press_of(body: Body, sleeves: Floats) -> Press:
    """What the arms of a body leave to cloth; `sleeves` Nx3 are vertices of what covers the arms."""
    weights, points = template().part_weights, body.vertices
    lower = points[weights[:, [*FOREARMS, *HANDS]].sum(axis=1) > 0.6]
    elbows = body.joints[[3, 6], 2]
    highest = np.where(sleeves[:, 0] > body.joints[8, 0], elbows[1], elbows[0])
    lower = np.concatenate([lower, sleeves[sleeves[:, 2] < highest]])
    trunk = points[weights[:, [*ARMS, HEAD]].sum(axis=1) < 0.05]
    axis, bottom = body.joints[8, :2], float(lower[:, 2].min()) - 0.35
    rows = round((float(lower[:, 2].max()) + 0.15 - bottom) / _CELL)
    outer, inner = np.full((rows, _AROUND), _FREE), np.zeros((rows, _AROUND))
    for found, where, choose in ((outer, lower, np.minimum), (inner, trunk, np.maximum)):
        offset, height = where[:, :2] - axis, where[:, 2] - bottom
        there = (height > 0) & (height < rows * _CELL)
        choose.at(found, _cells(offset[there], height[there], rows), np.linalg.norm(offset[there], axis=1))
    for _ in range(_ROUNDS):
        outer = _spread(outer, _SLOPE * _CELL)
    return Press(axis, bottom, _smooth(outer), -_spread(-inner, 0.0))


def _between(grid: Floats, offset: Floats, height: Floats) -> Floats:
    """Values of a grid at points, bilinear."""
    column = np.arctan2(offset[:, 0], -offset[:, 1]) / (2 * np.pi) * _AROUND
    row = np.clip(height / _CELL, 0, len(grid) - 1.001)
    low, left = np.floor(row).astype(int), np.floor(column).astype(int)
    v, u, right = row - low, column - left, (left + 1) % _AROUND
    below, above = (grid[r, left] * (1 - u) + grid[r, right] * u for r in (low, low + 1))
    between: Floats = below * (1 - v) + above * v
    return between


def _smooth(grid: Floats) -> Floats:
    """The mean over 5x5 cells, around the trunk without a seam."""
    padded = np.pad(np.pad(grid, ((0, 0), (2, 2)), mode="wrap"), ((2, 2), (0, 0)), mode="edge")
    return np.asarray(cv2.blur(padded, (5, 5)), np.float64)[2:-2, 2:-2]


def _cells(offset: Floats, height: Floats, rows: int) -> tuple[Ints, Ints]:
    column = np.rint(np.arctan2(offset[:, 0], -offset[:, 1]) / (2 * np.pi) * _AROUND).astype(int) % _AROUND
    return np.clip(np.rint(height / _CELL).astype(int), 0, rows - 1), column


def _spread(grid: Floats, step: float) -> Floats:
    """Each cell or the least of its neighbours plus a step, whichever is less."""
    aside = np.minimum(np.roll(grid, 1, axis=1), np.roll(grid, -1, axis=1))
    padded = np.pad(grid, ((1, 1), (0, 0)), mode="edge")
    beside: Floats = np.minimum(aside, np.minimum(padded[:-2], padded[2:])) + step
    return np.minimum(grid, beside)
