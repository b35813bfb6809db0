"""Discriminator rejection: how likely a predicted parse is to be of the real ones.

The contract that must not break: the score is the published one (spec section 5.3), with the division by zero at a
score of 1 guarded; where to cut is the caller's choice, as the publication sets no threshold.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from finetune.hr_viton.discriminators import ConditionDiscriminator

LEAST_REST = 1e-6
"""A score nearer to 1 than this counts as this near: odds end at a million."""


@dataclass(frozen=True)
class Rejection:
    """Where to cut. Raises ValueError when `largest_odds` isn't positive."""

    largest_odds: float
    """Of the training set, real and made parses: of the data that the discriminator was trained on."""
    least_acceptance: float = 0.5
    """Results whose acceptance is less are rejected."""

    def __post_init__(self) -> None:
        if not self.largest_odds > 0:
            raise ValueError(f"the largest odds of the training set must be positive, not {self.largest_odds}")

    def acceptance(self, realness: Tensor) -> Tensor:
        """Odds over the largest odds of the training set: the published rejection probability."""
        return odds(realness) / self.largest_odds

    def accepts(self, realness: Tensor) -> Tensor:
        """N bool."""
        return self.acceptance(realness) >= self.least_acceptance


def realness(discriminator: ConditionDiscriminator, garment: Tensor, person: Tensor, logits: Tensor) -> Tensor:
    """N scores, about 0 (made) to 1 (real), of the composed `logits` Nx13xHxW for inputs Nx4 and Nx16 of that size."""
    scores = discriminator(torch.cat((garment, person, torch.softmax(logits, 1)), 1))
    return torch.stack([maps.mean((1, 2, 3)) for maps in scores]).mean(0)


def odds(realness: Tensor) -> Tensor:
    """Odds that a parse is real; a score under 0 gives 0."""
    return realness.clamp(min=0) / (1 - realness).clamp(min=LEAST_REST)
