"""A few synthetic studio pairs as tensors, and a few training steps of both stages on them.

The contract that must not break: the pairs are drawn from a seed, so every run trains on the same ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from finetune.hr_viton import HRVITON, ConditionDiscriminator, Garments, ImageDiscriminator, Persons
from finetune.hr_viton.alignment import one_hot
from finetune.hr_viton.conditions import read_pair
from finetune.hr_viton.losses import ConditionTargets, PerceptualLoss
from finetune.hr_viton.sizes import Sizes
from finetune.hr_viton.steps import ConditionStep, ImageStep
from finetune.hr_viton.warping import resize, resize_nearest
from vitonhd.garment_classes import GarmentClass
from vitonhd.item import Item
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


@dataclass(frozen=True)
class StudioBatch:
    """Synthetic pairs with what their pictures show."""

    garments: Garments
    persons: Persons
    picture: Tensor
    labels: Tensor


def make_tree(root: Path, pairs: int = 2) -> Tree:
    """Pairs of upper garments at 192x256 with their agnostic parts."""
    from preprocess.draw.agnostic import draw_agnostic
    from studio.dataset import Order, render

    height, width = SIZES.size
    render(Order(root, (GarmentClass.UPPER,), pairs, 5, width, height))
    tree = Tree(root / "upper", size=(width, height))
    for stem in tree.stems("train"):
        item = tree.read("train", stem, ["image", "parse", "pose"])
        assert item.image is not None and item.parse is not None and item.pose is not None
        agnostic = draw_agnostic(item.image, item.parse, item.pose.person.body, GarmentClass.UPPER)
        tree.write("train", Item(stem, parse_agnostic=agnostic.parse, agnostic=agnostic.picture))
    return tree


def read_batch(tree: Tree) -> StudioBatch:
    stems = tree.stems("train")
    pairs = [read_pair(tree, "train", Pair(stem, stem), "paired", SIZES.size) for stem in stems]
    pictures, labels = [], []
    for stem in stems:
        item = tree.read("train", stem, ["image", "parse"])
        assert item.image is not None and item.parse is not None
        pictures.append(torch.from_numpy(item.image.copy()).permute(2, 0, 1).float() / 127.5 - 1)
        labels.append(torch.from_numpy(convert_labels(item.parse, CIHP, HR_VITON_13)).long())
    garments, persons = (Garments.cat([one for one, _ in pairs]), Persons.cat([other for _, other in pairs]))
    return StudioBatch(garments, persons, torch.stack(pictures), torch.stack(labels))


def train_conditions(
    tryon: HRVITON, batch: StudioBatch, perceptual: PerceptualLoss, steps: int
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
    values = [step(*inputs, targets) for _ in range(steps)]
    return values[0], values[-1]


def train_images(
    tryon: HRVITON, batch: StudioBatch, perceptual: PerceptualLoss, steps: int
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
    values = [step(aligned.image_conditions, one_hot(aligned.slots, 7), batch.picture) for _ in range(steps)]
    return values[0], values[-1]
