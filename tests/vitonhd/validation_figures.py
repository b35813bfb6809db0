"""Prints the figures that the validator's limits are set by: of sound sets, and of the same items mixed up.

`python -m tests.vitonhd.validation_figures upper:data/upper lower:data/lower@384x512` prints, for each figure, the
least, median and greatest value of each tree's items; then those figures that tell a condition of another item or of
the mirrored photo from the item's own.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

import numpy as np

from vitonhd.densepose import DENSEPOSE, read_picture
from vitonhd.folders import FOLDERS
from vitonhd.garment_classes import RULES, GarmentClass
from vitonhd.item import Item
from vitonhd.tree import Tree
from vitonhd.validation.figures import item_figures
from vitonhd.validation.limits import ITEM_LIMITS

Figures = dict[str, float]


def items(tree: Tree) -> Iterator[Item]:
    """Every item with a photo and a parse, and what else it has."""
    for split in tree.splits():
        for stem in tree.stems(split, "parse"):
            parts = [folder.part for folder in FOLDERS if tree.path(split, folder.part, stem).is_file()]
            if "image" in parts:
                yield tree.read(split, stem, parts)


def mixed_up(tree: Tree, garment_class: GarmentClass) -> Iterator[Figures]:
    """Parse, DensePose and pose of the item before; DensePose mirrored with sides not swapped."""
    before: Item | None = None
    for item in items(tree):
        if before is not None and item.densepose is not None:
            mirrored = DENSEPOSE.paint(np.array(DENSEPOSE.mirror, np.uint8)[read_picture(item.densepose)[0]])
            other = item_figures(Item(item.stem, image=item.image, parse=before.parse), RULES[garment_class])
            sides = item_figures(
                Item(item.stem, parse=item.parse, densepose=mirrored, pose=item.pose), RULES[garment_class]
            )
            swapped = item_figures(
                Item(item.stem, parse=item.parse, densepose=before.densepose, pose=before.pose), RULES[garment_class]
            )
            yield (
                {"outline-contrast": other["outline-contrast"]}
                | {name: figure for name, figure in sides.items() if name.endswith("-sides")}
                | {name: figure for name, figure in swapped.items() if "-on-" in name}
            )
        before = item


def table(title: str, figures: Iterable[Figures]) -> None:
    found: dict[str, list[float]] = {}
    for one in figures:
        for name, figure in one.items():
            found.setdefault(name, []).append(figure)
    print(title)
    for name, values in found.items():
        limit = ITEM_LIMITS[name]
        missed = sum(limit.missed(value) is not None for value in values)
        spread = " ".join(f"{value:9.4f}" for value in (min(values), float(np.median(values)), max(values)))
        print(f"  {name:22} {spread}   limits {limit.least:.4g} {limit.most:.4g}   beyond {missed} of {len(values)}")


def main() -> None:
    for argument in sys.argv[1:]:
        name, _, rest = argument.partition(":")
        root, _, size = rest.partition("@")
        width, height = (int(side) for side in (size or "768x1024").split("x"))
        tree, garment_class = Tree(root, size=(width, height)), GarmentClass(name)
        table(argument, (item_figures(item, RULES[garment_class]) for item in items(tree)))
        table(f"{argument}, mixed up", mixed_up(tree, garment_class))


if __name__ == "__main__":
    main()
