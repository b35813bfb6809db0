"""Training stage 1: the condition generator and its discriminator; and the discriminator alone, for rejection.

The contract that must not break: on examples of one class a step equals the published one (`steps.ConditionStep`);
with several classes each example's losses are those of its class.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from finetune.augmentation import Scene
from finetune.examples import FLOW
from finetune.family import Trained, Update, Values
from finetune.hr_viton.alignment import compose_garment, occlude, one_hot
from finetune.hr_viton.checkpoints import save_checkpoint
from finetune.hr_viton.condition_generator import PARSE_CHANNELS, ConditionGenerator, ConditionOutput
from finetune.hr_viton.discriminators import ConditionDiscriminator
from finetune.hr_viton.losses import (
    ConditionLossSettings,
    ConditionTargets,
    condition_losses,
    least_squares,
)
from finetune.hr_viton.recipe import (
    channels_of,
    garments_of,
    held,
    painted_channels,
    perceptual_loss,
    persons_of,
    settings_of,
    started,
)
from finetune.hr_viton.warping import resize, resize_nearest, sampling_grid
from finetune.settings import RunSettings
from vitonhd.garment_classes import RULES, GarmentClass

BETAS = (0.5, 0.999)


class Inputs:
    """A scene as the condition generator and its losses want it, at the condition size."""

    def __init__(self, scene: Scene, size: tuple[int, int]) -> None:
        self.groups = scene.groups
        self.garment = garments_of(scene).network_input(size)
        self.person = persons_of(scene).network_input(size)
        self.picture = resize(scene.image, size)
        self.labels = resize_nearest(channels_of(scene.parse)[:, None].float(), size)[:, 0].long()
        self.flow = _shrunk_flow(scene.flow, size) if scene.flow.numel() else scene.flow

    def targets(self, garment_class: GarmentClass, part: slice) -> ConditionTargets:
        return ConditionTargets.of(self.picture[part], self.labels[part], garment_class)


class ConditionStage:
    """Stage 1 (`condition`)."""

    name = "condition"
    monitor = "score"

    def __init__(self, settings: RunSettings) -> None:
        own = self.own = settings_of(settings)
        sizes = own.sizes
        self.parts: tuple[str, ...] = ("image", "cloth", "cloth_mask", "densepose", "parse", "parse_agnostic")
        if own.flow_truth:
            self.parts += (FLOW,)
        generator = started(
            settings, "condition_generator", ConditionGenerator, lambda: ConditionGenerator(sizes.condition_width)
        )
        generator.conv2.requires_grad_(False)  # read by nothing
        rate = own.generator_rate or 2e-4
        self.trained = {"condition_generator": Trained(generator, rate, BETAS, averaged=True)}
        if own.adversarial:
            discriminator = started(
                settings, "condition_discriminator", ConditionDiscriminator,
                lambda: ConditionDiscriminator(sizes.discriminator_width),
            )  # fmt: skip
            rate = own.discriminator_rate or 2e-4
            self.trained["condition_discriminator"] = Trained(discriminator, rate, BETAS)
        self.perceptual, self.facts = perceptual_loss(own)
        self.frozen: dict[str, nn.Module] = {"perceptual": self.perceptual}
        self.losses = ConditionLossSettings(
            own.l1, 1.0 if own.perceptual is None else own.perceptual, own.total_variation, own.cross_entropy,
            own.adversarial, composition=own.composition,
        )  # fmt: skip

    def step(self, networks: Mapping[str, nn.Module], scene: Scene, update: Update, number: int) -> Values:
        inputs = Inputs(scene, self.own.condition_pixels)
        output = networks["condition_generator"](inputs.garment, inputs.person)
        made = self._made(output, inputs)
        scores, judged = None, None
        if "condition_discriminator" in networks:
            judge = networks["condition_discriminator"]
            with held(judge):
                scores = judge(made)
            judged = judge_parses(judge, made.detach(), inputs)
        total, values = self._losses(output, inputs, scores)
        update("condition_generator", total)
        if judged is not None:
            update("condition_discriminator", judged[0] + judged[1])
            values |= {"discriminator_made": judged[0], "discriminator_real": judged[1]}
        return {name: value.detach() for name, value in values.items()}

    def _made(self, output: ConditionOutput, inputs: Inputs) -> Tensor:
        """Nx33xHxW: what the discriminator is shown."""
        logits = composed(output, inputs, self.losses)
        return torch.cat((inputs.garment, inputs.person, torch.softmax(logits, 1)), 1)

    def _losses(
        self, output: ConditionOutput, inputs: Inputs, scores: list[Tensor] | None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The batch's loss and its terms, not weighted: means over the examples, each by its class's rules."""
        count = len(inputs.garment)
        values: dict[str, Tensor] = {}
        for garment_class, part in inputs.groups:
            losses = condition_losses(
                _part(output, part), inputs.garment[part], inputs.targets(garment_class, part),
                None if scores is None else [maps[part] for maps in scores],
                self.perceptual, self.losses, garment_class,
            )  # fmt: skip
            share = (part.stop - part.start) / count
            for name, value in vars(losses).items():
                values[name] = values.get(name, 0) + share * value
        if self.own.flow_truth:
            values["flow_truth"] = flow_distance(output.flows, inputs.flow)
            values["total"] = values["total"] + self.own.flow_truth * values["flow_truth"]
        return values["total"], values

    def validate(self, networks: Mapping[str, nn.Module], scene: Scene) -> Values:
        inputs = Inputs(scene, self.own.condition_pixels)
        output = networks["condition_generator"](inputs.garment, inputs.person)
        found: dict[str, list[Tensor]] = {}
        for garment_class, part in inputs.groups:
            targets, mine = inputs.targets(garment_class, part), _part(output, part)
            logits = compose_garment(mine.parse_logits, mine.warped_mask, self.losses.composition, garment_class)
            worn, mask = occlude(mine.warped_garment, mine.warped_mask, logits, garment_class)
            guess = logits.argmax(1) == RULES[garment_class].channel
            wanted = targets.mask[:, 0] > 0.5
            iou = (guess & wanted).sum((1, 2)) / (guess | wanted).sum((1, 2)).clamp(min=1)
            entropy = functional.cross_entropy(logits, targets.labels, reduction="none").mean((1, 2))
            inside = targets.mask.sum((1, 2, 3)).clamp(min=1) * 3
            look = ((worn - targets.garment).abs() * targets.mask).sum((1, 2, 3)) / inside / 2
            mask_l1 = (mask - targets.mask).abs().mean((1, 2, 3))
            for name, value in (
                ("garment_iou", iou), ("cross_entropy", entropy), ("mask_l1", mask_l1), ("warped_l1", look),
                ("score", entropy + mask_l1 + look),
            ):  # fmt: skip
                found.setdefault(name, []).append(value)
        return {name: torch.cat(values).mean() for name, values in found.items()}

    def sheet(self, networks: Mapping[str, nn.Module], scene: Scene) -> Tensor:
        """Garment, warped, worn truth, parse, true parse, picture."""
        inputs = Inputs(scene, self.own.condition_pixels)
        output = networks["condition_generator"](inputs.garment, inputs.person)
        logits = composed(output, inputs, self.losses)
        worn, truth = [], []
        for garment_class, part in inputs.groups:
            mine = _part(output, part)
            worn.append(occlude(mine.warped_garment, mine.warped_mask, logits[part], garment_class).garment)
            truth.append(inputs.targets(garment_class, part).garment)
        shown = (
            inputs.garment[:, :3], torch.cat(worn), torch.cat(truth), painted_channels(logits.argmax(1)),
            painted_channels(inputs.labels), inputs.picture,
        )  # fmt: skip
        return torch.stack(shown, 1)

    def export(self, networks: Mapping[str, nn.Module], folder: Path) -> list[Path]:
        return save_networks(networks, folder)


