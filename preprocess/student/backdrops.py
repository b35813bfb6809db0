"""Made-up backdrops and textures, in batch on any device: plain, gradients, noise, and rooms of boxes.

The contract that must not break: float32 Nx3xHxW in 0..1, a function of the draws alone.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from preprocess.student.draws import Draws

_BOXES = 6
_OCTAVES = ((3, 0.5), (8, 0.3), (24, 0.2))
"""Cells across of each layer of noise, and how strong it is."""


def draw_backdrops(draws: Draws, worn: Tensor, height: int, width: int) -> Tensor:
    """A backdrop for each example: packshots mostly stand before plain ones, people anywhere."""
    plain = _plain(draws)
    kinds = torch.stack([plain.expand(-1, -1, height, width), _gradients(draws, plain, height, width),
                         noise_textures(draws, height, width), _rooms(draws, height, width)])  # fmt: skip
    kind = torch.where(worn, draws.whole(4), torch.where(draws.chance(0.7), 0, draws.whole(4)))
    return kinds[kind, torch.arange(len(kind), device=kind.device)]


def _plain(draws: Draws) -> Tensor:
    """Nx3x1x1: studio white and greys, each with a slight cast, and sometimes any colour."""
    grey = draws.uniform(0.55, 1.0, 1) + draws.normal(0.015, 3)
    return torch.where(draws.chance(0.75)[:, None], grey, draws.uniform(0, 1, 3)).clamp(0, 1)[..., None, None]


def _gradients(draws: Draws, start: Tensor, height: int, width: int) -> Tensor:
    end = (start + draws.normal(0.25, 3)[..., None, None]).clamp(0, 1)
    return torch.lerp(start, end, ramp(draws, height, width))


def ramp(draws: Draws, height: int, width: int) -> Tensor:
    """Nx1xHxW, 0..1 along a random direction, softly stepped."""
    rows = torch.linspace(-1, 1, height, device=draws.device)[:, None]
    columns = torch.linspace(-1, 1, width, device=draws.device)
    angle, steep, middle = draws.uniform(0, 6.2832), draws.factor(4.0) * 2, draws.uniform(-0.5, 0.5)
    along = columns * angle.cos()[:, None, None] + rows * angle.sin()[:, None, None] - middle[:, None, None]
    return torch.sigmoid(along * steep[:, None, None])[:, None]


def noise_textures(draws: Draws, height: int, width: int) -> Tensor:
    """Clouds of colour: layers of smooth noise, from large to fine."""
    total = draws.uniform(0.1, 0.9, 3)[..., None, None].expand(-1, -1, height, width)
    for cells, strength in _OCTAVES:
        coarse = draws.noise(3, cells, cells) * strength * draws.uniform(0, 0.6)[:, None, None, None]
        total = total + F.interpolate(coarse, (height, width), mode="bilinear", align_corners=False)
    return total.clamp(0, 1)


def _rooms(draws: Draws, height: int, width: int) -> Tensor:
    """A wall, a floor, and boxes that could be doors, windows and furniture, out of focus to a random degree."""
    height, width = height // 2, width // 2
    rows = torch.linspace(0, 1, height, device=draws.device)[:, None]
    columns = torch.linspace(0, 1, width, device=draws.device)
    wall, floor = draws.uniform(0.2, 1, 3), draws.uniform(0.05, 0.9, 3)
    horizon = draws.uniform(0.55, 0.95)[:, None, None]
    below = torch.sigmoid((rows - horizon) * 60).expand(-1, height, width)[:, None]
    room = torch.lerp(wall[..., None, None], floor[..., None, None], below)
    for _ in range(_BOXES):
        left, top, wide, high = draws.uniform(-0.2, 1, 4)[..., None, None].unbind(1)
        inside = _within(columns, left, wide.abs() * 0.5 + 0.05) * _within(rows, top, high.abs() * 0.7 + 0.05)
        shade = draws.uniform(0.05, 1, 3)[..., None, None]
        room = torch.lerp(room, shade, (inside * draws.uniform(0.3, 1)[:, None, None])[:, None])
    return F.interpolate(room.clamp(0, 1), scale_factor=2.0, mode="bilinear", align_corners=False)


def _within(place: Tensor, start: Tensor, extent: Tensor) -> Tensor:
    """1 between start and start + extent, soft at both ends."""
    return torch.sigmoid((place - start) * 80) * torch.sigmoid((start + extent - place) * 80)
