"""What the drawing rules make of official VITON-HD items, against the official files.

    python -m tests.preprocess.official TREE

prints the table of docs/preprocess.md for the tree's test items.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

import numpy as np

from preprocess.draw.agnostic import draw_agnostic
from preprocess.draw.pose_picture import draw_pose
from vitonhd.garment_classes import GarmentClass
from vitonhd.tree import Tree

JPEG_TOLERANCE = 40
"""Levels by which a channel of the agnostic picture may differ: both photo and official agnostic are JPEG."""


@dataclass(frozen=True)
class Differences:
    """Differing pixels of each drawn picture, and the time to draw all four in milliseconds."""

    pose_picture: int
    agnostic: int
    parse_agnostic: int
    agnostic_mask: int
    milliseconds: float


def compare(tree: Tree, stem: str, *, fixed_parse: bool = False) -> Differences:
    """An item of the test split, drawn and compared with its official files."""
    item = tree.read("test", stem)
    assert item.image is not None and item.parse is not None and item.pose is not None
    assert item.agnostic is not None and item.pose_picture is not None
    start = time.perf_counter()
    person = item.pose.person
    pose_picture = draw_pose(person, *tree.size)
    drawn = draw_agnostic(item.image, item.parse, person.body, GarmentClass.UPPER, fixed_parse=fixed_parse)
    taken = time.perf_counter() - start
    return Differences(
        int((pose_picture != item.pose_picture).any(axis=-1).sum()),
        int((np.abs(drawn.picture.astype(int) - item.agnostic) > JPEG_TOLERANCE).any(axis=-1).sum()),
        int((drawn.parse != item.parse_agnostic).sum()),
        int((drawn.mask != item.agnostic_mask).sum()),
        1000 * taken,
    )


def main(root: str) -> None:
    tree = Tree(root)
    print("| item | openpose_img | agnostic-v3.2 | image-parse-agnostic-v3.2 | agnostic-mask | drawn in |")
    print("|---|---|---|---|---|---|")
    for stem in tree.stems("test", "pose"):
        found = compare(tree, stem)
        share = found.agnostic / tree.size[0] / tree.size[1]
        print(
            f"| {stem} | {found.pose_picture} | {found.agnostic} ({share:.3%}) | {found.parse_agnostic} "
            f"| {found.agnostic_mask} | {found.milliseconds:.0f} ms |"
        )


if __name__ == "__main__":
    main(sys.argv[1])
