"""A small drawn data set for training: two garment classes, smooth random pictures, blocks for people."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from vitonhd.garment_classes import RULES, GarmentClass
from vitonhd.item import Item
from vitonhd.labels import CIHP
from vitonhd.names import item_id
from vitonhd.tree import Tree

SIZE = (64, 64)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def renders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`upper` and `lower`, six training and two test items each, 64x64."""
    root = tmp_path_factory.mktemp("renders")
    for garment_class in (GarmentClass.UPPER, GarmentClass.LOWER):
        tree = Tree(root / garment_class, size=SIZE)
        for number in range(8):
            tree.write("test" if number > 5 else "train", drawn_item(number, garment_class))
    return root


def drawn_item(number: int, garment_class: GarmentClass) -> Item:
    """A person of blocks: hair, face, top, trousers, arms; the garment in a colour of its own."""
    chance = np.random.default_rng((number, len(garment_class)))
    parse = np.zeros(SIZE[::-1], np.uint8)
    left = 20 + number % 4
    for label, rows, columns in (
        ("hair", (4, 9), (left, left + 20)), ("face", (9, 16), (left + 4, left + 16)),
        ("upper-clothes", (16, 38), (left, left + 22)), ("pants", (38, 60), (left + 2, left + 20)),
        ("left-arm", (18, 40), (left + 22, left + 27)), ("right-arm", (18, 40), (left - 6, left)),
    ):  # fmt: skip
        parse[slice(*rows), slice(*columns)] = CIHP.id(label)
    rules = RULES[garment_class]
    worn = rules.worn_mask(parse)
    colour = chance.integers(0, 255, 3, np.uint8)
    image = CIHP.paint(parse)
    image[worn] = colour
    cloth = np.full_like(image, 240)
    mask = np.zeros(parse.shape, bool)
    mask[10:54, 12:52] = True
    cloth[mask] = colour
    agnostic = np.where(worn[..., None], np.uint8(128), image)
    cleared = np.where(np.isin(parse, rules.cleared), 0, parse).astype(np.uint8)
    densepose = np.where(parse[..., None] > 0, np.array([20, 80, 194], np.uint8), np.uint8(0))
    return Item(
        item_id(number), image=image, cloth=cloth, cloth_mask=mask, densepose=densepose.astype(np.uint8), parse=parse,
        parse_agnostic=cleared, agnostic=agnostic, agnostic_mask=worn,
    )  # fmt: skip


@pytest.fixture(scope="session")
def condition_start(renders: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A condition generator to start from, two channels wide."""
    from finetune.hr_viton import ConditionGenerator, save_checkpoint

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("start") / "condition_generator.safetensors"
    save_checkpoint(ConditionGenerator(2), path)
    return path
