"""A perceptual loss without weights: pictures and their edges compared at several sizes.

The contract that must not break: it is a substitute for VGG and says so by its name in every run's results; `real`
gets no gradient.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

NAME = "pyramid-l1"
"""As results name it."""


class PyramidLoss(nn.Module):
    """Mean absolute difference of pictures and of their differences down and across, at 1, 1/2, 1/4, ... size."""

    def __init__(self, levels: int = 4, edges: float = 1.0) -> None:
        super().__init__()
        self.levels, self.edges = levels, edges

    def forward(self, made: Tensor, real: Tensor) -> Tensor:
        """A number; Nx3xHxW both, in -1..1."""
        difference = made - real.detach()
        terms = []
        for level in range(self.levels):
            if level:
                difference = functional.avg_pool2d(difference, 2)
            down = (difference[:, :, 1:] - difference[:, :, :-1]).abs().mean()
            across = (difference[:, :, :, 1:] - difference[:, :, :, :-1]).abs().mean()
            terms.append(difference.abs().mean() + self.edges * (down + across))
        return torch.stack(terms).mean()
