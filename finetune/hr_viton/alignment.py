"""Condition aligning: warped garment, its mask and the parse are made to agree.

The contract that must not break: formulas are the published ones (spec sections 2.4 to 2.6), and which channel is the
garment and what hides it comes from the garment class's rules alone.
"""

from __future__ import annotations

from functools import cache
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from vitonhd.garment_classes import RULES, GarmentClass

Composition = Literal["warp_grad", "detach", "no_composition"]

WHITE = 1.0
BLUR_TAPS = 15
BLUR_SIGMA = 3.0


class OccludedGarment(NamedTuple):
    garment: Tensor
    """Nx3xHxW in -1..1, white where the mask is 0."""
    mask: Tensor
    """Nx1xHxW in 0..1."""


def compose_garment(
    logits: Tensor,
    warped_mask: Tensor,
    composition: Composition = "warp_grad",
    garment_class: GarmentClass = GarmentClass.UPPER,
) -> Tensor:
    """Nx13xHxW logits whose garment channel is allowed only where the warped garment is.

    `warp_grad` multiplies by the soft mask, `detach` by the mask over 0.5 (no gradient), `no_composition` by nothing.
    """
    if composition == "no_composition":
        return logits
    factor = warped_mask if composition == "warp_grad" else (warped_mask.detach() > 0.5).to(logits.dtype)
    channel = RULES[garment_class].channel
    garment = logits[:, channel : channel + 1] * factor
    return torch.cat((logits[:, :channel], garment, logits[:, channel + 1 :]), 1)


def occlude(
    garment: Tensor, mask: Tensor, logits: Tensor, garment_class: GarmentClass = GarmentClass.UPPER
) -> OccludedGarment:
    """The warped garment without what the parse says is in front of it; `logits` Nx13xHxW of the same size."""
    occluders = list(RULES[garment_class].occluders)
    hidden = torch.softmax(logits, 1)[:, occluders].sum(1, keepdim=True)
    mask = mask - hidden * mask
    return OccludedGarment(on_white(garment, mask), mask)


def on_white(garment: Tensor, mask: Tensor) -> Tensor:
    """The garment inside the mask, white outside."""
    return garment * mask + WHITE * (1 - mask)


def gaussian_taps() -> Tensor:
    """The 15 normalised float32 weights of the published blur, sigma 3."""
    offsets = torch.arange(BLUR_TAPS, dtype=torch.float64) - BLUR_TAPS // 2
    taps = torch.exp(-(offsets**2) / (2 * BLUR_SIGMA**2))
    return (taps / taps.sum()).float()


def gaussian_blur(maps: Tensor) -> Tensor:
    """NxCxHxW blurred per channel with the 15x15 kernel, zeros outside."""
    taps = gaussian_taps().to(maps)
    kernel = torch.outer(taps, taps).expand(maps.shape[1], 1, -1, -1)
    return functional.conv2d(maps, kernel, padding=BLUR_TAPS // 2, groups=maps.shape[1])


@cache
def _slot_table(garment_class: GarmentClass) -> Tensor:
    return torch.from_numpy(RULES[garment_class].slot_of_channel()).long()


def slots_of_parse(parse: Tensor, garment_class: GarmentClass = GarmentClass.UPPER) -> Tensor:
    """NxHxW ids of the 13 channels to NxHxW ids of the generator's 7 slots, both int64."""
    return _slot_table(garment_class).to(parse.device)[parse]


def one_hot(labels: Tensor, classes: int) -> Tensor:
    """NxHxW ids to NxCxHxW float32 of 0 and 1."""
    channels = torch.arange(classes, device=labels.device)[None, :, None, None]
    return (labels[:, None] == channels).float()
