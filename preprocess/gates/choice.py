"""The best worn photo and the best packshot of a product, and which of its pictures show the same.

The contract that must not break: the choice depends on the pictures alone, not on the order in which they were worked
on: equal scores go by the shop's own order, then by content hash.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from preprocess.gates.verdict import Verdict

MAX_BITS, MAX_MEAN, MAX_CELL = 6, 3.0, 10
"""As the crawler's near duplicates: bits of the hash, mean and greatest difference of the thumbnails' levels."""


@dataclass(frozen=True)
class Candidate:
    """A picture of a product that may stand for it."""

    sha256: str
    position: int
    """In the shop's gallery, from 0."""
    score: float
    """0..1, `WornFigures.score` or `PackshotFigures.score`."""
    verdicts: tuple[Verdict, ...] = ()


def best(candidates: Iterable[Candidate]) -> Candidate | None:
    """The highest score among those without a verdict; of equal ones the first in the gallery; None where none is."""
    fit = [candidate for candidate in candidates if not candidate.verdicts]
    return min(fit, key=lambda one: (-one.score, one.position, one.sha256), default=None)


@dataclass(frozen=True)
class Fingerprint:
    """What two pictures are compared by: `statistics.phash` and `statistics.thumbnail`, or the catalogue's columns."""

    phash: int
    thumbnail: bytes

    def like(self, other: Fingerprint) -> bool:
        """Whether both are the same photo in another size, format or quality; a garment's colours are told apart."""
        # Hashes are signed: a negative number's bits are counted in 64.
        if ((self.phash ^ other.phash) & (2**64 - 1)).bit_count() > MAX_BITS:
            return False
        one, two = (np.frombuffer(each.thumbnail, np.uint8).astype(int) for each in (self, other))
        difference = np.abs(one - two)
        return bool(difference.mean() <= MAX_MEAN and difference.max() <= MAX_CELL)


def near_duplicates(fingerprints: Sequence[Fingerprint]) -> list[int | None]:
    """For each picture of a product the first one before it that it is like; None for those that are new."""
    heads: list[int] = []
    found: list[int | None] = []
    for number, fingerprint in enumerate(fingerprints):
        like = next((head for head in heads if fingerprint.like(fingerprints[head])), None)
        found.append(like)
        if like is None:
            heads.append(number)
    return found
