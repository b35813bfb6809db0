"""Condition aligning at full size, a few rows at a time.

The contract that must not break: results are those of the plain path up to rounding. Enlarging and blurring the
logits are one matrix per axis, as both are linear; a strip reads only the low rows that it needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

from finetune.hr_viton.alignment import BLUR_TAPS, gaussian_taps, on_white, slots_of_parse
from finetune.hr_viton.engine.strips import Scratch, Strip, Workers, strips
from finetune.hr_viton.warping import base_grid, resize, sample
from vitonhd.garment_classes import RULES, GarmentClass


@dataclass(frozen=True)
class Aligned:
    """N pairs at HxW, as the image generator sees them: made empty, filled by `align`."""

    garment: Tensor
    """Nx3xHxW in -1..1."""
    mask: Tensor
    """Nx1xHxW in 0..1."""
    parse: Tensor
    """NxHxW uint8, ids of the 13 channels."""
    slots: Tensor
    """NxHxW uint8, ids of the 7 slots."""

    @classmethod
    def empty_like(cls, garments: Tensor) -> Aligned:
        """To be filled by `align`; `garments` are Nx4xHxW."""
        both = torch.empty_like(garments)
        parse = torch.empty(len(both), *both.shape[2:], dtype=torch.uint8, device=both.device)
        return cls(both[:, :3], both[:, 3:], parse, torch.empty_like(parse))

    def part(self, which: slice) -> Aligned:
        """Some of them, in the same memory."""
        return Aligned(self.garment[which], self.mask[which], self.parse[which], self.slots[which])


def align(
    aligned: Aligned,
    logits: Tensor,
    flow: Tensor,
    garment: Tensor,
    garment_class: GarmentClass,
    *,
    occlusion: bool,
    workers: Workers,
    rows: int,
) -> None:
    """Fills `aligned`, `rows` at a time.

    From composed logits Nx13xhxw, the last flow Nxh/2xw/2x2 and garments with mask Nx4xHxW.
    """
    batch, _, height, width = garment.shape
    occluders = torch.tensor(RULES[garment_class].occluders, device=logits.device)
    down, across = (
        enlarge_and_blur(small, large).to(logits)
        for small, large in zip(logits.shape[2:], (height, width), strict=True)
    )
    wide = logits @ across.t()
    unit = flow.new_tensor(((flow.shape[2] - 1) / 2, (flow.shape[1] - 1) / 2))
    grid = base_grid((height, width), flow)
    offsets = resize((flow / unit).permute(0, 3, 1, 2), (height, width)).permute(0, 2, 3, 1)

    def align_strip(strip: Strip, scratch: Scratch) -> None:
        number, rows = strip.samples, strip.rows
        strip_logits = _low_rows(down[rows], wide[strip.first])
        aligned.parse[strip.first, rows] = first_largest(strip_logits)
        part = sample(garment[number], grid[:, rows] + offsets[number, rows])[0]
        warped, mask = part[:3], part[3:]
        if occlusion:
            hidden = torch.softmax(strip_logits, 0).index_select(0, occluders).sum(0)
            mask = mask - hidden * mask
            warped = on_white(warped, mask)
        aligned.garment[strip.first, :, rows] = warped
        aligned.mask[strip.first, :, rows] = mask

    workers.each(strips(batch, height, 1, rows), align_strip)
    for parse, slots in zip(aligned.parse, aligned.slots, strict=True):
        slots.copy_(slots_of_parse(parse.long(), garment_class))


def _low_rows(matrix: Tensor, wide: Tensor) -> Tensor:
    """13xRxW from the strip's Rxh matrix rows and 13xhxW logits; columns of zeros are left out."""
    needed = matrix.abs().amax(0).nonzero()
    band = slice(int(needed[0]), int(needed[-1]) + 1)
    return torch.matmul(matrix[:, band], wide[:, band])


def first_largest(maps: Tensor) -> Tensor:
    """HxW uint8: for each pixel of CxHxW the number of its largest channel, the first of equals.

    As `argmax(0)`, which on a CPU takes 15 times as long over channels that lie apart.
    """
    largest = maps[0].clone()
    result = torch.zeros(maps.shape[1:], dtype=torch.uint8, device=maps.device)
    for channel in range(1, len(maps)):
        result.masked_fill_(maps[channel] > largest, channel)
        torch.maximum(largest, maps[channel], out=largest)
    return result


@lru_cache(maxsize=8)
def enlarge_and_blur(small: int, large: int) -> Tensor:
    """The large x small matrix that enlarges one axis bilinearly and then blurs it with zeros outside."""
    identity = torch.eye(small, dtype=torch.float64)[:, None, :, None]
    enlarged = functional.interpolate(identity, size=(large, 1), mode="bilinear", align_corners=False)
    taps = gaussian_taps().double()[None, None, :, None]
    return functional.conv2d(enlarged, taps, padding=(BLUR_TAPS // 2, 0))[:, 0, :, 0].t().float().contiguous()
