"""How near a picture is to the true one: SSIM and PSNR, over all of it or inside a mask.

The contract that must not break: equal to torchmetrics (RGB) and scikit-image (grey) within 1e-4; two equal pictures
give exactly 1 and infinity.
"""

from __future__ import annotations

import math
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from vitonhd.arrays import Mask, Picture

Map = npt.NDArray[np.float64]
_SIGMA, _RADIUS = 1.5, 5
_K1, _K2 = 0.01, 0.03


def ssim_map(made: Picture, true: Picture) -> Map:
    """SSIM around each pixel and of each channel, HxW or HxWxC as the pictures (uint8); borders are reflected.

    Wang et al. 2004 with gaussian windows and the population's covariance. Raises ValueError for different shapes and
    for a side of less than six pixels.
    """
    _check(made, true)
    if min(made.shape[:2]) <= _RADIUS:
        raise ValueError(f"SSIM windows reach {_RADIUS} pixels; the picture is {made.shape[1]}x{made.shape[0]}")
    x, y = made.astype(np.float64) / 255, true.astype(np.float64) / 255
    x_mean, y_mean = _windowed(x), _windowed(y)
    both, x_square, y_square = x_mean * y_mean, x_mean * x_mean, y_mean * y_mean
    x_variance = _windowed(x * x) - x_square
    y_variance = _windowed(y * y) - y_square
    covariance = _windowed(x * y) - both
    upper = (2 * both + _K1**2) * (2 * covariance + _K2**2)
    found: Map = upper / ((x_square + y_square + _K1**2) * (x_variance + y_variance + _K2**2))
    return found


def grey_ssim(made: Picture, true: Picture) -> float:
    """As HR-VITON's evaluation: of Pillow's grey pictures, without the border that windows reach over."""
    found = ssim_map(_grey(made), _grey(true))
    return float(found[_RADIUS:-_RADIUS, _RADIUS:-_RADIUS].mean())


def masked_mean(values: Map, mask: Mask) -> float | None:
    """Mean of an HxW or HxWxC map over a mask; None where the mask is empty."""
    return float(values[mask].mean()) if mask.any() else None


def psnr(made: Picture, true: Picture, mask: Mask | None = None) -> float | None:
    """dB; infinite for equal pictures, None where the mask is empty. Raises ValueError for different shapes."""
    _check(made, true)
    if mask is not None and not mask.any():
        return None
    difference = (made if mask is None else made[mask]).astype(np.float64) - (true if mask is None else true[mask])
    error = float(np.mean(difference * difference))
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def _check(made: Picture, true: Picture) -> None:
    if made.shape != true.shape or made.dtype != np.uint8 or true.dtype != np.uint8:
        raise ValueError(f"uint8 pictures of one size, not {made.dtype} {made.shape} and {true.dtype} {true.shape}")


def _windowed(values: Map) -> Map:
    window = _window()
    return np.asarray(cv2.sepFilter2D(values, -1, window, window, borderType=cv2.BORDER_REFLECT_101), np.float64)


@cache
def _window() -> Map:
    weights = np.exp(-0.5 * (np.arange(-_RADIUS, _RADIUS + 1) / _SIGMA) ** 2)
    normalised: Map = weights / weights.sum()
    return normalised


def _grey(picture: Picture) -> Picture:
    return np.array(Image.fromarray(picture).convert("L"))
