"""One training step of each stage: forward, losses, both updates.

The contract that must not break: the order of forwards and updates is the published one, as it decides what each
network sees of the other (spec sections 5.1 and 5.2).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.optim import Optimizer

from finetune.hr_viton.alignment import compose_garment, one_hot
from finetune.hr_viton.condition_generator import PARSE_CHANNELS, ConditionGenerator
from finetune.hr_viton.discriminators import ConditionDiscriminator, ImageDiscriminator
from finetune.hr_viton.image_generator import ImageGenerator
from finetune.hr_viton.losses import (
    ConditionLossSettings,
    ConditionTargets,
    ImageLossSettings,
    PerceptualLoss,
    condition_losses,
    hinge,
    image_losses,
    least_squares,
)
from finetune.hr_viton.noise import Noise, fresh_noise
from vitonhd.garment_classes import GarmentClass

Values = dict[str, float]


@dataclass
class ConditionStep:
    """Stage 1. Without a discriminator and its optimiser there is no adversarial term."""

    generator: ConditionGenerator
    generator_optimiser: Optimizer
    perceptual: PerceptualLoss
    discriminator: ConditionDiscriminator | None = None
    discriminator_optimiser: Optimizer | None = None
    settings: ConditionLossSettings = field(default_factory=ConditionLossSettings)
    separate: bool = False
    """Let the discriminator judge what the updated generator makes, its parse not composed (`G_D_seperate`)."""

    def __call__(
        self,
        garment: Tensor,
        person: Tensor,
        targets: ConditionTargets,
        garment_class: GarmentClass = GarmentClass.UPPER,
    ) -> Values:
        """One step on garments Nx4xHxW and persons Nx16xHxW; the losses before the update, by name."""
        output = self.generator(garment, person)
        logits = compose_garment(output.parse_logits, output.warped_mask, self.settings.composition, garment_class)
        made = torch.cat((garment, person, torch.softmax(logits, 1)), 1)
        real = torch.cat((garment, person, one_hot(targets.labels, PARSE_CHANNELS)), 1)
        scores, judged = None, None
        if self.discriminator is not None:
            scores = self.discriminator(made)
            judged = None if self.separate else self._judge(made.detach(), real)
        losses = condition_losses(output, garment, targets, scores, self.perceptual, self.settings, garment_class)
        _update(self.generator_optimiser, losses.total)
        values = {name: float(value.detach()) for name, value in vars(losses).items()}
        if self.discriminator is not None and self.separate:
            judged = self._judge(self._made_anew(garment, person), real)
        if judged is not None and self.discriminator_optimiser is not None:
            _update(self.discriminator_optimiser, judged[0] + judged[1])
            values |= {"discriminator_made": float(judged[0].detach()), "discriminator_real": float(judged[1].detach())}
        return values

    @torch.no_grad()
    def _made_anew(self, garment: Tensor, person: Tensor) -> Tensor:
        return torch.cat((garment, person, torch.softmax(self.generator(garment, person).parse_logits, 1)), 1)

    def _judge(self, made: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
        assert self.discriminator is not None
        return least_squares(self.discriminator(made), 0.0), least_squares(self.discriminator(real), 1.0)


@dataclass
class ImageStep:
    """Stage 2, on conditions that a frozen condition generator made."""

    generator: ImageGenerator
    discriminator: ImageDiscriminator
    generator_optimiser: Optimizer
    discriminator_optimiser: Optimizer
    perceptual: PerceptualLoss
    settings: ImageLossSettings = field(default_factory=ImageLossSettings)
    noise: Noise = fresh_noise

    def __call__(self, image: Tensor, parse: Tensor, real: Tensor) -> Values:
        """One step on conditions Nx9xHxW, one-hot slots Nx7xHxW and worn pictures Nx3xHxW in -1..1; losses by name."""
        made = self.generator(image, parse, self.noise)
        made_results, real_results = self._judge(parse, made, real)
        losses = image_losses(made, real, made_results, real_results, self.perceptual, self.settings)
        _update(self.generator_optimiser, losses.total)
        with torch.no_grad():
            made = self.generator(image, parse, self.noise)
        made_results, real_results = self._judge(parse, made, real)
        judged = hinge(made_results, real=False), hinge(real_results, real=True)
        _update(self.discriminator_optimiser, judged[0] + judged[1])
        values = {name: float(value.detach()) for name, value in vars(losses).items()}
        return values | {
            "discriminator_made": float(judged[0].detach()),
            "discriminator_real": float(judged[1].detach()),
        }

    def _judge(self, parse: Tensor, made: Tensor, real: Tensor) -> tuple[list[list[Tensor]], list[list[Tensor]]]:
        """The discriminator's maps of both, from one pass: its spectral norms take one iteration a pass."""
        both = torch.cat((torch.cat((parse, made), 1), torch.cat((parse, real), 1)))
        results = self.discriminator(both)
        halves = [[maps.chunk(2) for maps in scale] for scale in results]
        return [[one for one, _ in scale] for scale in halves], [[other for _, other in scale] for scale in halves]


def _update(optimiser: Optimizer, loss: Tensor) -> None:
    optimiser.zero_grad(set_to_none=True)
    torch.autograd.backward(loss)
    optimiser.step()
