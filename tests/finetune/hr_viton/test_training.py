"""Gradients are right, and a few steps on synthetic studio pairs lower both stages' losses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor

from finetune.hr_viton import (
    HRVITON,
    ConditionDiscriminator,
    Garments,
    ImageDiscriminator,
    Persons,
    SeededNoise,
    TryOnSettings,
)
from finetune.hr_viton.alignment import compose_garment, occlude, one_hot
from finetune.hr_viton.conditions import read_pair
from finetune.hr_viton.engine import Engine, EngineSettings
from finetune.hr_viton.losses import ConditionTargets, PerceptualLoss, total_variation
from finetune.hr_viton.sizes import Sizes
from finetune.hr_viton.steps import ConditionStep, ImageStep
from finetune.hr_viton.warping import resize, resize_nearest, warp
from tests.finetune.hr_viton import drawn, formula
from tests.finetune.hr_viton.test_engine import assert_equal, psnr
from vitonhd.garment_classes import GarmentClass
from vitonhd.label_conversions import convert_labels
from vitonhd.labels import CIHP, HR_VITON_13
from vitonhd.pair_files import Pair
from vitonhd.tree import Tree

SIZES = Sizes(
    condition_width=8,
    image_width=4,
    modulation_width=16,
    discriminator_width=8,
    upsampling="more",
    size=(256, 192),
    condition_size=(128, 96),
)
STEPS = 5


def _doubles(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize(
    ("function", "inputs"),
    [
        (warp, lambda: (_doubles(1, 2, 6, 4), _doubles(1, 3, 2, 2))),
        (lambda logits, mask: compose_garment(logits, mask), lambda: (_doubles(1, 13, 2, 3), _doubles(1, 1, 2, 3))),
        (
            lambda garment, mask, logits: tuple(occlude(garment, mask, logits, GarmentClass.LOWER)),
            lambda: (_doubles(1, 3, 2, 3), _doubles(1, 1, 2, 3), _doubles(1, 13, 2, 3)),
        ),
        (total_variation, lambda: (_doubles(1, 3, 4, 2), _doubles(1, 1, 3, 4))),
    ],
    ids=["warp", "compose", "occlude", "total_variation"],
)
def test_gradients_equal_finite_differences(
    function: Callable[..., Tensor], inputs: Callable[[], tuple[Tensor, ...]]
) -> None:
    assert torch.autograd.gradcheck(function, inputs(), eps=1e-6, atol=1e-5)


def test_detached_composition_gives_the_mask_no_gradient() -> None:
    logits, mask = _doubles(1, 13, 4, 4), _doubles(1, 1, 4, 4)
    composed = compose_garment(logits, mask, "detach")
    composed.sum().backward()
    assert mask.grad is None and logits.grad is not None


@dataclass(frozen=True)
class StudioBatch:
    """Synthetic pairs with what their pictures show."""

    garments: Garments
    persons: Persons
    picture: Tensor
    labels: Tensor


@pytest.fixture(scope="module")
def studio_tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """Two synthetic pairs at 192x256 with their agnostic parts."""
    pytest.importorskip("anny", reason="the studio's dependency group is not installed")
    from preprocess.draw.agnostic import draw_agnostic
    from studio.dataset import Order, render
    from vitonhd.item import Item

    height, width = SIZES.size
    root = tmp_path_factory.mktemp("pairs")
    render(Order(root, (GarmentClass.UPPER,), 2, 5, width, height))
    tree = Tree(root / "upper", size=(width, height))
    for stem in tree.stems("train"):
        item = tree.read("train", stem, ["image", "parse", "pose"])
        assert item.image is not None and item.parse is not None and item.pose is not None
        agnostic = draw_agnostic(item.image, item.parse, item.pose.person.body, GarmentClass.UPPER)
        tree.write("train", Item(stem, parse_agnostic=agnostic.parse, agnostic=agnostic.picture))
    return tree


@pytest.fixture(scope="module")
def batch(studio_tree: Tree) -> StudioBatch:
    stems = studio_tree.stems("train")
    pairs = [read_pair(studio_tree, "train", Pair(stem, stem), "paired", SIZES.size) for stem in stems]
    pictures, labels = [], []
    for stem in stems:
        item = studio_tree.read("train", stem, ["image", "parse"])
        assert item.image is not None and item.parse is not None
        pictures.append(torch.from_numpy(item.image.copy()).permute(2, 0, 1).float() / 127.5 - 1)
        labels.append(torch.from_numpy(convert_labels(item.parse, CIHP, HR_VITON_13)).long())
    garments, persons = (Garments.cat([one for one, _ in pairs]), Persons.cat([other for _, other in pairs]))
    return StudioBatch(garments, persons, torch.stack(pictures), torch.stack(labels))


@pytest.fixture(scope="module")
def perceptual() -> PerceptualLoss:
    loss = PerceptualLoss()
    formula.fill(loss)
    return loss.requires_grad_(False)


@pytest.fixture(scope="module")
def tryon(batch: StudioBatch, perceptual: PerceptualLoss) -> HRVITON:
    """Tiny networks after a few steps of both stages; the losses on the way are asserted here and used by all."""
    torch.manual_seed(0)
    settings = TryOnSettings(condition_size=SIZES.condition_size)
    tryon = drawn.tryon(SIZES, settings=settings)
    first, last = _train_conditions(tryon, batch, perceptual)
    assert last["total"] < 0.95 * first["total"]
    assert last["cross_entropy"] < first["cross_entropy"]
    first, last = _train_images(tryon.eval(), batch, perceptual)
    assert last["perceptual"] < 0.95 * first["perceptual"]
    assert last["total"] < first["total"]
    return tryon.eval()


def _train_conditions(
    tryon: HRVITON, batch: StudioBatch, perceptual: PerceptualLoss
) -> tuple[dict[str, float], dict[str, float]]:
    generator, discriminator = tryon.condition_generator.train(), ConditionDiscriminator(SIZES.discriminator_width)
    small = SIZES.condition_size
    labels = resize_nearest(batch.labels[:, None].float(), small)[:, 0].long()
    targets = ConditionTargets.of(resize(batch.picture, small), labels, GarmentClass.UPPER)
    step = ConditionStep(
        generator,
        torch.optim.Adam(generator.parameters(), lr=2e-3, betas=(0.5, 0.999)),
        perceptual,
        discriminator,
        torch.optim.Adam(discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999)),
    )
    inputs = batch.garments.network_input(small), batch.persons.network_input(small)
    values = [step(*inputs, targets) for _ in range(STEPS)]
    return values[0], values[-1]


def _train_images(
    tryon: HRVITON, batch: StudioBatch, perceptual: PerceptualLoss
) -> tuple[dict[str, float], dict[str, float]]:
    with torch.no_grad():
        aligned = tryon.align(batch.garments, batch.persons)
    generator, discriminator = tryon.image_generator.train(), ImageDiscriminator(SIZES.discriminator_width)
    step = ImageStep(
        generator,
        discriminator,
        torch.optim.Adam(generator.parameters(), lr=2e-3, betas=(0.0, 0.9)),
        torch.optim.Adam(discriminator.parameters(), lr=1e-4, betas=(0.0, 0.9)),
        perceptual,
    )
    values = [step(aligned.image_conditions, one_hot(aligned.slots, 7), batch.picture) for _ in range(STEPS)]
    return values[0], values[-1]


@pytest.mark.slow
@torch.inference_mode()
def test_both_stages_learn_and_the_engine_follows_the_trained_weights(tryon: HRVITON, batch: StudioBatch) -> None:
    garments, person = batch.garments, batch.persons[:1]
    engines = [Engine(tryon, EngineSettings(mode="exact")), Engine(tryon, EngineSettings(mode="fast"))]
    keys = [str(number) for number in range(len(garments))]
    exact, fast = (
        engine.render(engine.encode_person(person), engine.encode_garments(garments), keys) for engine in engines
    )
    wanted = tryon(garments, person.expand(len(garments)), noise=SeededNoise(keys))
    assert_equal(exact, wanted)
    assert torch.equal(exact.parse, fast.parse)
    assert psnr(exact.image, fast.image) > 40


def test_unpaired_reads_the_second_column_and_needs_no_garment_of_the_person(studio_tree: Tree) -> None:
    person, cloth = studio_tree.stems("train")[:2]
    own = Path(studio_tree.path("train", "cloth", person))
    kept = own.read_bytes()
    own.unlink()
    try:
        garments, persons = read_pair(studio_tree, "train", Pair(person, cloth), "unpaired", (128, 96))
    finally:
        own.write_bytes(kept)
    other, _ = read_pair(studio_tree, "train", Pair(cloth, cloth), "paired", (128, 96))
    assert torch.equal(garments.picture, other.picture)
    assert persons.parse_agnostic.shape == (1, 13, 128, 96)
    assert torch.equal(persons.parse_agnostic.sum(1), torch.ones(1, 128, 96))
