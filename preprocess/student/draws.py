"""Chance that follows from seed and step: what is drawn at a step never depends on what was drawn before it.

The contract that must not break: per-example numbers are drawn on the CPU, so a run that resumes, and a run on
another device, choose alike; only noise in pixels is drawn on the device.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


class Draws:
    """One step's chance for `count` examples; results are on `device`."""

    def __init__(self, seed: int, step: int, count: int, device: torch.device) -> None:
        words = np.random.SeedSequence([seed, step]).generate_state(2, np.uint64)
        self.count = count
        self.device = device
        self._numbers = torch.Generator().manual_seed(int(words[0] >> 1))
        self._pixels = torch.Generator(device).manual_seed(int(words[1] >> 1))

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """float32 of count x shape, low..high."""
        drawn = torch.rand((self.count, *shape), generator=self._numbers)
        return (low + (high - low) * drawn).to(self.device)

    def normal(self, deviation: float, *shape: int) -> Tensor:
        """float32 of count x shape around 0."""
        return (torch.randn((self.count, *shape), generator=self._numbers) * deviation).to(self.device)

    def factor(self, spread: float, *shape: int) -> Tensor:
        """Factors of 1/spread..spread, even in the logarithm."""
        return torch.exp(self.uniform(-1, 1, *shape) * float(np.log(spread)))

    def chance(self, share: float) -> Tensor:
        """bool of count: True for about that share."""
        return self.uniform(0, 1) < share

    def whole(self, high: int, *shape: int) -> Tensor:
        """int64 of count x shape, 0..high-1."""
        return torch.randint(high, (self.count, *shape), generator=self._numbers).to(self.device)

    def noise(self, *shape: int) -> Tensor:
        """float32 of count x shape, normal, for pixels."""
        return torch.randn((self.count, *shape), generator=self._pixels, device=self.device)
