"""A small tree of drawn people with truth, and a tiny student: synthetic, plain shapes, nothing real."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from preprocess.student.network import StudentShape
from tests.preprocess.mannequin import SIZE, mannequin
from vitonhd.arrays import Labels
from vitonhd.densepose import DENSEPOSE
from vitonhd.garment_classes import GarmentClass
from vitonhd.labels import CIHP
from vitonhd.names import item_id
from vitonhd.tree import Tree

TINY = StudentShape("mobilenetv3_small_050", 16, 64, 96)

_PARTS = {
    "left-arm": "left-forearm-1", "right-arm": "right-forearm-1", "left-leg": "left-calf-front",
    "right-leg": "right-calf-front", "left-shoe": "left-foot", "right-shoe": "right-foot",
    "upper-clothes": "torso-front", "dress": "torso-front", "face": "left-head", "pants": "torso-front",
}  # fmt: skip


def densepose_of(parse: Labels) -> Labels:
    """DensePose ids that go with a drawn parse, sides alike."""
    table = np.zeros(256, np.uint8)
    for label, part in _PARTS.items():
        table[CIHP.id(label)] = DENSEPOSE.id(part)
    return table[parse]


def write_tree(root: Path, *, train: int = 4, test: int = 1, truth: bool = True) -> Path:
    """A tree of `train` and `test` items, 192x256, each before a backdrop of its own grey."""
    tree = Tree(root, size=SIZE)
    for split, count in (("train", train), ("test", test)):
        for index in range(count):
            drawn = mannequin(GarmentClass.DRESS if index % 2 else GarmentClass.UPPER)
            item = drawn.item(item_id(index))
            photo = drawn.photo.copy()
            photo[drawn.parse == 0] = 120 + 20 * index
            cloth_mask = np.isin(drawn.parse, CIHP.ids("upper-clothes", "dress"))
            item.image, item.cloth_mask = photo, cloth_mask
            item.cloth = np.where(cloth_mask[..., None], drawn.photo, np.uint8(245))
            densepose = densepose_of(drawn.parse)
            item.densepose = DENSEPOSE.paint(densepose)
            tree.write(split, item)
            if truth:
                _write_truth(root / "truth" / split / f"{item_id(index)}.npz", densepose)
    return root


def _write_truth(path: Path, densepose: Labels) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows, columns = np.indices(densepose.shape)
    uv = np.stack([columns * 255 // SIZE[0], rows * 255 // SIZE[1]], -1).astype(np.uint8) * (densepose > 0)[..., None]
    buffer = io.BytesIO()
    np.savez_compressed(buffer, densepose=densepose, densepose_uv=uv)
    path.write_bytes(buffer.getvalue())
