"""What cameras, light and files do to colours and sharpness; nothing here moves a pixel's label.

The contract that must not break: pictures stay float32 Nx3xHxW in 0..1.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from preprocess.student.backdrops import ramp
from preprocess.student.draws import Draws
from preprocess.student.jpeg import compress
from vitonhd.labels import CIHP

_TAPS = 9
_LUMA = (0.299, 0.587, 0.114)


def recolour(draws: Draws, pictures: Tensor, parse: Tensor) -> Tensor:
    """Each label's colours by factors of its own, for a share of the pictures: cloth, hair and skin of other colours.

    `parse` is Nxhxw, any size; what is no CIHP id keeps its colours.
    """
    spread = torch.where(draws.chance(0.4), 1.0, 0.0)[:, None, None]
    factors = torch.exp(draws.normal(0.25, len(CIHP), 3) * spread)
    factors = torch.cat([factors, torch.ones_like(factors[:, :1])], 1)
    ids = parse.long().clamp(max=len(CIHP))
    chosen = torch.gather(factors, 1, ids.flatten(1)[..., None].expand(-1, -1, 3))
    planes = chosen.view(*ids.shape, 3).permute(0, 3, 1, 2)
    return (pictures * F.interpolate(planes, pictures.shape[2:], mode="bilinear", align_corners=False)).clamp(0, 1)


def relight(draws: Draws, pictures: Tensor) -> Tensor:
    """Light from a side, exposure, contrast, saturation, white balance and gamma."""
    height, width = pictures.shape[2:]
    side = draws.uniform(-0.4, 0.4)[:, None, None, None]
    lit = pictures * (1 + side * (ramp(draws, height, width) * 2 - 1))
    lit = lit * draws.factor(1.25, 1, 1, 1) * draws.factor(1.12, 3, 1, 1)
    grey = (lit * lit.new_tensor(_LUMA)[:, None, None]).sum(1, keepdim=True)
    lit = grey + (lit - grey) * draws.uniform(0.5, 1.4, 1, 1, 1)
    mean = lit.mean((1, 2, 3), keepdim=True)
    lit = (mean + (lit - mean) * draws.uniform(0.7, 1.25, 1, 1, 1)).clamp(1e-4, 1)
    return lit ** draws.factor(1.3, 1, 1, 1)


def degrade(draws: Draws, pictures: Tensor) -> Tensor:
    """Blur, fewer pixels, grain and JPEG, each for a share of the pictures."""
    blurred = torch.where(_share(draws, 0.35), blur(pictures, draws.uniform(0.4, 2.0)), pictures)
    height, width = pictures.shape[2:]
    coarse = F.interpolate(blurred, scale_factor=0.5, mode="area")
    coarse = F.interpolate(coarse, (height, width), mode="bilinear", align_corners=False)
    fewer = torch.where(_share(draws, 0.15), coarse, blurred)
    grain = draws.uniform(0, 0.05)[:, None, None, None] * draws.noise(3, height, width)
    grainy = torch.where(_share(draws, 0.4), (fewer + grain).clamp(0, 1), fewer)
    return torch.where(_share(draws, 0.6), compress(grainy, draws.uniform(25, 96)), grainy).clamp(0, 1)


def blur(pictures: Tensor, sigma: Tensor) -> Tensor:
    """Gaussian, one sigma in pixels for each picture (N)."""
    count, channels, height, width = pictures.shape
    reach = _TAPS // 2
    place = torch.arange(-reach, reach + 1, device=pictures.device, dtype=pictures.dtype)
    taps = torch.exp(-(place**2) / (2 * sigma[:, None] ** 2))
    taps = (taps / taps.sum(1, keepdim=True)).repeat_interleave(channels, 0)
    planes = pictures.reshape(1, count * channels, height, width)
    padded = F.pad(planes, (reach, reach, reach, reach), mode="replicate")
    down = F.conv2d(padded, taps[:, None, :, None], groups=count * channels)
    return F.conv2d(down, taps[:, None, None, :], groups=count * channels).view_as(pictures)


def _share(draws: Draws, share: float) -> Tensor:
    return draws.chance(share)[:, None, None, None]