class RejectionStage(ConditionStage):
    """The discriminator alone, on what a frozen condition generator makes (`discriminator`): for rejection."""

    name = "discriminator"
    monitor = "total"

    def __init__(self, settings: RunSettings) -> None:
        super().__init__(settings)
        generator = started(settings, "condition_generator", ConditionGenerator, None)
        self.frozen["condition_generator"] = generator
        del self.trained["condition_generator"]
        sizes = self.own.sizes
        judge = self.trained.get("condition_discriminator")
        network = judge.network if judge else ConditionDiscriminator(sizes.discriminator_width)
        self.trained["condition_discriminator"] = Trained(network, self.own.discriminator_rate or 2e-4, BETAS, True)

    def step(self, networks: Mapping[str, nn.Module], scene: Scene, update: Update, number: int) -> Values:
        made, real = self._judged(networks, scene)
        update("condition_discriminator", made + real)
        return {
            "total": (made + real).detach(),
            "discriminator_made": made.detach(),
            "discriminator_real": real.detach(),
        }

    def validate(self, networks: Mapping[str, nn.Module], scene: Scene) -> Values:
        made, real = self._judged(networks, scene)
        return {"total": made + real, "discriminator_made": made, "discriminator_real": real}

    def _judged(self, networks: Mapping[str, nn.Module], scene: Scene) -> tuple[Tensor, Tensor]:
        inputs = Inputs(scene, self.own.condition_pixels)
        with torch.no_grad():
            made = self._made(networks["condition_generator"](inputs.garment, inputs.person), inputs)
        return judge_parses(networks["condition_discriminator"], made, inputs)


