"""VITON-HD's layout of 2021: the same files under its folder names, which HR-VITON changed.

The contract that must not break: every file is copied byte for byte.
"""

from __future__ import annotations

from vitonhd.atomic import write_atomic
from vitonhd.exports.layouts import Index, Order, Taken, need, need_bytes
from vitonhd.folders import PARTS
from vitonhd.pair_files import format_pairs
from vitonhd.sources import ItemFiles
from vitonhd.tree import PAIR_FILES

FOLDERS = {
    "image": "image", "cloth": "cloth", "cloth_mask": "cloth-mask", "parse": "image-parse",
    "pose_picture": "openpose-img", "pose": "openpose-json",
}  # fmt: skip


def take(order: Order, item: ItemFiles) -> Taken:
    """The parts that the layout has; agnostics are drawn by its loader."""
    need(item, order, *FOLDERS)
    return Taken(
        {
            f"{item.split}/{name}/{item.stem}{PARTS[part].ending}": need_bytes(item, part)
            for part, name in FOLDERS.items()
        }
    )


def finish(order: Order, index: Index) -> None:
    """The pair files, as they are."""
    for name, pairs in index.pairs.items():
        write_atomic(order.out / PAIR_FILES[name], format_pairs(pairs))
