"""Joints as heatmaps and back, to fractions of a cell.

The contract that must not break: `joints_of(heat_of(joints))` gives back what lies inside the picture, place within a
twentieth of a cell and score; a joint whose heat nowhere reaches the lowest score is missing: 0, 0, 0.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from preprocess.student.network import HEAT_STRIDE

SIGMA = 2.0
"""Of a joint's bump, in cells of the heatmap."""
LOWEST_SCORE = 0.2
"""Below it a joint counts as not there; the studio's hidden joints have 0.5, OpenPose's surest are above 0.9."""
_FLOOR = 1e-4


def heat_of(joints: Tensor, height: int, width: int, stride: int = HEAT_STRIDE) -> Tensor:
    """Joints NxJx3 (x, y in pixels of the input, score 0..1) as bumps, NxJxheightxwidth cells of `stride` pixels.

    A bump is as high as the joint's score, between cells the peak itself is not sampled.
    """
    places = (joints[..., :2] + 0.5) / stride - 0.5
    columns = torch.arange(width, device=joints.device, dtype=joints.dtype)
    rows = torch.arange(height, device=joints.device, dtype=joints.dtype)
    across = torch.exp(-((columns - places[..., 0:1]) ** 2) / (2 * SIGMA**2))
    down = torch.exp(-((rows - places[..., 1:2]) ** 2) / (2 * SIGMA**2))
    return joints[..., 2, None, None] * down[..., :, None] * across[..., None, :]


def joints_of(heat: Tensor, stride: int = HEAT_STRIDE, lowest_score: float = LOWEST_SCORE) -> Tensor:
    """Heat NxJxhxw as joints NxJx3: x, y in pixels of the input, score clamped to 1.

    The place is the top of the parabola through the logarithms of the highest cell and its neighbours, which is exact
    for the bump of `heat_of`; the score is the parabola's height there.
    """
    height, width = heat.shape[2:]
    padded = F.pad(heat.float(), (1, 1, 1, 1), value=0.0).clamp(min=_FLOOR).log()
    best = heat.flatten(2).argmax(-1)
    row, column = best // width, best % width
    flat = padded.flatten(2)

    def around(down: int, across: int) -> Tensor:
        index = (row + 1 + down) * (width + 2) + column + 1 + across
        return flat.gather(2, index[..., None])[..., 0]

    middle = around(0, 0)
    dx, rise_x = _top(around(0, -1), middle, around(0, 1), column, width)
    dy, rise_y = _top(around(-1, 0), middle, around(1, 0), row, height)
    x = ((column + dx + 0.5) * stride - 0.5).clamp(0, width * stride - 1)
    y = ((row + dy + 0.5) * stride - 0.5).clamp(0, height * stride - 1)
    score = (middle + rise_x + rise_y).exp().clamp(max=1)
    return torch.stack([x, y, score], -1) * (score >= lowest_score)[..., None]


def _top(before: Tensor, middle: Tensor, after: Tensor, place: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Where the parabola through three neighbours is highest, within half a cell, and how much higher that is.

    At the heatmap's border one neighbour is unknown; the bump's own curvature stands in for it.
    """
    bend = torch.full_like(middle, -1 / SIGMA**2)
    first, last = place == 0, place == count - 1
    before = torch.where(first, 2 * middle - after + bend, before)
    after = torch.where(last, 2 * middle - before + bend, after)
    curvature = (before - 2 * middle + after).clamp(max=-1e-3)
    slope = (after - before) / 2
    offset = (-slope / curvature).clamp(-0.5, 0.5)
    return offset, slope * offset + curvature * offset**2 / 2
