"""What JPEG does to a batch, on any device: chroma at half size, 8x8 cosine transform, the standard's tables.

The contract that must not break: at quality 100 a picture hardly changes, and lower qualities change it more.
"""

from __future__ import annotations

import math
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

_SIDE = 8
_LUMA = (
    (16, 11, 10, 16, 24, 40, 51, 61), (12, 12, 14, 19, 26, 58, 60, 55), (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62), (18, 22, 37, 56, 68, 109, 103, 77), (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101), (72, 92, 95, 98, 112, 100, 103, 99),
)  # fmt: skip
_CHROMA = (
    (17, 18, 24, 47, 99, 99, 99, 99), (18, 21, 26, 66, 99, 99, 99, 99), (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99), *((99,) * 8,) * 4,
)  # fmt: skip
_TO_YCC = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))


def compress(pictures: Tensor, quality: Tensor) -> Tensor:
    """Pictures Nx3xHxW of 0..1, sides multiples of 16, as they come back from JPEG of quality (N, 1..100)."""
    colours = torch.tensor(_TO_YCC, device=pictures.device)
    ycc = torch.einsum("ij,njhw->nihw", colours, pictures * 255)
    luma = _quantised(ycc[:, :1] - 128, _table(_LUMA, quality)) + 128
    chroma = _quantised(F.avg_pool2d(ycc[:, 1:], 2), _table(_CHROMA, quality))
    chroma = F.interpolate(chroma, scale_factor=2.0, mode="bilinear", align_corners=False)
    back = torch.einsum("ij,njhw->nihw", torch.linalg.inv(colours), torch.cat([luma, chroma], 1))
    return (back / 255).clamp(0, 1)


def _table(base: tuple[tuple[int, ...], ...], quality: Tensor) -> Tensor:
    """Nx8x8, scaled as libjpeg does."""
    scale = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality)
    table = torch.tensor(base, device=quality.device, dtype=torch.float32)
    return ((table * scale[:, None, None] + 50) / 100).floor().clamp(1, 255)


def _quantised(planes: Tensor, table: Tensor) -> Tensor:
    count, channels, height, width = planes.shape
    cosines = _cosines().to(planes.device)
    blocks = planes.view(count, channels, height // _SIDE, _SIDE, width // _SIDE, _SIDE).transpose(3, 4)
    steps = table[:, None, None, None]
    waves = cosines @ blocks @ cosines.T
    blocks = cosines.T @ ((waves / steps).round() * steps) @ cosines
    return blocks.transpose(3, 4).reshape(count, channels, height, width)


@cache
def _cosines() -> Tensor:
    """8x8, orthonormal DCT-II."""
    place = torch.arange(_SIDE)
    waves = torch.cos((2 * place + 1) * place[:, None] * math.pi / (2 * _SIDE)) / 2
    waves[0] /= math.sqrt(2)
    return waves
