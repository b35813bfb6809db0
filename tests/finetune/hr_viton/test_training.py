"""Gradients are right, and a few steps on synthetic studio pairs lower both stages' losses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from finetune.hr_viton import (
    HRVITON,
    SeededNoise,
    TryOnSettings,
)
from finetune.hr_viton.alignment import compose_garment, occlude
from finetune.hr_viton.conditions import read_pair
from finetune.hr_viton.engine import Engine, EngineSettings
from finetune.hr_viton.losses import PerceptualLoss, total_variation
from finetune.hr_viton.warping import warp
from tests.finetune.hr_viton import drawn, formula
from tests.finetune.hr_viton.studio_pairs import (
    SIZES,
    StudioBatch,
    make_tree,
    read_batch,
    train_conditions,
    train_images,
)
from tests.finetune.hr_viton.test_engine import assert_equal, psnr
from vitonhd.garment_classes import GarmentClass
from vitonhd.pair_files import Pair
from vitonhd.tree import Tree

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
    torch.autograd.backward(composed.sum())
    assert mask.grad is None and logits.grad is not None


@pytest.fixture(scope="module")
def studio_tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    pytest.importorskip("anny", reason="the studio's dependency group is not installed")
    return make_tree(tmp_path_factory.mktemp("pairs"))


@pytest.fixture(scope="module")
def batch(studio_tree: Tree) -> StudioBatch:
    return read_batch(studio_tree)


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
    first, last = train_conditions(tryon, batch, perceptual, STEPS)
    assert last["total"] < 0.95 * first["total"]
    assert last["cross_entropy"] < first["cross_entropy"]
    first, last = train_images(tryon.eval(), batch, perceptual, STEPS)
    assert last["perceptual"] < 0.95 * first["perceptual"]
    assert last["total"] < first["total"]
    return tryon.eval()


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
