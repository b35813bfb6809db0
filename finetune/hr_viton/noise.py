"""The noise that SPADE norms add to their input, drawn so that a render can be repeated.

The contract that must not break: a `SeededNoise` field depends on its render key, its norm and its size only, never on
the batch, the order of renders or the device.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor


class Noise(Protocol):
    """Where a norm's noise comes from."""

    def __call__(self, norm: str, batch: int, height: int, width: int) -> Tensor:
        """N x 1 x H x W float32 on the CPU, standard normal; `norm` is the norm's name, such as `up_0.norm_s`."""
        ...


def fresh_noise(norm: str, batch: int, height: int, width: int) -> Tensor:
    """New noise from PyTorch's default generator, in the published draw order and layout (N x W x H x 1)."""
    return torch.randn(batch, width, height, 1).permute(0, 3, 2, 1)


class SeededNoise:
    """Noise that repeats: one field per render key and norm."""

    def __init__(self, keys: Sequence[str]) -> None:
        self.keys = tuple(keys)

    def __call__(self, norm: str, batch: int, height: int, width: int) -> Tensor:
        """As `Noise`; raises ValueError when the batch isn't as long as the keys."""
        if batch != len(self.keys):
            raise ValueError(f"a batch of {batch} for {len(self.keys)} render keys")
        fields = [self._field(key, norm, height, width) for key in self.keys]
        return torch.stack(fields)

    @staticmethod
    def _field(key: str, norm: str, height: int, width: int) -> Tensor:
        digest = hashlib.sha256(f"{norm}\0{key}".encode()).digest()
        generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
        return torch.randn(1, height, width, generator=generator)
