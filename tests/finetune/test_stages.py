"""HR-VITON's stages: on one class a step is the published one, and with several each example is judged by its own."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from finetune.augmentation import Scene, to_scene
from finetune.examples import Examples, find_sources
from finetune.hr_viton import HRVITON, ConditionGenerator, TryOnSettings
from finetune.hr_viton.alignment import one_hot
from finetune.hr_viton.condition_stage import BETAS, ConditionStage, Inputs
from finetune.hr_viton.image_stage import BETAS as IMAGE_BETAS
from finetune.hr_viton.image_stage import DrawnNoise, ImageStage
from finetune.hr_viton.recipe import garments_of, persons_of
from finetune.hr_viton.steps import ConditionStep, ImageStep
from finetune.loader import Loader
from finetune.sampling import Sampler
from finetune.settings import RunSettings
from vitonhd.garment_classes import GarmentClass

MODEL = {"condition_pixels": [64, 64], "condition_width": 2, "image_width": 2, "modulation_width": 2,
         "upsampling": "normal"}  # fmt: skip


def settings(stage: str, **model: object) -> RunSettings:
    return RunSettings(stage=stage, steps=1, width=64, height=64, model={**MODEL, **model})


def scene(renders: Path, parts: tuple[str, ...], classes: list[GarmentClass], count: int = 4) -> Scene:
    sources = [one for one in find_sources([str(renders)]) if one.garment_class in classes]
    examples = Examples(sources, "train", parts, (64, 64))
    sampler = Sampler(examples.counts(), {}, batch=count, seed=0, steps=1)
    return to_scene(next(iter(Loader(examples, sampler, seed=0, device=torch.device("cpu")))))


class Updates:
    """Plain Adam, as the trainer would make it."""

    def __init__(self, stage: ConditionStage | ImageStage) -> None:
        self.networks = {name: one.network.train() for name, one in stage.trained.items()}
        self.optimisers = {
            name: torch.optim.Adam([p for p in one.network.parameters() if p.requires_grad], one.rate, one.betas)
            for name, one in stage.trained.items()
        }

    def __call__(self, network: str, loss: Tensor) -> None:
        self.optimisers[network].zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self.optimisers[network].step()


def adam(network: nn.Module, rate: float, betas: tuple[float, float]) -> torch.optim.Adam:
    return torch.optim.Adam(network.parameters(), rate, betas)


def assert_same(one: nn.Module, other: nn.Module) -> None:
    for (key, value), wanted in zip(one.state_dict().items(), other.state_dict().values(), strict=True):
        torch.testing.assert_close(value, wanted, rtol=1e-4, atol=1e-5, msg=lambda text, key=key: f"{key}: {text}")


@pytest.mark.parametrize("garment_class", [GarmentClass.UPPER, GarmentClass.LOWER])
def test_a_condition_step_is_the_published_one(renders: Path, garment_class: GarmentClass) -> None:
    torch.manual_seed(0)
    stage = ConditionStage(settings("condition"))
    networks = Updates(stage).networks
    published = {name: copy.deepcopy(network) for name, network in networks.items()}
    generator, judge = published["condition_generator"], published["condition_discriminator"]
    assert isinstance(generator, ConditionGenerator)
    step = ConditionStep(
        generator, adam(generator, 2e-4, BETAS), stage.perceptual, judge, adam(judge, 2e-4, BETAS), stage.losses
    )  # type: ignore[arg-type]
    examples = scene(renders, stage.parts, [garment_class])
    inputs = Inputs(examples, (64, 64))
    torch.manual_seed(1)  # dropout
    wanted = step(inputs.garment, inputs.person, inputs.targets(garment_class, slice(0, 4)), garment_class)
    torch.manual_seed(1)
    found = stage.step(networks, examples, Updates(stage), 0)
    for name, value in wanted.items():
        assert float(found[name]) == pytest.approx(value, rel=1e-5), name
    for name, network in networks.items():
        assert_same(network, published[name])


def test_each_example_is_judged_by_its_class(renders: Path) -> None:
    torch.manual_seed(0)
    stage = ConditionStage(settings("condition", adversarial=0))
    generator = stage.trained["condition_generator"].network.eval()
    both = scene(renders, stage.parts, [GarmentClass.UPPER, GarmentClass.LOWER])
    assert [one for one, _ in both.groups] == [GarmentClass.LOWER, GarmentClass.UPPER]

    def total(part: Scene) -> float:
        inputs = Inputs(part, (64, 64))
        return stage._losses(generator(inputs.garment, inputs.person), inputs, None)[0].item()

    halves = []
    for garment_class, part in both.groups:
        cut = {name: value[part] if isinstance(value, Tensor) else value for name, value in vars(both).items()}
        cut["groups"] = ((garment_class, slice(0, 2)),)
        halves.append(total(Scene(**cut)))
    assert total(both) == pytest.approx(sum(halves) / 2, rel=1e-5)


def test_a_generator_step_is_the_published_one(renders: Path, condition_start: Path) -> None:
    torch.manual_seed(0)
    chosen = settings("generator").model_copy(update={"start": {"condition_generator": str(condition_start)}})
    stage = ImageStage(chosen)
    networks = Updates(stage).networks
    published = {name: copy.deepcopy(network) for name, network in networks.items()}
    generator, judge = published["image_generator"], published["image_discriminator"]
    examples = scene(renders, stage.parts, [GarmentClass.UPPER])
    image, parse = stage.conditions(examples)

    calls: list[str] = []

    def noise(norm: str, batch: int, height: int, width: int) -> Tensor:
        calls.append(norm)
        again = calls.count(norm) - 1
        return DrawnNoise(examples.noise_seeds, image.device, salt=again)(norm, batch, height, width)

    step = ImageStep(
        generator, judge, adam(generator, 1e-4, IMAGE_BETAS), adam(judge, 4e-4, IMAGE_BETAS), stage.perceptual,
        stage.losses, noise,
    )  # type: ignore[arg-type]  # fmt: skip
    wanted = step(image, parse, examples.image)
    found = stage.step(networks, examples, Updates(stage), 0)
    for name, value in wanted.items():
        assert float(found[name]) == pytest.approx(value, rel=1e-4), name
    for name, network in networks.items():
        assert_same(network, published[name])


def test_the_generator_is_told_what_inference_tells_it(renders: Path, condition_start: Path) -> None:
    chosen = settings("generator").model_copy(update={"start": {"condition_generator": str(condition_start)}})
    stage = ImageStage(chosen)
    examples = scene(renders, stage.parts, [GarmentClass.LOWER])
    image, parse = stage.conditions(examples)
    path = HRVITON(
        stage.frozen["condition_generator"].eval(), stage.trained["image_generator"].network,
        settings=TryOnSettings(condition_size=(64, 64)),
    )  # type: ignore[arg-type]  # fmt: skip
    with torch.no_grad():
        aligned = path.align(garments_of(examples), persons_of(examples), GarmentClass.LOWER)
    torch.testing.assert_close(image, aligned.image_conditions)
    torch.testing.assert_close(parse, one_hot(aligned.slots, 7))


def test_a_discriminator_can_learn_first(renders: Path, condition_start: Path) -> None:
    chosen = settings("generator", discriminator_first=2).model_copy(
        update={"start": {"condition_generator": str(condition_start)}}
    )
    stage = ImageStage(chosen)
    examples = scene(renders, stage.parts, [GarmentClass.UPPER])
    networks, before = Updates(stage).networks, copy.deepcopy(stage.trained["image_generator"].network)
    stage.step(networks, examples, Updates(stage), 1)
    assert torch.equal(networks["image_generator"].conv_img.weight, before.conv_img.weight)  # type: ignore[union-attr]
    stage.step(networks, examples, Updates(stage), 2)
    assert not torch.equal(networks["image_generator"].conv_img.weight, before.conv_img.weight)  # type: ignore[union-attr]
