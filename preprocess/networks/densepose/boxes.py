"""Boxes: anchors, deltas to boxes, and which pyramid level a box is pooled from.

The contract that must not break: anchors are centred at cell index times stride, unrounded; boxes are x0, y0, x1, y1
in pixels of the resized picture.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torchvision.ops import batched_nms, nms, roi_align  # type: ignore[import-untyped]

ANCHOR_SIZES = (32, 64, 128, 256, 512)
STRIDES = (4, 8, 16, 32, 64)
RATIOS = (0.5, 1.0, 2.0)
_LARGEST_STRETCH = math.log(1000 / 16)
_SAMPLES = 2  # ROIAlign's sampling ratio; `aligned` is False, as s1x overrides it


def anchors(height: int, width: int, size: int, stride: int, device: torch.device) -> Tensor:
    """float32 (height * width * 3)x4: the anchors of one level, ratio (height over width) fastest."""
    ratios = torch.tensor(RATIOS, dtype=torch.float64)
    widths = (size**2 / ratios).sqrt()
    halves = torch.stack([-widths, -widths * ratios, widths, widths * ratios], 1) / 2
    y, x = torch.meshgrid(
        torch.arange(height, dtype=torch.float32) * stride,
        torch.arange(width, dtype=torch.float32) * stride,
        indexing="ij",
    )
    centres = torch.stack([x, y, x, y], -1).reshape(-1, 1, 4)
    return (centres + halves.float()).reshape(-1, 4).to(device)


def decode(deltas: Tensor, boxes: Tensor, weights: tuple[float, float, float, float]) -> Tensor:
    """Boxes moved by dx, dy (shares of their size) and stretched by exp(dw), exp(dh); both Kx4, to Kx4."""
    sizes = boxes[:, 2:] - boxes[:, :2]
    centres = boxes[:, :2] + 0.5 * sizes
    deltas = deltas / deltas.new_tensor(weights)
    centres = deltas[:, :2] * sizes + centres
    halves = 0.5 * deltas[:, 2:].clamp(max=_LARGEST_STRETCH).exp() * sizes
    return torch.cat([centres - halves, centres + halves], 1)


def clip(boxes: Tensor, height: float, width: float) -> Tensor:
    limits = boxes.new_tensor([width, height, width, height])
    return boxes.clamp(min=0).minimum(limits)


def not_empty(boxes: Tensor) -> Tensor:
    return ((boxes[:, 2:] - boxes[:, :2]) > 0).all(1)


def suppressed(boxes: Tensor, scores: Tensor, overlap: float, groups: Tensor | None = None) -> Tensor:
    """Indices of the boxes that are left, best first, without those that overlap a better one (of their group)."""
    left: Tensor = nms(boxes, scores, overlap) if groups is None else batched_nms(boxes, scores, groups, overlap)
    return left


def pool(features: list[Tensor], boxes: list[Tensor], cells: int) -> Tensor:
    """Features under each box as KxCx`cells`x`cells`, from the level of p2.. that suits its size (FPN's rule)."""
    rows = _with_picture_numbers(boxes)
    sizes = (rows[:, 3:] - rows[:, 1:3]).prod(1).sqrt()
    top = len(features) + 1
    levels = torch.floor(4 + torch.log2(sizes / 224 + 1e-8)).clamp(2, top).long()
    pooled = features[0].new_zeros(len(rows), features[0].shape[1], cells, cells)
    for level, feature in enumerate(features, start=2):
        chosen = (levels == level).nonzero()[:, 0]
        if len(chosen):
            pooled[chosen] = _align(feature, rows[chosen], cells, level)
    return pooled


def pool_single(feature: Tensor, boxes: list[Tensor], cells: int) -> Tensor:
    """As `pool`, all boxes from one feature map of p2's stride."""
    return _align(feature, _with_picture_numbers(boxes), cells, 2)


def _with_picture_numbers(boxes: list[Tensor]) -> Tensor:
    return torch.cat([torch.cat([one.new_full((len(one), 1), number), one], 1) for number, one in enumerate(boxes)])


def _align(feature: Tensor, rows: Tensor, cells: int, level: int) -> Tensor:
    aligned: Tensor = roi_align(feature, rows, cells, 1 / STRIDES[level - 2], _SAMPLES, aligned=False)
    return aligned
