"""VITON-HD trees of rendered items, with what only a renderer knows beside them.

The contract that must not break: the same seed gives the same bytes with any number of workers; an item is done when
its record (`truth/<split>/<stem>.json`) is there, which is written last.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from studio.items import Draw, Sitting, shot, sitting
from studio.packshot import Packshot
from studio.person import suits
from studio.truth import Truth
from vitonhd.atomic import write_atomic
from vitonhd.densepose import DENSEPOSE
from vitonhd.garment_classes import GarmentClass
from vitonhd.item import Item
from vitonhd.names import item_id
from vitonhd.openpose_json import Person, PoseFile
from vitonhd.pair_files import Pair
from vitonhd.pictures import encode_jpeg, encode_labels, encode_mask_png
from vitonhd.tree import Tree
from vitonhd.workers import each

VERSION = 1
"""Raised with every change after which a draw gives other pictures: items of two versions are not mixed."""
TEST_EVERY = 5
"""Every so many items one is of the test split."""
FLOW_STEPS = 32
"""Stored flow is in 1/32 pixel, uint16; FLOW_MISSING where there is none."""
FLOW_MISSING = 65535
DEPTH_STEPS = 10_000
"""Stored depth is in 0.1 mm, uint16; 0 on the backdrop."""
MIN_SIDE, MAX_SIDE = 64, 2000

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Order:
    """What to render. Raises ValueError for sizes outside MIN_SIDE..MAX_SIDE and for no pairs."""

    root: Path
    classes: tuple[GarmentClass, ...]
    pairs: int
    """Items of each class."""
    seed: int
    width: int
    height: int

    def __post_init__(self) -> None:
        if not all(MIN_SIDE <= side <= MAX_SIDE for side in (self.width, self.height)):
            raise ValueError(f"size {self.width}x{self.height}: each side is {MIN_SIDE}..{MAX_SIDE} pixels")
        if not 1 <= self.pairs <= 100_000:
            raise ValueError(f"{self.pairs} pairs: 1..100000 a class")
        if self.seed < 0:
            raise ValueError(f"seed {self.seed}: 0 or more")

    def tree(self, garment_class: GarmentClass) -> Tree:
        return Tree(self.root / garment_class, size=(self.width, self.height))

    def draws(self, garment_class: GarmentClass) -> list[Draw]:
        return [Draw(garment_class, self.seed, index) for index in range(self.pairs)]


@dataclass(frozen=True)
class Result:
    """How many items were rendered, and how many were there already."""

    rendered: int
    kept: int


def render(order: Order, *, workers: int = 1, on_progress: Progress | None = None) -> Result:
    """Render what is not there yet, then write the pair files.

    Raises ValueError where the folder holds items of another seed, size or VERSION.
    """
    draws = [draw for garment_class in order.classes for draw in order.draws(garment_class)]
    waiting = [draw for draw in draws if not _is_done(order, draw)]
    kept = len(draws) - len(waiting)
    for done, _ in enumerate(each(partial(render_item, order), waiting, workers), kept + 1):
        if on_progress is not None:
            on_progress(done, len(draws))
    for garment_class in order.classes:
        _write_pairs(order, garment_class)
    return Result(len(waiting), kept)


def split_of(index: int) -> str:
    return "test" if index % TEST_EVERY == TEST_EVERY - 1 else "train"


def partner(draw: Draw) -> Draw | None:
    """The test item whose garment this test item's person tries on: the nearest earlier one whose garment suits.

    It follows from seed and index alone, so a tree that grows keeps its answers. The first of each kind has none.
    """
    outfit = draw.outfit()
    for index in range(draw.index - TEST_EVERY, -1, -TEST_EVERY):
        earlier = replace(draw, index=index)
        if earlier.feminine == draw.feminine and suits(outfit, earlier.garment()):
            return earlier
    return None


def render_item(order: Order, draw: Draw) -> None:
    """Render and write one item with its truth."""
    tree, split, stem = order.tree(draw.garment_class), split_of(draw.index), item_id(draw.index)
    seated, pack = sitting(draw, order.width, order.height), shot(draw, order.width, order.height)
    truth = seated.truth(pack)
    tree.write(split, _item(stem, seated, pack, truth))
    folder = tree.root / "truth" / split
    write_atomic(folder / f"{stem}.npz", store_arrays(truth))
    write_atomic(folder / f"{stem}_bare.jpg", encode_jpeg(seated.without_garment().photo(), quality=95))
    other = partner(draw) if split == "test" else None
    if other is not None:
        _write_unpaired(tree, f"{stem}_{item_id(other.index)}", seated.in_garment(other.garment()), other, order)
    write_atomic(_record(order, draw), json.dumps(_describe(order, draw, seated), indent=1).encode())


def _item(stem: str, seated: Sitting, pack: Packshot, truth: Truth) -> Item:
    return Item(
        stem, image=seated.photo(), cloth=pack.image, cloth_mask=pack.mask, densepose=DENSEPOSE.paint(truth.densepose),
        parse=truth.parse, pose=PoseFile.of(Person.of(truth.pose)), worn_mask=truth.worn,
    )  # fmt: skip


def _write_unpaired(tree: Tree, name: str, seated: Sitting, other: Draw, order: Order) -> None:
    truth = seated.truth(shot(other, order.width, order.height))
    folder = tree.root / "truth" / "test_unpaired"
    write_atomic(folder / f"{name}.jpg", encode_jpeg(seated.photo(), quality=95))
    write_atomic(folder / f"{name}_parse.png", encode_labels(truth.parse))
    write_atomic(folder / f"{name}_worn.png", encode_mask_png(truth.worn))
    write_atomic(folder / f"{name}.npz", store_arrays(truth))


def store_arrays(truth: Truth) -> bytes:
    """flow uint16 HxWx2, densepose uint8 HxW, densepose_uv uint8 HxWx2, depth uint16 HxW, as an npz archive."""
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer, flow=store_flow(truth.flow), densepose=truth.densepose, densepose_uv=truth.densepose_uv,
        depth=np.rint(truth.depth * DEPTH_STEPS).astype(np.uint16),
    )  # fmt: skip
    return buffer.getvalue()


def store_flow(flow: npt.NDArray[np.float32]) -> npt.NDArray[np.uint16]:
    """Flow in pixels (NaN: none) as stored: 1/32 pixel, places outside the packshot clipped to its edge."""
    steps = np.clip(np.rint(np.nan_to_num(flow) * FLOW_STEPS), 0, FLOW_MISSING - 1)
    return np.where(np.isnan(flow), FLOW_MISSING, steps).astype(np.uint16)


def read_flow(stored: npt.NDArray[np.uint16]) -> npt.NDArray[np.float32]:
    """The inverse of `store_flow`, within 1/64 pixel."""
    return np.where(stored == FLOW_MISSING, np.nan, stored / np.float32(FLOW_STEPS)).astype(np.float32)


def _describe(order: Order, draw: Draw, seated: Sitting) -> dict[str, object]:
    garment = draw.garment()
    return {
        "version": VERSION, "seed": order.seed, "size": [order.width, order.height], "synthetic": True,
        "class": draw.garment_class, "family": garment.family, "pattern": garment.pattern.kind,
        "pose": seated.person.pose, "hair": seated.person.hair.style, "tucked": seated.outfit.tucked,
    }  # fmt: skip


def _record(order: Order, draw: Draw) -> Path:
    return order.root / draw.garment_class / "truth" / split_of(draw.index) / f"{item_id(draw.index)}.json"


def _is_done(order: Order, draw: Draw) -> bool:
    path = _record(order, draw)
    if not path.exists():
        return False
    found = json.loads(path.read_bytes())
    is_so = {name: found.get(name) for name in ("version", "seed", "size")}
    wanted = {"version": VERSION, "seed": order.seed, "size": [order.width, order.height]}
    if is_so != wanted:
        raise ValueError(f"{path} says {is_so}, wanted is {wanted}: choose another folder")
    return True


def _write_pairs(order: Order, garment_class: GarmentClass) -> None:
    """Of all items that are there, also those of an earlier run that asked for more."""
    tree = order.tree(garment_class)
    records = sorted((tree.root / "truth").glob("t*/*_00.json"), key=lambda path: path.stem)
    draws = [Draw(garment_class, order.seed, int(path.stem.partition("_")[0])) for path in records]
    for split in ("train", "test"):
        stems = [item_id(draw.index) for draw in draws if split_of(draw.index) == split]
        tree.write_pairs(split, [Pair(stem, stem) for stem in stems])
    unpaired = [(draw, partner(draw)) for draw in draws if split_of(draw.index) == "test"]
    found = [Pair(item_id(draw.index), item_id(other.index)) for draw, other in unpaired if other is not None]
    tree.write_pairs("test_unpaired", found)
