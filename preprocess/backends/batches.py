"""Pictures of any sizes as batches of one size, and batches as tensors.

The contract that must not break: results go back to the place of their picture.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from vitonhd.arrays import Picture
from vitonhd.errors import FormatError

Result = TypeVar("Result")
Batch = npt.NDArray[np.uint8]
"""uint8 NxHxWx3, RGB."""


def check(picture: Picture) -> None:
    """Raises FormatError `wrong-shape` for anything but a uint8 HxWx3 array with pixels in it."""
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or not picture.size:
        raise FormatError("wrong-shape", f"a picture is uint8 HxWx3, not {picture.dtype} {picture.shape}")


def by_size(pictures: Sequence[Picture], run: Callable[[Batch], list[Result]]) -> list[Result]:
    """`run` once for each size that occurs, all its pictures as one batch; the results in the pictures' order."""
    places: dict[tuple[int, ...], list[int]] = {}
    for place, picture in enumerate(pictures):
        check(picture)
        places.setdefault(picture.shape, []).append(place)
    results: dict[int, Result] = {}
    for chosen in places.values():
        batch = np.stack([pictures[place] for place in chosen])
        results.update(zip(chosen, run(batch), strict=True))
    return [results[place] for place in range(len(pictures))]


def resized(batch: Batch, height: int, width: int) -> Batch:
    """Every picture resized by Pillow's bilinear filter, which averages when it shrinks."""
    if batch.shape[1:3] == (height, width):
        return batch
    size = (width, height)
    return np.stack([np.asarray(Image.fromarray(one).resize(size, Image.Resampling.BILINEAR)) for one in batch])


def to_tensor(batch: Batch, device: torch.device) -> Tensor:
    """float32 Nx3xHxW, 0..255, in the batch's channel order."""
    tensor = torch.from_numpy(np.ascontiguousarray(batch)).to(device)
    return tensor.permute(0, 3, 1, 2).float()


def per_channel(values: tuple[float, float, float], like: Tensor) -> Tensor:
    return like.new_tensor(values)[:, None, None]
