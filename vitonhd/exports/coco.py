"""COCO instances: `<split>/<stem>.jpg` and `annotations/instances_<split>.json`, a mask for each label of the parse.

The contract that must not break: category ids are CIHP's, and the masks of a photo are its parse exactly: uncompressed
run lengths, which pycocotools and its users read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from vitonhd.arrays import Mask
from vitonhd.atomic import atomic_file
from vitonhd.errors import FormatError
from vitonhd.exports.layouts import Index, Order, Taken, need, need_bytes
from vitonhd.labels import CIHP
from vitonhd.sources import ItemFiles

_GARMENTS = {
    "hat", "glove", "sunglasses", "upper-clothes", "dress", "coat", "socks", "pants", "scarf", "skirt", "left-shoe",
    "right-shoe",
}  # fmt: skip


def take(order: Order, item: ItemFiles) -> Taken:
    """The photo and its annotations, without ids."""
    parse = need(item, order, "image", "parse").parse
    assert parse is not None
    annotations = [_annotation(label, np.equal(parse, label)) for label in np.unique(parse).tolist() if label]
    photo = {f"{item.split}/{item.stem}.jpg": need_bytes(item, "image")}
    return Taken(photo, {"stem": item.stem, "masks": annotations})


def finish(order: Order, index: Index) -> None:
    """One JSON file for each split, written as a stream."""
    for split, stems in index.stems.items():
        with atomic_file(order.out / "annotations" / f"instances_{split}.json") as file:
            head = {"info": {"description": f"Lookbook, {order.garment_class}, {split}"}, "licenses": []}
            file.write(json.dumps(head).removesuffix("}").encode() + b', "images": ')
            file.writelines(_stream(_images(order, split, stems)))
            file.write(b', "annotations": ')
            file.writelines(_stream(_annotations(index.rows(split))))
            file.write(b', "categories": ' + json.dumps(categories()).encode() + b"}\n")


def categories() -> list[dict[str, object]]:
    """CIHP's labels without background."""
    return [
        {"id": number, "name": label, "supercategory": "garment" if label in _GARMENTS else "body"}
        for number, label in enumerate(CIHP.labels)
        if number
    ]


def run_lengths(mask: Mask) -> list[int]:
    """Lengths of runs of 0 and 1 in turn, down the columns, beginning with 0s (possibly none)."""
    flat = mask.ravel(order="F")
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    edges = np.concatenate([[0] if not flat[0] else [0, 0], changes, [len(flat)]])
    return [int(length) for length in np.diff(edges)]


def mask_of(counts: list[int], size: tuple[int, int]) -> Mask:
    """The mask of run lengths; `size` is (height, width). Raises FormatError `bad-run-lengths`."""
    if any(count < 0 for count in counts) or sum(counts) != size[0] * size[1]:
        raise FormatError("bad-run-lengths", f"{sum(counts)} pixels of {size[0]}x{size[1]}")
    flat = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    return flat.reshape(size, order="F")


def _annotation(label: int, mask: Mask) -> dict[str, Any]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = [int(columns[0]), int(rows[0]), int(columns[-1] - columns[0] + 1), int(rows[-1] - rows[0] + 1)]
    return {
        "category_id": label, "bbox": box, "area": int(mask.sum()), "iscrowd": 0,
        "segmentation": {"size": list(mask.shape), "counts": run_lengths(mask)},
    }  # fmt: skip


def _images(order: Order, split: str, stems: list[str]) -> Iterator[dict[str, object]]:
    width, height = order.size
    for number, stem in enumerate(stems, 1):
        yield {"id": number, "file_name": f"{split}/{stem}.jpg", "width": width, "height": height}


def _annotations(rows: Iterator[Any]) -> Iterator[dict[str, Any]]:
    number = 0
    for image, row in enumerate(rows, 1):
        for mask in row["masks"]:
            number += 1
            yield {"id": number, "image_id": image, **mask}


def _stream(entries: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    separator = b"[\n"
    for entry in entries:
        yield separator + json.dumps(entry, separators=(",", ":")).encode()
        separator = b",\n"
    yield b"\n]" if separator == b",\n" else b"[]"
