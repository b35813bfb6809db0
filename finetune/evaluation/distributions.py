"""FID and KID of two sets of features, as clean-fid defines them.

The contract that must not break: equal to clean-fid's `frechet_distance` and `kernel_distance` within 1e-4 (KID: for
the same subsets); a set's order changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Features = npt.NDArray[np.floating]
"""NxD, one row a picture."""
_Matrix = npt.NDArray[np.float64]

KID_SUBSETS, KID_SUBSET = 100, 1000
_ROWS = 512
MOST_FOR_INTERVAL = 5000
"""Pictures; the interval of a KID takes time with their square."""


@dataclass(frozen=True)
class Spread:
    """A value with its 95 % interval, None where there is none."""

    value: float
    low: float | None = None
    high: float | None = None


def fid(made: Features, true: Features) -> float:
    """Squared Frechet distance of the gaussians with the sets' means and (sample) covariances.

    Of covariances only the trace of the root of their product is needed: the sum of the singular values of R1 R2^T,
    where R are roots of the covariances. That needs no matrix root and is stable for singular covariances. Raises
    ValueError for fewer than two rows.
    """
    _check(made, true)
    made_root, made_trace = _covariance_root(made)
    true_root, true_trace = _covariance_root(true)
    shared = np.linalg.svd(made_root @ true_root.T, compute_uv=False).sum()
    shift = made.mean(axis=0, dtype=np.float64) - true.mean(axis=0, dtype=np.float64)
    return float(shift @ shift + made_trace + true_trace - 2 * shared)


def kid(made: Features, true: Features, *, seed: int = 0) -> float:
    """Mean unbiased squared distance (cubic kernel) of 100 random subsets of at most 1000 rows; not yet times 1000.

    Where both sets are no larger than a subset, all subsets are the sets and one is taken. Raises ValueError for fewer
    than two rows.
    """
    _check(made, true)
    size = min(len(made), len(true), KID_SUBSET)
    if size == len(made) == len(true):
        return _mmd(made, true)
    chosen = np.random.default_rng(seed)
    subsets = (
        (made[chosen.choice(len(made), size, replace=False)], true[chosen.choice(len(true), size, replace=False)])
        for _ in range(KID_SUBSETS)
    )
    return float(np.mean([_mmd(one, other) for one, other in subsets]))


def kid_interval(
    made: Features, true: Features, made_groups: npt.NDArray[np.int64], true_groups: npt.NDArray[np.int64]
) -> tuple[float, float] | None:
    """How far the KID of all rows may lie below and above its value: 1.96 standard errors, by leaving one group out.

    Groups are numbers from 0, one for each row, shared by both sets. None for fewer than three groups, for sets over
    MOST_FOR_INTERVAL, and where a group is nearly all of a set.
    """
    groups = int(max(made_groups.max(), true_groups.max())) + 1
    if groups < 3 or max(len(made), len(true)) > MOST_FOR_INTERVAL:
        return None
    within = [_grouped(rows, rows, group, group, groups) for rows, group in ((made, made_groups), (true, true_groups))]
    across = _grouped(made, true, made_groups, true_groups, groups)
    counts = [np.bincount(group, minlength=groups) for group in (made_groups, true_groups)]
    left = [count.sum() - count for count in counts]
    if min(one.min() for one in left) < 2:
        return None
    squares = [np.einsum("nd,nd->n", rows.astype(np.float64), rows.astype(np.float64)) for rows in (made, true)]
    values = -2 * _without(across) / (left[0] * left[1])
    for sums, rows, group, square, count in zip(
        within, (made, true), (made_groups, true_groups), squares, left, strict=True
    ):
        own = (square / rows.shape[1] + 1) ** 3
        diagonal = own.sum() - np.bincount(group, own, minlength=groups)
        values += (_without(sums) - diagonal) / (count * (count - 1.0))
    error = np.sqrt((groups - 1) / groups * np.square(values - values.mean()).sum())
    return -1.96 * float(error), 1.96 * float(error)


def _check(made: Features, true: Features) -> None:
    if made.ndim != 2 or true.ndim != 2 or made.shape[1] != true.shape[1] or min(len(made), len(true)) < 2:
        raise ValueError(f"two sets of at least two rows of one length, not {made.shape} and {true.shape}")


def _covariance_root(features: Features) -> tuple[_Matrix, float]:
    """R with R^T R the covariance, min(N, D) x D, and the covariance's trace."""
    centred = features.astype(np.float64) - features.mean(axis=0, dtype=np.float64)
    centred /= np.sqrt(len(features) - 1)
    trace = float(np.square(centred).sum())
    if len(centred) > centred.shape[1]:
        centred = np.asarray(np.linalg.qr(centred, mode="r"))
    return centred, trace


def _kernel(one: _Matrix, other: _Matrix) -> _Matrix:
    return np.asarray((one @ other.T / one.shape[1] + 1) ** 3)


def _mmd(made: Features, true: Features) -> float:
    """Unbiased within the sets; of sets of one size, as clean-fid has it."""
    x, y = made.astype(np.float64), true.astype(np.float64)
    size = len(x)
    within = _kernel(x, x), _kernel(y, y)
    pairs = sum(float(one.sum() - np.trace(one)) for one in within)
    return (pairs / (size - 1) - 2 * float(_kernel(x, y).sum()) / size) / size


def _grouped(
    one: Features, other: Features, one_groups: npt.NDArray[np.int64], other_groups: npt.NDArray[np.int64], groups: int
) -> _Matrix:
    """Sums of the kernel over pairs of groups, GxG, a few rows at a time."""
    members = np.zeros((len(other), groups))
    members[np.arange(len(other)), other_groups] = 1
    sums = np.zeros((groups, groups))
    whole = other.astype(np.float64)
    for first in range(0, len(one), _ROWS):
        rows = one[first : first + _ROWS].astype(np.float64)
        np.add.at(sums, one_groups[first : first + _ROWS], _kernel(rows, whole) @ members)
    return sums


def _without(sums: _Matrix) -> _Matrix:
    """What is left of all sums when group g goes from both sides, for each g."""
    left: _Matrix = sums.sum() - sums.sum(axis=0) - sums.sum(axis=1) + np.diag(sums)
    return left
