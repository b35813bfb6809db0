"""Training steps log what the published training logged, from the same weights and pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from finetune.hr_viton import (
    HRVITON,
    ConditionDiscriminator,
    ConditionGenerator,
    ConditionOutput,
    ImageDiscriminator,
    ImageGenerator,
)
from finetune.hr_viton.alignment import one_hot
from finetune.hr_viton.losses import ConditionLossSettings, ConditionTargets, PerceptualLoss, condition_losses
from finetune.hr_viton.steps import ConditionStep, ImageStep
from tests.finetune.hr_viton import formula
from tests.finetune.hr_viton.golden_differences import DIFFERENCES
from tests.finetune.hr_viton.test_goldens import condition_inputs, formula_pair
from vitonhd.garment_classes import RULES, GarmentClass
from vitonhd.labels import HR_VITON_13

LOGGED = {
    "Loss/G": "total",
    "Loss/G/l1_cloth": "l1",
    "Loss/G/vgg": "perceptual",
    "Loss/G/tv": "total_variation",
    "Loss/G/CE": "cross_entropy",
    "Loss/G/GAN": "adversarial",
    "Loss/D/pred_real": "discriminator_real",
    "Loss/D/pred_fake": "discriminator_made",
    "Loss/gen": "total",
    "Loss/gen/adv": "adversarial",
    "Loss/gen/feat": "features",
    "Loss/gen/vgg": "perceptual",
    "Loss/dis/adv_fake": "discriminator_made",
    "Loss/dis/adv_real": "discriminator_real",
}
PER_STEP = (1e-5, 1e-3, 5e-3)
"""Relative tolerances: Adam amplifies rounding from step to step."""


@pytest.fixture(scope="module")
def perceptual() -> PerceptualLoss:
    loss = PerceptualLoss()
    formula.fill(loss)
    return loss.requires_grad_(False)


def adam(network: nn.Module, rate: float, beta: float) -> torch.optim.Adam:
    return torch.optim.Adam(network.parameters(), lr=rate, betas=(beta, 0.999 if beta else 0.9))


def check(logged: Mapping[str, Sequence[float]], steps: Sequence[Mapping[str, float]]) -> None:
    compared = 0
    for number, (values, tolerance) in enumerate(zip(steps, PER_STEP, strict=False)):
        for name, wanted in logged.items():
            if name in LOGGED:
                assert values[LOGGED[name]] == pytest.approx(wanted[number], rel=tolerance), (name, number)
                compared += 1
    assert compared >= 5


@pytest.mark.parametrize(
    ("case", "settings", "steps"),
    [
        ("stage1_readme_flags", ConditionLossSettings(), 3),
        ("stage1_default_flags", ConditionLossSettings(occlusion=False, every_flow=False, smooth="all"), 1),
        ("stage1_G_D_seperate", ConditionLossSettings(), 2),
        ("stage1_no_GAN", ConditionLossSettings(), 2),
        (
            "stage1_edgeaware_weighted_addlast",
            ConditionLossSettings(smooth="all_by_edges", smooth_last_too=True),
            1,
        ),
    ],
)
def test_condition_stage(
    goldens: Path, perceptual: PerceptualLoss, case: str, settings: ConditionLossSettings, steps: int
) -> None:
    generator, discriminator = ConditionGenerator(16), ConditionDiscriminator(16, dropout=False)
    formula.fill(generator)
    formula.fill(discriminator)
    step = ConditionStep(generator.train(), adam(generator, 2e-4, 0.5), perceptual, settings=settings)
    step.separate = case == "stage1_G_D_seperate"
    if case != "stage1_no_GAN":
        step.discriminator, step.discriminator_optimiser = discriminator, adam(discriminator, 2e-4, 0.5)
    labels, picture = formula.label_map(2, 128, 96, 13, 0.2), formula.image("image", 2, 3, 128, 96)
    targets = ConditionTargets.of(picture, labels, GarmentClass.UPPER)
    values = [step(*condition_inputs(2, 128, 96), targets) for _ in range(steps)]
    logged = json.loads((goldens / "losses.json").read_text())["losses"][case]
    check(logged, values)
    DIFFERENCES[f"losses.json {case}, of 1, first step"] = max(
        abs(values[0][LOGGED[name]] / logged[name][0] - 1) for name in logged if name in LOGGED
    )
    after = dict(generator.state_dict())
    for name in ("out_layer.block.1.running_mean", "flow_conv.4.bias"):
        assert after[name].tolist() == pytest.approx(logged[f"after/{name}"], abs=1e-4)


@pytest.mark.parametrize("garment_class", GarmentClass)
def test_targets_are_of_the_class_s_channel(garment_class: GarmentClass) -> None:
    labels = torch.arange(13).view(1, 1, 13)
    targets = ConditionTargets.of(torch.zeros(1, 3, 1, 13), labels, garment_class)
    wanted = [float(channel == RULES[garment_class].channel) for channel in range(13)]
    assert targets.mask.flatten().tolist() == wanted
    assert targets.garment[0, 0, 0].tolist() == [1 - value for value in wanted]


def test_coarser_flows_are_compared_behind_the_class_s_occluders() -> None:
    """Logits that are sure of `upper`, which hides a lower garment and no upper one."""
    logits = torch.zeros(1, 13, 64, 64)
    logits[:, HR_VITON_13.id("upper")] = 50
    garment, ones = torch.ones(1, 4, 64, 64), torch.ones(1, 1, 64, 64)
    flows = [torch.zeros(1, 2 << level, 2 << level, 2) for level in range(5)]
    output = ConditionOutput(flows, logits, torch.ones(1, 3, 64, 64), ones)
    l1 = {}
    for garment_class in (GarmentClass.UPPER, GarmentClass.LOWER):
        targets = ConditionTargets(torch.zeros(1, 64, 64, dtype=torch.int64), torch.ones(1, 3, 64, 64), ones)
        settings = ConditionLossSettings(occlusion=False)
        losses = condition_losses(output, garment, targets, None, _no_look, settings, garment_class)
        l1[garment_class] = float(losses.l1)
    assert l1[GarmentClass.UPPER] == pytest.approx(0, abs=1e-6)
    assert l1[GarmentClass.LOWER] == pytest.approx(1 / 2 + 1 / 4 + 1 / 8 + 1 / 16)


class _NoLook(PerceptualLoss):
    """Weighs nothing: the pictures are alike."""

    def __init__(self) -> None:
        nn.Module.__init__(self)

    def forward(self, made: Tensor, real: Tensor) -> Tensor:
        return made.new_zeros(())


_no_look = _NoLook()


@pytest.mark.slow
def test_image_stage(goldens: Path, perceptual: PerceptualLoss) -> None:
    conditions, generator, discriminator = ConditionGenerator(16), ImageGenerator(8), ImageDiscriminator(16)
    formula.fill(conditions, bias={("out_layer.block.4.bias", 3): 1.5})
    formula.fill(generator, noise=0.1)
    formula.fill(discriminator)
    garments, persons = formula_pair(512, 384, 2)
    with torch.no_grad():
        aligned = HRVITON(conditions, generator).eval().align(garments, persons)
    step = ImageStep(
        generator.train(),
        discriminator.train(),
        adam(generator, 1e-4, 0.0),
        adam(discriminator, 4e-4, 0.0),
        perceptual,
        noise=formula.noise,
    )
    real = formula.image("image", 2, 3, 512, 384)
    values = [step(aligned.image_conditions, one_hot(aligned.slots, 7), real) for _ in range(2)]
    check(json.loads((goldens / "losses.json").read_text())["losses"]["stage2_default"], values)
