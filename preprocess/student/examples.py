"""Training examples as compact arrays in memory: every file is decoded once, whatever the number of steps.

The contract that must not break: an example's place follows from the trees' names alone, not from which worker was
first; what can't be read is left out with a reason, never guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from preprocess.errors import NothingToDo
from preprocess.student.truth import Known, Source, Teacher, read_known
from vitonhd.errors import FormatError

IGNORED = 255
"""A pixel whose label nobody knows; no loss and no score counts it."""

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Examples:
    """`count` items at one size, uint8 unless said otherwise; worn photos and packshots at the same index belong
    together."""

    sources: tuple[Source, ...]
    photos: npt.NDArray[np.uint8]
    """NxHxWx3."""
    labels: npt.NDArray[np.uint8]
    """NxHxWx4: parse, DensePose (IGNORED where not known), U and V times 255."""
    joints: npt.NDArray[np.float32]
    """Nx25x3: pixels of this size, score."""
    uv_known: npt.NDArray[np.bool_]
    """N."""
    packshots: npt.NDArray[np.uint8]
    """NxHxWx3."""
    garments: npt.NDArray[np.uint8]
    """NxHxW, 0 or 1."""
    rejected: tuple[tuple[Source, str], ...] = ()

    def __len__(self) -> int:
        return len(self.sources)

    @property
    def nbytes(self) -> int:
        return sum(one.nbytes for one in (self.photos, self.labels, self.packshots, self.garments))


class _Resized(NamedTuple):
    photo: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.uint8]
    joints: npt.NDArray[np.float32]
    packshot: npt.NDArray[np.uint8]
    garment: npt.NDArray[np.uint8]


def read_examples(
    sources: Sequence[Source],
    height: int,
    width: int,
    *,
    teacher: Teacher,
    workers: int = 1,
    on_progress: Progress | None = None,
) -> Examples:
    """Decode and resize every source. Raises NothingToDo when none can be read."""
    examples, failed = _empty(sources, height, width), dict[int, str]()

    def fill(place: int) -> None:
        try:
            known = read_known(sources[place], teacher)
        except FormatError as error:
            failed[place] = str(error)
            return
        small = _resized(known, height, width)
        examples.photos[place], examples.labels[place], examples.joints[place] = small.photo, small.labels, small.joints
        examples.packshots[place], examples.garments[place] = small.packshot, small.garment
        examples.uv_known[place] = known.uv is not None

    for done, _ in enumerate(_run(fill, len(sources), workers), 1):
        if on_progress is not None:
            on_progress(done, len(sources))
    return _without(examples, failed) if failed else examples


def _empty(sources: Sequence[Source], height: int, width: int) -> Examples:
    count = len(sources)
    return Examples(
        tuple(sources), np.zeros((count, height, width, 3), np.uint8), np.zeros((count, height, width, 4), np.uint8),
        np.zeros((count, 25, 3), np.float32), np.zeros(count, np.bool_), np.zeros((count, height, width, 3), np.uint8),
        np.zeros((count, height, width), np.uint8),
    )  # fmt: skip


def _without(examples: Examples, failed: dict[int, str]) -> Examples:
    """The examples that could be read, the others with their reasons. Raises NothingToDo when there are none."""
    kept = [place for place in range(len(examples)) if place not in failed]
    if not kept:
        raise NothingToDo(f"none of {len(examples)} items can be learnt from; the first: {failed[0]}")
    return Examples(
        tuple(examples.sources[place] for place in kept), examples.photos[kept], examples.labels[kept],
        examples.joints[kept], examples.uv_known[kept], examples.packshots[kept], examples.garments[kept],
        tuple((examples.sources[place], failed[place]) for place in sorted(failed)),
    )  # fmt: skip


def _run(fill: Callable[[int], None], count: int, workers: int) -> Iterator[None]:
    """Threads: Pillow, OpenCV and zlib let go of the interpreter while they decode."""
    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(fill, range(count))


def _resized(known: Known, height: int, width: int) -> _Resized:
    uv = np.zeros((*known.parse.shape, 2), np.uint8) if known.uv is None else known.uv
    labels = np.dstack([known.parse, known.densepose, uv])
    old_height, old_width = known.parse.shape
    joints = known.joints.astype(np.float32)
    scale = np.array([width / old_width, height / old_height], np.float32)
    there = joints[:, 2] > 0
    joints[there, :2] = (joints[there, :2] + 0.5) * scale - 0.5
    return _Resized(
        _shrunk(known.image, height, width),
        _nearest(labels, height, width),
        joints,
        _shrunk(known.cloth, height, width),
        _nearest(known.cloth_mask.astype(np.uint8), height, width),
    )


def _shrunk(picture: npt.NDArray[np.uint8], height: int, width: int) -> npt.NDArray[np.uint8]:
    smaller = height < picture.shape[0]
    made = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    return np.asarray(made, np.uint8)


def _nearest(labels: npt.NDArray[np.uint8], height: int, width: int) -> npt.NDArray[np.uint8]:
    return np.asarray(cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST_EXACT), np.uint8)


def find_sources(root: Path, split: str) -> list[Source]:
    """The items of a tree, or of every tree in a folder (`studio render` makes one per class), by name.

    Raises NothingToDo where there is no tree.
    """
    trees = [root, *sorted(one for one in root.iterdir() if one.is_dir())] if root.is_dir() else []
    found = [Source(tree, split, stem) for tree in trees for stem in Source.stems(tree, split)]
    if not found:
        raise NothingToDo(
            f"{root}: no VITON-HD tree with pictures in {split}/image; `lookbook studio render` makes one"
        )
    return found
