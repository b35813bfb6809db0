"""The whole inference path, operation after operation: the reference that faster engines must equal.

The contract that must not break: this stays the spec's section 6 read aloud, fp32, without a trick; speed belongs in
`finetune.hr_viton.engine`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from finetune.hr_viton.alignment import (
    Composition,
    compose_garment,
    gaussian_blur,
    occlude,
    one_hot,
    slots_of_parse,
)
from finetune.hr_viton.condition_generator import ConditionGenerator
from finetune.hr_viton.conditions import Garments, Persons
from finetune.hr_viton.discriminators import ConditionDiscriminator
from finetune.hr_viton.image_generator import SLOTS, ImageGenerator
from finetune.hr_viton.noise import Noise, fresh_noise
from finetune.hr_viton.rejection import Rejection, realness
from finetune.hr_viton.warping import resize, warp
from vitonhd.garment_classes import GarmentClass


@dataclass(frozen=True)
class TryOnSettings:
    """How conditions are aligned; the defaults are the published commands'."""

    occlusion: bool = True
    composition: Composition = "warp_grad"
    condition_size: tuple[int, int] = (256, 192)
    """(height, width) of what the condition generator sees."""
    rejection: Rejection | None = None
    """Say of each result whether the discriminator takes its parse for real; it is rendered all the same."""


@dataclass(frozen=True)
class TryOn:
    """N try-ons at HxW and what led to them."""

    image: Tensor
    """Nx3xHxW in -1..1."""
    warped_garment: Tensor
    """Nx3xHxW in -1..1, as the image generator saw it."""
    warped_mask: Tensor
    """Nx1xHxW in 0..1."""
    parse: Tensor
    """NxHxW uint8, ids of the 13 channels."""
    slots: Tensor
    """NxHxW uint8, ids of the generator's 7 slots."""
    realness: Tensor | None
    """N scores of the discriminator, about 0 (made) to 1 (real); None without one."""
    accepted: Tensor | None = None
    """N bool: the discriminator's answer; None without `TryOnSettings.rejection`."""

    def __len__(self) -> int:
        return len(self.image)

    def __getitem__(self, part: slice) -> TryOn:
        parts: dict[str, Any] = {name: None if value is None else value[part] for name, value in vars(self).items()}
        return TryOn(**parts)

    def alone(self, number: int) -> TryOn:
        """One of them, in memory of its own: a slice would keep all of the batch."""
        one = self[number : number + 1]
        if len(self) == 1:
            return one
        copies: dict[str, Any] = {name: value if value is None else value.clone() for name, value in vars(one).items()}
        return TryOn(**copies)

    @staticmethod
    def cat(batches: Sequence[TryOn]) -> TryOn:
        """One batch of several that were made alike."""
        whole: dict[str, Any] = {}
        for field in fields(TryOn):
            values = [getattr(batch, field.name) for batch in batches]
            whole[field.name] = None if values[0] is None else torch.cat(values)
        return TryOn(**whole)


class Aligned(NamedTuple):
    """Conditions of N pairs; the first three at the condition size, the others at that of the try-on."""

    garment_input: Tensor
    person_input: Tensor
    composed_logits: Tensor
    warped_garment: Tensor
    warped_mask: Tensor
    parse: Tensor
    """NxHxW int64, ids of the 13 channels."""
    slots: Tensor
    """NxHxW int64, ids of the 7 slots."""
    image_conditions: Tensor
    """Nx9xHxW: agnostic picture, DensePose, warped garment."""


class HRVITON(nn.Module):
    """Condition generator, alignment and image generator. Raises ValueError for rejection without a discriminator."""

    def __init__(
        self,
        condition_generator: ConditionGenerator,
        image_generator: ImageGenerator,
        discriminator: ConditionDiscriminator | None = None,
        settings: TryOnSettings | None = None,
    ) -> None:
        super().__init__()
        if settings is not None and settings.rejection is not None and discriminator is None:
            raise ValueError("rejection needs the condition discriminator that the largest odds are of")
        self.condition_generator = condition_generator
        self.image_generator = image_generator
        self.discriminator = discriminator
        self.settings = settings or TryOnSettings()

    def forward(
        self,
        garments: Garments,
        persons: Persons,
        garment_class: GarmentClass = GarmentClass.UPPER,
        noise: Noise = fresh_noise,
    ) -> TryOn:
        """Garment n on person n, all of one class. Raises ValueError for sizes that the networks can't take."""
        aligned = self.align(garments, persons, garment_class)
        image = self.image_generator(aligned.image_conditions, one_hot(aligned.slots, SLOTS), noise)
        score = None
        if self.discriminator is not None:
            score = realness(self.discriminator, aligned.garment_input, aligned.person_input, aligned.composed_logits)
        parse, slots = aligned.parse.to(torch.uint8), aligned.slots.to(torch.uint8)
        accepted = judged(self.settings.rejection, score)
        return TryOn(image, aligned.warped_garment, aligned.warped_mask, parse, slots, score, accepted)

    def align(self, garments: Garments, persons: Persons, garment_class: GarmentClass = GarmentClass.UPPER) -> Aligned:
        """What the image generator is told of garment n on person n; also the input of training stage 2."""
        settings = self.settings
        size = (garments.mask.shape[2], garments.mask.shape[3])
        if persons.agnostic.shape[2:] != garments.mask.shape[2:]:
            raise ValueError(f"garments of {size} (height, width) and persons of {tuple(persons.agnostic.shape[2:])}")
        garment_input = garments.network_input(settings.condition_size)
        person_input = persons.network_input(settings.condition_size)
        output = self.condition_generator(garment_input, person_input)
        composed = compose_garment(output.parse_logits, output.warped_mask, settings.composition, garment_class)
        logits = gaussian_blur(resize(composed, size))
        parse = logits.argmax(1)
        both = warp(torch.cat((garments.picture, garments.mask), 1), output.flows[-1])
        warped, mask = both[:, :3], both[:, 3:]
        if settings.occlusion:
            warped, mask = occlude(warped, mask, logits, garment_class)
        conditions = torch.cat((persons.agnostic, persons.densepose, warped), 1)
        slots = slots_of_parse(parse, garment_class)
        return Aligned(garment_input, person_input, composed, warped, mask, parse, slots, conditions)


def judged(rejection: Rejection | None, realness: Tensor | None) -> Tensor | None:
    """N bool, where there are a setting and scores."""
    return None if rejection is None or realness is None else rejection.accepts(realness)
