"""Hugging Face's `imagefolder`: pictures below each split, one line of `metadata.jsonl` an item, a card that says so.

The contract that must not break: every picture is a `<part>_file_name` of exactly one line, so the loader makes a
column of each part; files are copied byte for byte.
"""

from __future__ import annotations

import json

from vitonhd.atomic import atomic_file, write_atomic
from vitonhd.exports.layouts import Index, Order, Taken, need, need_bytes
from vitonhd.folders import FOLDERS, Kind
from vitonhd.sources import ItemFiles

_CARD = """---
pretty_name: Lookbook {garment_class}
task_categories:
- image-to-image
tags:
- virtual-try-on
configs:
- config_name: default
  drop_labels: true
  data_files:
{data_files}---

{count} items for virtual try-on of garments of class `{garment_class}`, {width}x{height} pixels, in VITON-HD's forms:
`image` and `cloth` (photo and packshot), `parse` (CIHP ids 0..19), `keypoints` (BODY_25: x, y, score), and the rest.
"""


def take(order: Order, item: ItemFiles) -> Taken:
    """Every picture that the item has, in VITON-HD's folders, and its line."""
    found = need(item, order, "image", "cloth", *(["pose"] if "pose" in item.files else []))
    pictures = [folder for folder in FOLDERS if folder.kind is not Kind.POSE and folder.part in item.files]
    names = {folder.part: f"{folder.name}/{item.stem}{folder.ending}" for folder in pictures}
    row: dict[str, object] = {f"{part}_file_name": name for part, name in names.items()}
    row |= {"stem": item.stem, "garment_class": order.garment_class}
    if found.pose is not None:
        row["keypoints"] = found.pose.person.body.tolist()
    return Taken({f"{item.split}/{name}": need_bytes(item, part) for part, name in names.items()}, row)


def finish(order: Order, index: Index) -> None:
    """The splits' lines, then the card."""
    for split in index.stems:
        with atomic_file(order.out / split / "metadata.jsonl") as file:
            file.writelines(json.dumps(row).encode() + b"\n" for row in index.rows(split))
    data_files = "".join(f'  - split: {split}\n    path: "{split}/**"\n' for split in sorted(index.stems, reverse=True))
    card = _CARD.format(
        garment_class=order.garment_class, data_files=data_files, width=order.size[0], height=order.size[1],
        count=sum(map(len, index.stems.values())),
    )  # fmt: skip
    write_atomic(order.out / "README.md", card.encode())
