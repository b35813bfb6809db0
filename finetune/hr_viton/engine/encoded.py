"""What an engine keeps of garments and of a person, to render any of them together.

The contract that must not break: a part says what the whole says of the same garments.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from finetune.hr_viton.engine.features import GarmentMaps, PersonMaps
from vitonhd.garment_classes import GarmentClass


@dataclass(frozen=True)
class GarmentFeatures:
    """N encoded garments."""

    maps: GarmentMaps
    picture: Tensor
    """Nx4xHxW."""

    def __len__(self) -> int:
        return len(self.picture)

    def part(self, first: int, last: int) -> GarmentFeatures:
        """Some of them, without copying."""
        return GarmentFeatures(self.maps.part(slice(first, last)), self.picture[first:last])

    def chosen(self, numbers: list[int]) -> GarmentFeatures:
        """Some of them; the same object when it is all."""
        if len(numbers) == len(self):
            return self
        index = torch.tensor(numbers, device=self.picture.device)
        return GarmentFeatures(self.maps.part(index), self.picture[index])

    @staticmethod
    def cat(parts: list[GarmentFeatures]) -> GarmentFeatures:
        if len(parts) == 1:
            return parts[0]
        maps = GarmentMaps.cat([part.maps for part in parts])
        return GarmentFeatures(maps, torch.cat([part.picture for part in parts]))


@dataclass(frozen=True)
class PersonFeatures:
    """One encoded person, whose conditions are for garments of one class."""

    maps: PersonMaps
    network_input: Tensor
    """1x16xhxw."""
    pictures: Tensor
    """1xHxWx6 in the engine's precision: agnostic picture and DensePose."""
    garment_class: GarmentClass

    @property
    def bytes(self) -> int:
        maps = (self.maps.flow, self.maps.offset, *self.maps.levels, self.maps.out)
        return sum(one.nbytes for one in (*maps, self.network_input, self.pictures))
