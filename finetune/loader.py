"""Batches from stored examples: decoded in worker processes, in an order that follows from seed and step.

The contract that must not break: a batch is the same whoever decodes it and wherever the run began; the time that a
step waited for it is measured.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from finetune.examples import Examples
from finetune.sampling import Pick, Sampler
from vitonhd.garment_classes import GarmentClass

DRAWS = 32
"""Random numbers that each example of a batch comes with."""


@dataclass(frozen=True)
class Batch:
    """N examples as stored, examples of one class together."""

    maps: Mapping[str, Tensor]
    """By part: uint8 NxHxWx3 pictures, NxHxW labels and masks; the flow int16 NxHxWx2."""
    classes: tuple[GarmentClass, ...]
    """Of each example."""
    draws: Tensor
    """float64 NxDRAWS in 0..1: all chance of the example at this place of the run."""
    names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.classes)

    def groups(self) -> list[tuple[GarmentClass, slice]]:
        """Where each class's examples are."""
        found, start = [], 0
        for garment_class, alike in groupby(self.classes):
            end = start + len(list(alike))
            found.append((garment_class, slice(start, end)))
            start = end
        return found

    def to(self, device: torch.device) -> Batch:
        moved = {part: values.to(device, non_blocking=True) for part, values in self.maps.items()}
        return replace(self, maps=moved, draws=self.draws.to(device, non_blocking=True))

    def pin_memory(self) -> Batch:
        """Called by DataLoader, so that copies to a GPU don't wait."""
        pinned = {part: values.pin_memory() for part, values in self.maps.items()}
        return replace(self, maps=pinned, draws=self.draws.pin_memory())


class _Decoded(Dataset[tuple[Pick, dict[str, Any], str]]):
    """Examples by pick, for DataLoader."""

    def __init__(self, examples: Examples, seed: int) -> None:
        self.examples, self.seed = examples, seed

    def __getitem__(self, pick: Pick) -> tuple[Pick, dict[str, Any], str]:
        arrays = self.examples.read(pick.garment_class, pick.index)
        return pick, dict(arrays), self.examples.name(pick.garment_class, pick.index)


@dataclass(frozen=True)
class _Collate:
    seed: int

    def __call__(self, read: Sequence[tuple[Pick, dict[str, Any], str]]) -> Batch:
        picks = [pick for pick, _, _ in read]
        maps = {part: torch.from_numpy(np.stack([arrays[part] for _, arrays, _ in read])) for part in read[0][1]}
        drawn = np.stack([np.random.default_rng((self.seed, pick.place)).random(DRAWS) for pick in picks])
        names = tuple(name for _, _, name in read)
        return Batch(maps, tuple(pick.garment_class for pick in picks), torch.from_numpy(drawn), names)


class Loader:
    """The batches of a process's share of a run, on its device; goes through them once."""

    def __init__(
        self, examples: Examples, sampler: Sampler, *, seed: int, device: torch.device, workers: int = 0
    ) -> None:
        self.waited = 0.0
        """Seconds that steps waited for batches."""
        self._device = device
        self._loader: DataLoader[Any] = DataLoader(
            _Decoded(examples, seed),
            batch_sampler=sampler,
            collate_fn=_Collate(seed),
            num_workers=workers,
            pin_memory=device.type == "cuda",
            prefetch_factor=4 if workers else None,
            # Forked workers and the threads of torch or OpenCV don't go together.
            multiprocessing_context="spawn" if workers else None,
        )

    def __iter__(self) -> Iterator[Batch]:
        batches = iter(self._loader)
        while True:
            started = time.perf_counter()
            batch = next(batches, None)
            self.waited += time.perf_counter() - started
            if batch is None:
                return
            yield batch.to(self._device)


def first_batch(examples: Examples, count: int, device: torch.device) -> list[Batch]:
    """The same examples every time, for validation and sample sheets: of each class alike, in batches of one class."""
    batches = []
    kinds = [one for one, items in sorted(examples.items.items()) if items]
    for place, garment_class in enumerate(kinds):
        share = count // len(kinds) + (place < count % len(kinds))
        held = len(examples.items[garment_class])
        chosen = [int(index) for index in np.linspace(0, held - 1, min(share, held)).round()]
        for start in range(0, len(chosen), 8):
            picks = [Pick(garment_class, index, number) for number, index in enumerate(chosen[start : start + 8])]
            reader = _Decoded(examples, 0)
            batches.append(_Collate(0)([reader[pick] for pick in picks]).to(device))
    return batches
