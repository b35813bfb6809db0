"""Discriminator rejection: how likely a predicted parse is to be of the real ones.

The contract that must not break: the score is the published one (spec section 5.3), with the division by zero at a
score of 1 guarded; where to cut is the caller's choice, as the publication sets no threshold.
"""

from __future__ import annotations

import torch
from torch import Tensor

from finetune.hr_viton.discriminators import ConditionDiscriminator

LEAST_REST = 1e-6
"""A score nearer to 1 than this counts as this near: odds end at a million."""


def realness(discriminator: ConditionDiscriminator, garment: Tensor, person: Tensor, logits: Tensor) -> Tensor:
    """N scores, about 0 (made) to 1 (real), of the composed `logits` Nx13xHxW for inputs Nx4 and Nx16 of that size."""
    scores = discriminator(torch.cat((garment, person, torch.softmax(logits, 1)), 1))
    return torch.stack([maps.mean((1, 2, 3)) for maps in scores]).mean(0)


def odds(realness: Tensor) -> Tensor:
    """Odds that a parse is real; a score under 0 gives 0."""
    return realness.clamp(min=0) / (1 - realness).clamp(min=LEAST_REST)


def acceptance(realness: Tensor, largest_odds: float) -> Tensor:
    """Odds over the largest odds of the training set, real and made ones: the published rejection probability.

    Raises ValueError when `largest_odds` isn't positive.
    """
    if not largest_odds > 0:
        raise ValueError(f"the largest odds of the training set must be positive, not {largest_odds}")
    return odds(realness) / largest_odds
