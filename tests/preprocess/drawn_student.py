"""A tiny student that knows the drawn people: trained in seconds, of no use beyond tests; synthetic."""

from __future__ import annotations

from pathlib import Path

import torch

from preprocess.student.network import StudentShape
from preprocess.student.training import Pace, Recipe, train
from tests.preprocess.mannequin import SIZE
from tests.preprocess.student_drawn import write_tree
from vitonhd.pictures import encode_png
from vitonhd.tree import Tree

SHAPE = StudentShape("mobilenetv3_small_050", 16, 96, 128)
STEPS = 100


def drawn_student(folder: Path) -> Path:
    """Weights of a student that finds people and garments of `student_drawn.write_tree`, and the data beside it."""
    data = write_tree(folder / "data", train=4, test=1)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # small layers: more threads wait for each other
    try:
        recipe = Recipe(str(data), STEPS, batch=8, rate=5e-3, average=0.9, augmented=False, shape=SHAPE)
        return train(recipe, folder / "run", pace=Pace(STEPS, 10 * STEPS, 10 * STEPS)).weights
    finally:
        torch.set_num_threads(threads)


def write_photos(data: Path, photos: Path) -> None:
    """The photos and packshots that such a student was trained on, three times as large, as a plain folder of PNGs."""
    tree = Tree(data, size=SIZE)
    for stem in tree.stems("train"):
        item = tree.read("train", stem, ("image", "cloth"))
        assert item.image is not None and item.cloth is not None
        for kind, picture in (("people", item.image), ("garments", item.cloth)):
            path = photos / kind / f"{stem}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode_png(picture.repeat(3, 0).repeat(3, 1)))
