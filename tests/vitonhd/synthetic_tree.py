"""A small synthetic data set: drawn rectangles for people, nothing real."""

from __future__ import annotations

import numpy as np

from tests.vitonhd.arrays_strategies import synthetic_points
from vitonhd.densepose import DENSEPOSE
from vitonhd.item import Item
from vitonhd.keypoints import BODY_25
from vitonhd.openpose_json import Person, PoseFile
from vitonhd.pair_files import Pair
from vitonhd.tree import Tree

SIZE = (48, 64)


def synthetic_item(stem: str, seed: int = 0) -> Item:
    """Every part of an item, 48x64; the stem decides nothing, the seed everything."""
    random = np.random.default_rng(seed)
    height, width = SIZE[1], SIZE[0]
    blocks = random.integers(0, 20, (height // 16, width // 16))
    parse = np.kron(blocks, np.ones((16, 16))).astype(np.uint8)
    mask = np.kron(blocks > 9, np.ones((16, 16))).astype(bool)
    picture = np.kron(random.integers(0, 256, (4, 3, 3)), np.ones((16, 16, 1))).astype(np.uint8)
    return Item(
        stem,
        image=picture,
        cloth=picture[::-1],
        cloth_mask=mask,
        densepose=DENSEPOSE.paint(parse),
        parse=parse,
        parse_agnostic=np.where(parse == 5, 0, parse).astype(np.uint8),
        agnostic=picture[:, ::-1],
        agnostic_mask=~mask,
        pose_picture=picture,
        pose=PoseFile.of(Person.of(synthetic_points(BODY_25, seed))),
    )


def write_tree(tree: Tree, *, train: int = 2, test: int = 2) -> None:
    """A sound tree with both splits and all pair files."""
    for split, count, first in (("train", train, 0), ("test", test, 100)):
        stems = [f"{first + number:05d}_00" for number in range(count)]
        for number, stem in enumerate(stems):
            tree.write(split, synthetic_item(stem, first + number))
        tree.write_pairs(split, [Pair(stem, stem) for stem in stems])
    tree.write_pairs("test_unpaired", [Pair("00100_00", "00101_00"), Pair("00101_00", "00100_00")])
