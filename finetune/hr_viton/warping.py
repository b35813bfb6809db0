"""Warping a picture with a flow, exactly as the published networks were trained to see it.

The contract that must not break: the base grid is made for align_corners=True and sampled with align_corners=False, so
a zero flow is not the identity warp. Correcting that changes the warped mask by up to 0.84 (spec section 2.3).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from finetune.hr_viton.sizes import check_size


def resize(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """NxCxhxw to NxCxHxW, bilinear, without antialiasing."""
    return functional.interpolate(maps, size=size, mode="bilinear", align_corners=False)


def resize_nearest(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """NxCxhxw to NxCxHxW, each value that of the nearest pixel above and to the left."""
    return functional.interpolate(maps, size=size, mode="nearest")


def resize_flow(flow: Tensor, size: tuple[int, int]) -> Tensor:
    """Nxhxwx2 to NxHxWx2; the values keep their unit."""
    return resize(flow.permute(0, 3, 1, 2), size).permute(0, 2, 3, 1)


def base_grid(size: tuple[int, int], like: Tensor) -> Tensor:
    """1xHxWx2: x and y from -1 to 1, end points included."""
    height, width = size
    y = torch.linspace(-1, 1, height, device=like.device, dtype=like.dtype)
    x = torch.linspace(-1, 1, width, device=like.device, dtype=like.dtype)
    return torch.stack((x.expand(height, width), y[:, None].expand(height, width)), -1)[None]


def sampling_grid(flow: Tensor, size: tuple[int, int]) -> Tensor:
    """NxHxWx2 in -1..1: where each pixel of a picture of `size` comes from.

    `flow` is Nxhxwx2, (x, y), in pixels of its own map: it is divided by half of that map's sides less one, whatever
    `size` is. Raises ValueError for a flow of less than 2x2, which has no unit.
    """
    height, width = flow.shape[1:3]
    check_size("flow", (height, width), 1, least=2)
    unit = flow.new_tensor(((width - 1) / 2, (height - 1) / 2))
    return base_grid(size, flow) + resize_flow(flow, size) / unit


def sample(source: Tensor, grid: Tensor) -> Tensor:
    """NxCxhxw at the places of an NxHxWx2 grid: bilinear, the border goes on for ever."""
    return functional.grid_sample(source, grid, mode="bilinear", padding_mode="border", align_corners=False)


def warp(source: Tensor, flow: Tensor) -> Tensor:
    """NxCxHxW warped by a flow Nxhxwx2 of any size (see `sampling_grid`)."""
    size = (source.shape[2], source.shape[3])
    return sample(source, sampling_grid(flow, size))
