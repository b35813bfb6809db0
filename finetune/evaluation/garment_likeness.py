"""How much the garment in a try-on is that of the packshot, with no true picture needed.

The contract that must not break: only garment pixels count, on both sides; equal colours give 0, equal pictures a
cosine of 1.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vitonhd.arrays import Mask, Picture

_DIRECTIONS = 32
_QUANTILES = 256
EMBEDDED_SIZE = 224
_MEAN, _DEVIATION = np.array([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]], np.float32)
"""Of ImageNet's pictures in 0..1."""
_MARGIN = 0.05
_Floats = npt.NDArray[np.float32]


def colour_distance(made: Picture, worn: Mask, cloth: Picture, cloth_mask: Mask) -> float | None:
    """Sliced Wasserstein distance of two garments' colours in CIELAB, so that a uniform shift has its delta E 76.

    Where the colours are on the garments does not matter, how much of each there is does. None for an empty mask.
    """
    if not worn.any() or not cloth_mask.any():
        return None
    one, other = (
        _quantiles(_directions() @ _lab(picture[mask]).T) for picture, mask in ((made, worn), (cloth, cloth_mask))
    )
    # Over all directions |cos| is 1/2 in the mean.
    return float(2 * np.abs(one - other).mean())


def embedding_input(picture: Picture, mask: Mask) -> Tensor | None:
    """The masked garment on white, in a square that it fills, normalised for ImageNet networks: 1x3x224x224.

    None for an empty mask.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    on_white = np.where(mask[..., None], picture, np.uint8(255))
    part = on_white[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    side = round(max(part.shape[:2]) * (1 + 2 * _MARGIN))
    square = np.full((side, side, 3), 255, np.uint8)
    top, left = (side - part.shape[0]) // 2, (side - part.shape[1]) // 2
    square[top : top + part.shape[0], left : left + part.shape[1]] = part
    shrinking = side > EMBEDDED_SIZE
    small = cv2.resize(
        square, (EMBEDDED_SIZE, EMBEDDED_SIZE), interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_CUBIC
    )
    normalised = (small.astype(np.float32) / 255 - _MEAN) / _DEVIATION
    return torch.from_numpy(normalised).permute(2, 0, 1)[None].contiguous()


def _lab(pixels: Picture) -> _Floats:
    """Px3 of sRGB to CIELAB (D65), L 0..100."""
    return np.asarray(cv2.cvtColor((pixels[None].astype(np.float32) / 255), cv2.COLOR_RGB2LAB)[0], np.float32)


def _quantiles(values: _Floats) -> _Floats:
    """Of each row; `np.quantile` of as many takes twenty times as long as sorting."""
    ordered = np.sort(values, axis=1)
    place = (np.arange(_QUANTILES) + 0.5) / _QUANTILES * (values.shape[1] - 1)
    low = place.astype(int)
    high = np.minimum(low + 1, values.shape[1] - 1)
    found: _Floats = ordered[:, low] + (ordered[:, high] - ordered[:, low]) * (place - low).astype(np.float32)
    return found


@cache
def _directions() -> _Floats:
    """Evenly over half a sphere (Fibonacci's lattice), 32x3."""
    place = np.arange(_DIRECTIONS) + 0.5
    height = 1 - place / _DIRECTIONS
    around, radius = np.pi * (1 + 5**0.5) * place, np.sqrt(1 - height**2)
    return np.stack([radius * np.cos(around), radius * np.sin(around), height], axis=1).astype(np.float32)
