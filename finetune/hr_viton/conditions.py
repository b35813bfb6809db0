"""What the networks are told of garments and persons, as tensors at the size of the try-on image.

The contract that must not break: a person's conditions know nothing of the garment that is put on, and a garment's
nothing of the person, so that each can be prepared once. Resizing follows spec section 7.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal, Self, TypeVar, get_args

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from finetune.hr_viton.alignment import one_hot
from finetune.hr_viton.condition_generator import PARSE_CHANNELS
from finetune.hr_viton.warping import resize, resize_nearest
from vitonhd.arrays import Labels, Mask, Picture
from vitonhd.label_conversions import convert_labels
from vitonhd.labels import CIHP, HR_VITON_13
from vitonhd.pair_files import Pair
from vitonhd.tree import Tree

T = TypeVar("T", bound=np.generic)

Setting = Literal["paired", "unpaired"]
"""`paired` puts the person's own garment on, `unpaired` the one of the pair's second column."""


@dataclass(frozen=True)
class _Batch:
    """Tensors with a common first dimension."""

    def __post_init__(self) -> None:
        shapes = {field.name: tuple(getattr(self, field.name).shape) for field in fields(self)}
        if len({(shape[0], *shape[2:]) for shape in shapes.values()}) != 1:
            raise ValueError(f"tensors of one batch differ in number or size: {shapes}")

    def __len__(self) -> int:
        return len(getattr(self, fields(self)[0].name))

    def __getitem__(self, part: slice) -> Self:
        return type(self)(**{field.name: getattr(self, field.name)[part] for field in fields(self)})

    def to(self, device: torch.device | str) -> Self:
        return type(self)(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})

    def expand(self, count: int) -> Self:
        """A batch of one, repeated without copying."""
        parts = {field.name: getattr(self, field.name).expand(count, -1, -1, -1) for field in fields(self)}
        return type(self)(**parts)

    @classmethod
    def cat(cls, batches: Sequence[Self]) -> Self:
        """One batch of several. Raises ValueError for none, and for several sizes."""
        names = [field.name for field in fields(cls)]
        sizes = sorted({tuple(getattr(batch, names[0]).shape[2:]) for batch in batches})
        if len(sizes) != 1:
            raise ValueError(f"{cls.__name__.lower()} of one size (height, width) are joined, not of {sizes}")
        return cls(**{name: torch.cat([getattr(batch, name) for batch in batches]) for name in names})


@dataclass(frozen=True)
class Garments(_Batch):
    """N garments at HxW."""

    picture: Tensor
    """Nx3xHxW in -1..1."""
    mask: Tensor
    """Nx1xHxW of 0 and 1."""

    @classmethod
    def of(cls, cloth: Picture, mask: Mask, size: tuple[int, int]) -> Self:
        """One garment from its packshot (HxWx3 RGB) and mask (HxW bool), resized to (height, width).

        Raises ValueError for a mask of another type or size than that: 255 would be no 1.
        """
        if mask.dtype != np.bool_ or mask.shape != cloth.shape[:2]:
            raise ValueError(
                f"the garment's mask is {mask.dtype} {mask.shape}, not bool {cloth.shape[:2]} as its picture"
            )
        resized = _resized(mask.astype(np.uint8), size, Image.Resampling.NEAREST)
        return cls(_picture(cloth, size), torch.from_numpy(resized).float()[None, None])

    def network_input(self, size: tuple[int, int]) -> Tensor:
        """Nx4xhxw, what the condition generator sees."""
        return torch.cat((resize(self.picture, size), resize_nearest(self.mask, size)), 1)


@dataclass(frozen=True)
class Persons(_Batch):
    """N persons at HxW."""

    parse_agnostic: Tensor
    """Nx13xHxW one-hot."""
    densepose: Tensor
    """Nx3xHxW in -1..1."""
    agnostic: Tensor
    """Nx3xHxW in -1..1."""

    @classmethod
    def of(cls, parse_agnostic: Labels, densepose: Picture, agnostic: Picture, size: tuple[int, int]) -> Self:
        """One person from its agnostic parse (HxW CIHP ids) and pictures (HxWx3 RGB), resized to (height, width)."""
        channels = convert_labels(parse_agnostic, CIHP, HR_VITON_13)
        labels = torch.from_numpy(_resized(channels, size, Image.Resampling.NEAREST)).long()[None]
        return cls(one_hot(labels, PARSE_CHANNELS), _picture(densepose, size), _picture(agnostic, size))

    def network_input(self, size: tuple[int, int]) -> Tensor:
        """Nx16xhxw, what the condition generator sees."""
        return torch.cat((resize_nearest(self.parse_agnostic, size), resize(self.densepose, size)), 1)


def read_pair(tree: Tree, split: str, pair: Pair, setting: Setting, size: tuple[int, int]) -> tuple[Garments, Persons]:
    """The conditions of a pair in a data set, resized to (height, width).

    Only what the setting needs is read: an unpaired person needs no garment of its own. Raises as `Tree.read`, and
    ValueError for another setting.
    """
    if setting not in get_args(Setting):
        raise ValueError(f"setting {setting!r} is none of {', '.join(get_args(Setting))}")
    stem = pair.person if setting == "paired" else pair.cloth
    cloth = tree.read(split, stem, ["cloth", "cloth_mask"])
    person = tree.read(split, pair.person, ["parse_agnostic", "densepose", "agnostic"])
    garments = Garments.of(_read(cloth.cloth, stem), _read(cloth.cloth_mask, stem), size)
    conditions = (person.parse_agnostic, person.densepose, person.agnostic)
    parse_agnostic, densepose, agnostic = (_read(part, pair.person) for part in conditions)
    return garments, Persons.of(parse_agnostic, densepose, agnostic, size)


def _read(part: npt.NDArray[T] | None, stem: str) -> npt.NDArray[T]:
    if part is None:
        raise ValueError(f"{stem} lacks a part that was asked for")
    return part


def _picture(picture: Picture, size: tuple[int, int]) -> Tensor:
    """1x3xHxW in -1..1."""
    resized = _resized(picture, size, Image.Resampling.BILINEAR)
    return torch.from_numpy(resized).permute(2, 0, 1)[None].float() / 127.5 - 1


def _resized(pixels: Picture | Labels, size: tuple[int, int], filter: Image.Resampling) -> Picture | Labels:
    if pixels.shape[:2] == size:
        return np.ascontiguousarray(pixels)
    height, width = size
    return np.array(Image.fromarray(pixels).resize((width, height), filter))