def composed(output: ConditionOutput, inputs: Inputs, losses: ConditionLossSettings) -> Tensor:
    """Nx13xHxW, each example's garment channel composed with its warped mask."""
    parts = [
        compose_garment(output.parse_logits[part], output.warped_mask[part], losses.composition, garment_class)
        for garment_class, part in inputs.groups
    ]
    return torch.cat(parts)


def judge_parses(judge: nn.Module, made: Tensor, inputs: Inputs) -> tuple[Tensor, Tensor]:
    """The discriminator's losses for made and for real parses."""
    real = torch.cat((inputs.garment, inputs.person, one_hot(inputs.labels, PARSE_CHANNELS)), 1)
    return least_squares(judge(made), 0.0), least_squares(judge(real), 1.0)


def flow_distance(flows: list[Tensor], truth: Tensor) -> Tensor:
    """Mean distance (L1, in half pictures) of where flows point from what is true; coarser flows count less."""
    known = ~truth.isnan()
    wanted = truth.nan_to_num(0)
    size = (truth.shape[1], truth.shape[2])
    count = known.sum().clamp(min=1)
    terms = []
    for level, flow in enumerate(flows):
        distance = (sampling_grid(flow, size) - wanted).abs() * known
        terms.append(0.5 ** (len(flows) - 1 - level) * distance.sum() / count)
    return torch.stack(terms).sum()


def save_networks(networks: Mapping[str, nn.Module], folder: Path) -> list[Path]:
    paths = []
    for name, network in networks.items():
        path = folder / f"{name}.safetensors"
        save_checkpoint(network, path)  # type: ignore[arg-type]
        paths.append(path)
    return paths


def _part(output: ConditionOutput, part: slice) -> ConditionOutput:
    flows = [flow[part] for flow in output.flows]
    return ConditionOutput(flows, output.parse_logits[part], output.warped_garment[part], output.warped_mask[part])


def _shrunk_flow(flow: Tensor, size: tuple[int, int]) -> Tensor:
    """NxHxWx2 at a smaller size: the mean of what is known."""
    known = (~flow.isnan()).to(flow.dtype).permute(0, 3, 1, 2)
    sums = functional.adaptive_avg_pool2d(flow.nan_to_num(0).permute(0, 3, 1, 2), size)
    shares = functional.adaptive_avg_pool2d(known, size)
    return torch.where(shares > 0, sums / shares.clamp(min=1e-6), torch.nan).permute(0, 2, 3, 1)
