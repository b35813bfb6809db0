"""The drawn conditions of a whole VITON-HD tree, resumable, in several processes.

The contract that must not break: an item is done when its four files are there and none is older than what it was
drawn from; `drawn.json` says with which parameters, and a folder holds one set of parameters only. An item that can't
be drawn is a line of `rejections.jsonl` with its reason, never an end.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from preprocess.draw.agnostic import draw_agnostic
from preprocess.draw.background import grey_background
from preprocess.draw.pose_picture import draw_pose
from preprocess.errors import NothingToDo, OtherParameters
from vitonhd.atomic import atomic_file, write_atomic
from vitonhd.errors import FormatError
from vitonhd.garment_classes import GarmentClass
from vitonhd.item import Item
from vitonhd.tree import Tree
from vitonhd.workers import each

VERSION = 1
"""Changes when the rules do: what was drawn by other rules is not taken for done."""
INPUTS = ("image", "parse", "pose")
OUTPUTS = ("pose_picture", "agnostic", "parse_agnostic", "agnostic_mask")

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Order:
    """What to draw: from the tree at `source` into the tree at `out`, which may be the same."""

    source: Path
    out: Path
    garment_class: GarmentClass
    width: int
    height: int
    fixed_parse: bool = False
    """Arms of the agnostic parse by the fixed sizes that HR-VITON's script uses."""
    grey: bool = False
    """With an even grey background, also in `image`, which is then written too."""

    def __post_init__(self) -> None:
        if self.grey and self.source.resolve() == self.out.resolve():
            raise ValueError("a grey background would overwrite the photos it is drawn from: choose another folder")

    def tree(self, root: Path) -> Tree:
        return Tree(root, size=(self.width, self.height))

    @property
    def outputs(self) -> tuple[str, ...]:
        return ("image", *OUTPUTS) if self.grey else OUTPUTS

    @property
    def parameters(self) -> dict[str, object]:
        return {
            "version": VERSION, "class": self.garment_class, "size": [self.width, self.height],
            "fixed_parse": self.fixed_parse, "grey_background": self.grey,
        }  # fmt: skip


@dataclass(frozen=True)
class Drawn:
    """One item's end: `reason` is empty unless it was rejected."""

    split: str
    stem: str
    kept: bool = False
    completed: bool = False
    reason: str = ""
    detail: str = ""


@dataclass
class Result:
    """Counts of items; `completed` of the drawn ones had torso joints missing that were placed by proportion."""

    drawn: int = 0
    kept: int = 0
    completed: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def rejected(self) -> int:
        return self.reasons.total()

    def count(self, item: Drawn) -> None:
        if item.reason:
            self.reasons[item.reason] += 1
        elif item.kept:
            self.kept += 1
        else:
            self.drawn += 1
            self.completed += item.completed


def draw_tree(order: Order, *, workers: int = 1, on_progress: Progress | None = None) -> Result:
    """Draw every item that has a photo, a parse or a pose and is not done yet; see the module's contract.

    Raises NothingToDo for a source without items, OtherParameters for an output folder of another class or size, and
    FormatError `unreadable-folder`.
    """
    items = _items(order)
    if not items:
        raise NothingToDo(f"{order.source}: no photo, parse or pose in train or test; a VITON-HD tree is expected")
    _claim(order)
    result = Result()
    with atomic_file(order.out / "rejections.jsonl") as rejections:
        for done, item in enumerate(each(partial(draw_item, order), items, workers), 1):
            result.count(item)
            if item.reason:
                line = {"split": item.split, "item": item.stem, "reason": item.reason, "detail": item.detail}
                rejections.write(json.dumps(line).encode() + b"\n")
            if on_progress is not None:
                on_progress(done, len(items))
    return result


def draw_item(order: Order, item: tuple[str, str]) -> Drawn:
    """Draw one item (split and stem), unless it is done."""
    split, stem = item
    try:
        if _is_done(order, split, stem):
            return Drawn(split, stem, kept=True)
        found = order.tree(order.source).read(split, stem, INPUTS)
        assert found.image is not None and found.parse is not None and found.pose is not None
        photo = grey_background(found.image, found.parse) if order.grey else found.image
        person = found.pose.person
        agnostic = draw_agnostic(photo, found.parse, person.body, order.garment_class, fixed_parse=order.fixed_parse)
        drawn = Item(
            stem, image=photo if order.grey else None, pose_picture=draw_pose(person, order.width, order.height),
            agnostic=agnostic.picture, parse_agnostic=agnostic.parse, agnostic_mask=agnostic.mask,
        )  # fmt: skip
    except FormatError as error:
        return Drawn(split, stem, reason=error.reason, detail=error.detail)
    order.tree(order.out).write(split, drawn)
    return Drawn(split, stem, completed=bool(agnostic.completed))


def _items(order: Order) -> list[tuple[str, str]]:
    tree = order.tree(order.source)
    return [
        (split, stem)
        for split in tree.splits()
        for stem in sorted({stem for part in INPUTS for stem in tree.stems(split, part)})
    ]


def _claim(order: Order) -> None:
    """Write the parameters into the output folder, or find the same ones there."""
    path = order.out / "drawn.json"
    wanted = json.dumps(order.parameters)
    if not path.exists():
        write_atomic(path, wanted.encode())
        return
    found = path.read_bytes().decode("utf-8", "replace")
    if found != wanted:
        raise OtherParameters(
            f"{path} says {found[:200]}, not {wanted}: choose another folder, or remove what is there"
        )


def _is_done(order: Order, split: str, stem: str) -> bool:
    """Whether every output is there and none is older than an input."""
    source, out = order.tree(order.source), order.tree(order.out)
    try:
        made = [out.path(split, part, stem).stat().st_mtime_ns for part in order.outputs]
        given = [source.path(split, part, stem).stat().st_mtime_ns for part in INPUTS]
    except OSError:
        return False
    return min(made) >= max(given)
