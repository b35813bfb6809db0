"""Which examples a step learns from.

The contract that must not break: what stands at a place of the run follows from seed and place alone, so a run resumes
exactly and processes share the work without talking; every class's examples come round once before one comes again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from finetune.errors import FinetuneError
from vitonhd.garment_classes import GarmentClass


@dataclass(frozen=True)
class Pick:
    """One example of a batch."""

    garment_class: GarmentClass
    index: int
    """Among the examples of the class."""
    place: int
    """In the whole run, from 0; what is drawn for the example follows from it."""


class Mix:
    """Classes in turn, as evenly spread as their shares allow: 2:1 gives A B A, A B A, ..."""

    def __init__(self, shares: Mapping[GarmentClass, int]) -> None:
        self.shares = {one: share for one, share in shares.items() if share}
        if not self.shares or min(self.shares.values()) < 0:
            raise FinetuneError(f"the mix {dict(shares)} has no class to learn from")
        self.period = sum(self.shares.values())
        self._pattern: list[tuple[GarmentClass, int]] = []
        taken = dict.fromkeys(self.shares, 0)
        for place in range(1, self.period + 1):
            behind = max(self.shares, key=lambda one: self.shares[one] * place / self.period - taken[one])
            self._pattern.append((behind, taken[behind]))
            taken[behind] += 1

    def at(self, place: int) -> tuple[GarmentClass, int]:
        """The class of a place, and how many places before it were of that class."""
        rounds, within = divmod(place, self.period)
        garment_class, before = self._pattern[within]
        return garment_class, rounds * self.shares[garment_class] + before


class Order:
    """Endless permutations of `count` things."""

    def __init__(self, count: int, seed: Sequence[int]) -> None:
        self.count = count
        self._seed = tuple(seed)
        self._drawn: tuple[int, npt.NDArray[np.int64]] | None = None

    def __getitem__(self, number: int) -> int:
        epoch, within = divmod(number, self.count)
        if self._drawn is None or self._drawn[0] != epoch:
            self._drawn = epoch, np.random.default_rng((*self._seed, epoch)).permutation(self.count)
        return int(self._drawn[1][within])


class Sampler:
    """The batches of one process of `world`, from a step on; a `batch_sampler` of PyTorch's DataLoader."""

    def __init__(
        self, counts: Mapping[GarmentClass, int], mix: Mapping[GarmentClass, int], *, batch: int, seed: int,
        first_step: int = 0, steps: int, rank: int = 0, world: int = 1,
    ) -> None:  # fmt: skip
        if batch % world:
            raise FinetuneError(
                f"a batch of {batch} can't be shared by {world} processes; make it a multiple of {world}"
            )
        self._mix = Mix(mix or dict.fromkeys(counts, 1))
        if missing := [one.value for one in self._mix.shares if not counts.get(one)]:
            raise FinetuneError(f"the mix wants {', '.join(missing)}, of which the data have no training examples")
        kinds = list(GarmentClass)
        self._orders = {one: Order(count, (seed, kinds.index(one))) for one, count in counts.items() if count}
        self._batch, self._share, self._rank = batch, batch // world, rank
        self._steps = range(first_step, steps)

    def __len__(self) -> int:
        return len(self._steps)

    def __iter__(self) -> Iterator[list[Pick]]:
        return map(self.picks, self._steps)

    def picks(self, step: int) -> list[Pick]:
        """This process's part of a step's batch, examples of one class together."""
        first = step * self._batch + self._rank * self._share
        picks = []
        for place in range(first, first + self._share):
            garment_class, number = self._mix.at(place)
            picks.append(Pick(garment_class, self._orders[garment_class][number], place))
        return sorted(picks, key=lambda pick: pick.garment_class)
