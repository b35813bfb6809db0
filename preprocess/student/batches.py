"""Which examples a step learns from, and they as tensors on the device.

The contract that must not break: a step's examples follow from seed and step alone, and every epoch shows each worn
photo once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from preprocess.student.examples import IGNORED, Examples

PACKSHOT_SHARE = 0.25
"""Of a batch; a packshot teaches one mask, a worn photo everything else."""


@dataclass(frozen=True)
class Batch:
    """N pictures, worn photos first, at one size with all that is known of them."""

    pictures: Tensor
    """float32 Nx3xHxW, 0..1."""
    cutout: Tensor
    """float32 Nx1xHxW, 0..1: the person, or the packshot's garment."""
    labels: Tensor
    """float32 Nx4xhxw of whole numbers: parse, DensePose, U, V (0..255). IGNORED is what nobody knows."""
    joints: Tensor
    """float32 Nx25x3: x, y in pixels of the picture, score."""
    worn: Tensor
    """bool N: a worn photo, else a packshot."""
    uv_known: Tensor
    """bool N."""


class Order:
    """Endless permutations: step `s` takes the next places after step `s - 1`."""

    def __init__(self, count: int, seed: int, salt: int) -> None:
        self.count = count
        self._seed = (seed, salt)
        self._drawn: tuple[int, npt.NDArray[np.int64]] | None = None

    def places(self, step: int, size: int) -> npt.NDArray[np.int64]:
        """The `size` places of a step."""
        first = step * size
        return np.array([self._epoch(one // self.count)[one % self.count] for one in range(first, first + size)])

    def _epoch(self, epoch: int) -> npt.NDArray[np.int64]:
        if self._drawn is None or self._drawn[0] != epoch:
            self._drawn = epoch, np.random.default_rng((*self._seed, epoch)).permutation(self.count)
        return self._drawn[1]


class Loader:
    """Batches of `size` examples for each step, from arrays in memory; on the device itself where they fit."""

    def __init__(self, examples: Examples, size: int, seed: int, device: torch.device) -> None:
        packshots = max(1, round(size * PACKSHOT_SHARE))
        self.worn, self.packshots = size - packshots, packshots
        self._orders = Order(len(examples), seed, 0), Order(len(examples), seed, 1)
        self._device = device
        home = device if _fits(examples, device) else torch.device("cpu")
        self._photos = torch.from_numpy(examples.photos).to(home)
        self._labels = torch.from_numpy(examples.labels).to(home)
        self._packshots = torch.from_numpy(examples.packshots).to(home)
        self._garments = torch.from_numpy(examples.garments).to(home)
        self._joints = torch.from_numpy(examples.joints)
        self._uv_known = torch.from_numpy(examples.uv_known)

    def batch(self, step: int) -> Batch:
        photos, shots = (
            torch.from_numpy(order.places(step, count))
            for order, count in zip(self._orders, (self.worn, self.packshots), strict=True)
        )
        pictures = torch.cat([self._taken(self._photos, photos), self._taken(self._packshots, shots)])
        labels = self._taken(self._labels, photos)
        garments = self._taken(self._garments, shots)[..., None]
        nothing = torch.zeros_like(garments).expand(-1, -1, -1, 3)
        # Nobody says what a parser should call a garment that nobody wears.
        labels = torch.cat([labels, torch.cat([garments * IGNORED, nothing], -1)])
        cutout = torch.cat([(labels[: len(photos), ..., :1] > 0).to(torch.uint8), garments])
        joints = torch.cat([self._joints[photos], self._joints.new_zeros(len(shots), 25, 3)])
        worn = torch.arange(len(joints)) < len(photos)
        uv_known = torch.cat([self._uv_known[photos], torch.zeros(len(shots), dtype=torch.bool)])
        return Batch(
            _planes(pictures) / 255, _planes(cutout), _planes(labels), joints.to(self._device),
            worn.to(self._device), uv_known.to(self._device),
        )  # fmt: skip

    def _taken(self, array: Tensor, places: Tensor) -> Tensor:
        return array[places.to(array.device)].to(self._device)


def _planes(pixels: Tensor) -> Tensor:
    """uint8 NxHxWxC as float32 NxCxHxW."""
    return pixels.permute(0, 3, 1, 2).float()


def _fits(examples: Examples, device: torch.device) -> bool:
    """Whether the examples take less than a third of what the accelerator has free; the rest is for training."""
    if device.type != "cuda":
        return False
    free, _ = torch.cuda.mem_get_info(device)
    return examples.nbytes < free / 3
