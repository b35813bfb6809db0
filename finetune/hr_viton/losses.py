"""The losses of both training stages, with the published weights as defaults.

The contract that must not break: with the default settings every term equals the published training's for the same
networks and pictures. Spec section 5 is the source of every rule; the trainer decides schedules, not these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.vgg import cfgs, make_layers  # type: ignore[import-untyped]

from finetune.hr_viton.alignment import Composition, compose_garment, occlude
from finetune.hr_viton.condition_generator import ConditionOutput
from finetune.hr_viton.warping import resize, warp
from vitonhd.garment_classes import RULES, GarmentClass

IGNORED_LABEL = 250
EDGE_SHARPNESS = 150.0
_PERCEPTUAL = {1: 1 / 32, 6: 1 / 16, 11: 1 / 8, 20: 1 / 4, 29: 1.0}
"""Layers of VGG-19, each after its ReLU, and their weights."""


class PerceptualLoss(nn.Module):
    """L1 between VGG-19 features, of pictures in -1..1 that are not normalised as VGG's own were."""

    def __init__(self) -> None:
        super().__init__()
        self.features: nn.Sequential = make_layers(cfgs["E"], batch_norm=False)[: max(_PERCEPTUAL) + 1]
        self.requires_grad_(False)

    def load_torchvision(self, state: Mapping[str, Tensor]) -> None:
        """Weights under torchvision's names, its classifier ignored. Raises RuntimeError when one is missing."""
        self.load_state_dict({key: value for key, value in state.items() if key in self.state_dict()})

    def forward(self, made: Tensor, real: Tensor) -> Tensor:
        """A number; `real` gets no gradient. Nx3xHxW both."""
        with torch.no_grad():
            wanted = self._maps(real)
        terms = zip(_PERCEPTUAL.values(), self._maps(made), wanted, strict=True)
        return torch.stack([weight * functional.l1_loss(one, other) for weight, one, other in terms]).sum()

    def _maps(self, picture: Tensor) -> list[Tensor]:
        maps = []
        for number, layer in enumerate(self.features):
            picture = layer(picture)
            if number in _PERCEPTUAL:
                maps.append(picture)
        return maps


@dataclass(frozen=True)
class ConditionTargets:
    """What N worn pictures say, at the condition size."""

    labels: Tensor
    """NxHxW int64, ids of the 13 channels; 250 is not counted."""
    garment: Tensor
    """Nx3xHxW in -1..1: the worn garment on white."""
    mask: Tensor
    """Nx1xHxW of 0 and 1: where it is."""

    @classmethod
    def of(cls, picture: Tensor, labels: Tensor, garment_class: GarmentClass) -> ConditionTargets:
        """From the worn pictures Nx3xHxW in -1..1 and their parses NxHxW."""
        mask = (labels == RULES[garment_class].channel)[:, None].to(picture.dtype)
        return cls(labels, picture * mask + (1 - mask), mask)


@dataclass(frozen=True)
class ConditionLossSettings:
    """Weights and options of stage 1; the defaults are the README's flags."""

    l1: float = 10.0
    perceptual: float = 1.0
    total_variation: float = 2.0
    cross_entropy: float = 10.0
    adversarial: float = 1.0
    occlusion: bool = True
    composition: Composition = "warp_grad"
    every_flow: bool = True
    """Let coarser flows warp the garment too and compare those as well."""
    smooth: Literal["last", "all", "last_by_edges", "all_by_edges"] = "last"
    """Which flows are smoothed; `by_edges` less so where the mask has an edge."""
    smooth_last_too: bool = False
    """With `by_edges`: add the last flow's plain smoothness."""


@dataclass(frozen=True)
class ConditionLosses:
    """The terms of stage 1, not weighted, and their weighted sum."""

    total: Tensor
    l1: Tensor
    perceptual: Tensor
    total_variation: Tensor
    cross_entropy: Tensor
    adversarial: Tensor


