"""The picture of docs/preprocess.md: a synthetic person of each class with everything that is drawn.

lookbook studio render --pairs 6 --class mix --size 384x512 --out STUDIO
for class in upper lower dress: lookbook preprocess draw STUDIO/$class STUDIO/$class --class $class --size 384x512
python -m tests.preprocess.sheet STUDIO docs/pictures/preprocess-draw.jpg
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from vitonhd.arrays import Picture
from vitonhd.garment_classes import GarmentClass
from vitonhd.labels import CIHP
from vitonhd.tree import Tree

STEMS = {GarmentClass.UPPER: "00003_00", GarmentClass.LOWER: "00000_00", GarmentClass.DRESS: "00004_00"}
PARTS = ("image", "parse", "pose_picture", "agnostic", "agnostic_mask", "parse_agnostic")
TILE = (192, 256)


def row(tree: Tree, stem: str) -> Picture:
    split = "test" if stem in tree.stems("test") else "train"
    item = tree.read(split, stem, PARTS)
    tiles = []
    for content in (getattr(item, part) for part in PARTS):
        picture = content
        if content.ndim == 2:
            picture = np.repeat(content[..., None] * np.uint8(255), 3, -1)
            if content.dtype != np.bool_:
                picture = CIHP.paint(content)
        tiles.append(np.asarray(Image.fromarray(picture).resize(TILE, Image.Resampling.LANCZOS)))
    return np.concatenate(tiles, axis=1)


def main(studio: str, out: str) -> None:
    rows = [row(Tree(Path(studio) / kind, size=(384, 512)), stem) for kind, stem in STEMS.items()]
    Image.fromarray(np.concatenate(rows)).save(out, quality=88)


if __name__ == "__main__":
    main(*sys.argv[1:])
