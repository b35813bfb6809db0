"""Means over pairs with intervals that say how much they hang on which garments happened to be tested.

The contract that must not break: garments are drawn, not pairs, because pairs of one garment are no independent tries;
the same seed gives the same interval.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LEVEL = 0.95
DRAWS = 2000
_CELLS = 4_000_000
"""Counts that are held at a time."""
_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A mean over `n` pairs of `garments` garments; the bounds are None where one garment alone was tested."""

    mean: float
    low: float | None
    high: float | None
    n: int
    garments: int


def estimate(values: Sequence[float], garments: Sequence[str], *, seed: int = 0, draws: int = DRAWS) -> Estimate:
    """The mean and its bootstrap interval over garments; values may be infinite. Raises ValueError for none."""
    if not values or len(values) != len(garments):
        raise ValueError(f"{len(values)} values of {len(garments)} garments")
    array = np.asarray(values, np.float64)
    groups, group = np.unique(np.asarray(garments), return_inverse=True)
    mean = float(array.mean())
    if len(groups) < 2:
        return Estimate(mean, None, None, len(array), len(groups))
    infinite = np.isinf(array)
    sums, counts, infinities = (
        np.bincount(group, each).astype(np.float64)
        for each in (np.where(infinite, 0, array), np.ones_like(array), np.where(infinite, np.sign(array), 0))
    )
    means = np.sort(_drawn_means(sums, counts, infinities, np.random.default_rng(seed), draws))
    low, high = (_quantile(means, side) for side in ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return Estimate(mean, low, high, len(array), len(groups))


def differences(first: Sequence[float], second: Sequence[float]) -> list[float]:
    """Second less first, pair by pair; of two equal infinities 0."""
    return [0.0 if one == other else other - one for one, other in zip(first, second, strict=True)]


def _drawn_means(
    sums: _Floats, counts: _Floats, infinities: _Floats, chance: np.random.Generator, draws: int
) -> _Floats:
    """Means over as many garments as there are, drawn with replacement."""
    groups = len(sums)
    parts = []
    for first in range(0, draws, max(1, _CELLS // groups)):
        size = min(draws - first, max(1, _CELLS // groups))
        drawn = chance.multinomial(groups, np.full(groups, 1 / groups), size=size).astype(np.float64)
        means = (drawn @ sums) / (drawn @ counts)
        unbounded = drawn @ infinities
        parts.append(np.where(unbounded == 0, means, np.copysign(np.inf, unbounded)))
    return np.concatenate(parts)


def _quantile(ordered: _Floats, share: float) -> float:
    """The nearest of the values: infinite ones can't be interpolated."""
    place = min(len(ordered) - 1, max(0, math.floor(share * len(ordered))))
    return float(ordered[place])
