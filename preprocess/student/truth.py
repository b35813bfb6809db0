"""What is known of one item of a VITON-HD tree: the studio's exact truth, or what a teacher's networks said.

The contract that must not break: both teachers' trees are read to the same arrays; `studio` never falls back to the
DensePose picture, whose JPEG colours are unsure, and `official` never looks for the renderer's truth.
"""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt

from vitonhd.arrays import Labels, Mask, Picture, Points
from vitonhd.densepose import DENSEPOSE, read_picture
from vitonhd.errors import FormatError
from vitonhd.item import Item
from vitonhd.openpose_json import PoseFile
from vitonhd.pictures import open_picture
from vitonhd.tree import Tree

_UNSURE = 255
_LARGEST_TRUTH = 256 << 20


class Teacher(StrEnum):
    """Whose conditions a tree holds."""

    STUDIO = "studio"
    """Rendered: DensePose ids and UV come from `truth/<split>/<stem>.npz`."""
    OFFICIAL = "official"
    """The official networks' outputs on photos: DensePose ids come from `image-densepose`, there is no UV."""


@dataclass(frozen=True)
class Source:
    """Where one item is."""

    tree: Path
    split: str
    stem: str

    def __str__(self) -> str:
        return f"{self.tree.name}/{self.split}/{self.stem}"

    @staticmethod
    def stems(tree: Path, split: str) -> list[str]:
        return Tree(tree).stems(split)

    @property
    def truth(self) -> Path:
        return self.tree / "truth" / self.split / f"{self.stem}.npz"


@dataclass(frozen=True)
class Known:
    """One item, all HxW at the tree's own size."""

    image: Picture
    parse: Labels
    densepose: Labels
    """Ids, 255 where JPEG makes them unsure."""
    uv: npt.NDArray[np.uint8] | None
    """HxWx2, times 255; None where nobody knows."""
    joints: Points
    """25x3."""
    cloth: Picture
    cloth_mask: Mask


def read_known(source: Source, teacher: Teacher) -> Known:
    """Everything of an item. Raises FormatError as `Tree.read`, and `bad-truth` for a broken npz."""
    header = open_picture(Tree(source.tree).read_bytes(source.split, "image", source.stem))
    tree = Tree(source.tree, size=header.size)
    parts = ["image", "parse", "pose", "cloth", "cloth_mask"]
    item = tree.read(source.split, source.stem, parts + ["densepose"] * (teacher is Teacher.OFFICIAL))
    if teacher is Teacher.STUDIO:
        densepose, uv = _truth(source.truth, (header.height, header.width))
    else:
        densepose, uv = _from_picture(item), None
    # The parts were asked for, so they are there.
    return Known(
        cast(Picture, item.image), cast(Labels, item.parse), densepose, uv, cast(PoseFile, item.pose).person.body,
        cast(Picture, item.cloth), cast(Mask, item.cloth_mask),
    )  # fmt: skip


def _from_picture(item: Item) -> Labels:
    ids, sure = read_picture(cast(Picture, item.densepose))
    return np.where(sure, ids, np.uint8(_UNSURE))


def _truth(path: Path, shape: tuple[int, int]) -> tuple[Labels, npt.NDArray[np.uint8]]:
    """DensePose ids HxW and UV HxWx2. Raises FormatError `no-file`, `bad-truth`."""
    if not path.is_file():
        raise FormatError("no-file", f"{path}; a tree without truth is read with --teacher official")
    if path.stat().st_size > _LARGEST_TRUTH:
        raise FormatError("bad-truth", f"{path}: {path.stat().st_size} bytes, the limit is {_LARGEST_TRUTH}")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            densepose, uv = arrays["densepose"], arrays["densepose_uv"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise FormatError("bad-truth", f"{path}: {error}") from None
    if densepose.shape != shape or uv.shape != (*shape, 2) or densepose.dtype != np.uint8 or uv.dtype != np.uint8:
        raise FormatError("bad-truth", f"{path}: densepose {densepose.shape}, densepose_uv {uv.shape}, photo {shape}")
    DENSEPOSE.check(densepose)
    return densepose, uv
