"""Training steps log what the published training logged, from the same weights and pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import torch
from torch import nn

from finetune.hr_viton import HRVITON, ConditionDiscriminator, ConditionGenerator, ImageDiscriminator, ImageGenerator
from finetune.hr_viton.alignment import one_hot
from finetune.hr_viton.losses import ConditionLossSettings, ConditionTargets, PerceptualLoss
from finetune.hr_viton.steps import ConditionStep, ImageStep
from tests.finetune.hr_viton import formula
from tests.finetune.hr_viton.test_goldens import condition_inputs, formula_pair
from vitonhd.garment_classes import GarmentClass

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
    if case != "stage1_no_GAN":
        step.discriminator, step.discriminator_optimiser = discriminator, adam(discriminator, 2e-4, 0.5)
    labels, picture = formula.label_map(2, 128, 96, 13, 0.2), formula.image("image", 2, 3, 128, 96)
    targets = ConditionTargets.of(picture, labels, GarmentClass.UPPER)
    values = [step(*condition_inputs(2, 128, 96), targets) for _ in range(steps)]
    logged = json.loads((goldens / "losses.json").read_text())["losses"][case]
    check(logged, values)
    after = dict(generator.state_dict())
    for name in ("out_layer.block.1.running_mean", "flow_conv.4.bias"):
        assert after[name].tolist() == pytest.approx(logged[f"after/{name}"], abs=1e-4)


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