def condition_losses(
    output: ConditionOutput,
    garment: Tensor,
    targets: ConditionTargets,
    scores: Sequence[Tensor] | None,
    perceptual: PerceptualLoss,
    settings: ConditionLossSettings,
    garment_class: GarmentClass = GarmentClass.UPPER,
) -> ConditionLosses:
    """Stage 1 for a generator output on `garment` Nx4xHxW; `scores` are the discriminator's of the output."""
    logits = compose_garment(output.parse_logits, output.warped_mask, settings.composition, garment_class)
    worn, mask = output.warped_garment, output.warped_mask
    if settings.occlusion:
        worn, mask = occlude(worn, mask, logits, garment_class)
    l1 = functional.l1_loss(mask, targets.mask)
    look = perceptual(worn, targets.garment)
    if settings.every_flow:
        for level, flow in enumerate(output.flows[:-1]):
            warped = warp(garment, flow)
            _, part = occlude(warped[:, :3], warped[:, 3:], logits, garment_class)
            weight = 0.5 ** (4 - level)
            l1 = l1 + weight * functional.l1_loss(part, targets.mask)
            look = look + weight * perceptual(warped[:, :3], targets.garment)
    smooth = smoothness(output.flows, mask, settings)
    classes = functional.cross_entropy(logits, targets.labels, ignore_index=IGNORED_LABEL)
    adversarial = logits.new_zeros(()) if scores is None else least_squares(scores, 1.0)
    total = settings.l1 * l1 + settings.perceptual * look + settings.total_variation * smooth
    total = total + settings.cross_entropy * classes + settings.adversarial * adversarial
    return ConditionLosses(total, l1, look, smooth, classes, adversarial)


def smoothness(flows: Sequence[Tensor], mask: Tensor, settings: ConditionLossSettings) -> Tensor:
    """How much neighbouring flow values differ, in their own pixels."""
    if settings.smooth == "last":
        return total_variation(flows[-1])
    if settings.smooth == "all":
        return torch.stack([total_variation(flow) for flow in flows]).sum()
    if settings.smooth == "last_by_edges":
        terms = [total_variation(flows[-1], mask)]
    else:
        terms = [0.5 ** (4 - level) * total_variation(flow, mask) for level, flow in enumerate(flows)]
    if settings.smooth_last_too:
        terms.append(total_variation(flows[-1]))
    return torch.stack(terms).sum()


def total_variation(flow: Tensor, mask: Tensor | None = None) -> Tensor:
    """Mean absolute difference down plus that across, of Nxhxwx2; over edges of the mask (Nx1xHxW) it counts less."""
    down, across = (flow[:, 1:] - flow[:, :-1]).abs(), (flow[:, :, 1:] - flow[:, :, :-1]).abs()
    if mask is not None:
        edges = resize(mask, (flow.shape[1], flow.shape[2])).permute(0, 2, 3, 1)
        down = down * torch.exp(-EDGE_SHARPNESS * (edges[:, 1:] - edges[:, :-1]).abs())
        across = across * torch.exp(-EDGE_SHARPNESS * (edges[:, :, 1:] - edges[:, :, :-1]).abs())
    return down.mean() + across.mean()


def least_squares(scores: Sequence[Tensor], wanted: float) -> Tensor:
    """Mean squared distance from `wanted`, summed over the scales."""
    return torch.stack([(maps - wanted).square().mean() for maps in scores]).sum()


def hinge(results: Sequence[Sequence[Tensor]], *, real: bool) -> Tensor:
    """The image discriminator's loss for real or made pictures, averaged over the scales."""
    sign = -1.0 if real else 1.0
    return torch.stack([functional.relu(1 + sign * maps[-1]).mean() for maps in results]).mean()


@dataclass(frozen=True)
class ImageLossSettings:
    """Weights of stage 2."""

    features: float = 10.0
    perceptual: float = 10.0


@dataclass(frozen=True)
class ImageLosses:
    """The terms of stage 2, weighted, and their sum."""

    total: Tensor
    adversarial: Tensor
    features: Tensor
    perceptual: Tensor


def image_losses(
    made: Tensor,
    real: Tensor,
    made_results: Sequence[Sequence[Tensor]],
    real_results: Sequence[Sequence[Tensor]],
    perceptual: PerceptualLoss,
    settings: ImageLossSettings,
) -> ImageLosses:
    """Stage 2 for pictures Nx3xHxW in -1..1 and what the discriminator makes of both."""
    adversarial = torch.stack([-maps[-1].mean() for maps in made_results]).mean()
    pairs = [
        functional.l1_loss(one, other.detach())
        for made_maps, real_maps in zip(made_results, real_results, strict=True)
        for one, other in zip(made_maps[:-1], real_maps[:-1], strict=True)
    ]
    features = settings.features / len(made_results) * torch.stack(pairs).sum()
    look = settings.perceptual * perceptual(made, real)
    return ImageLosses(adversarial + features + look, adversarial, features, look)
