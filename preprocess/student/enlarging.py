"""Between a picture of any size and the network's input and outputs.

The contract that must not break: `enlarged_labels` equals the argmax of the bilinearly enlarged logits, pixel for
pixel (ties aside), at a fraction of the cost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vitonhd.arrays import Labels, Picture


@dataclass(frozen=True)
class Frame:
    """How a picture lies in the network's input, everything height first."""

    picture: tuple[int, int]
    outer: tuple[int, int]
    """The input's size."""
    inner: tuple[int, int]
    """The picture's size in the input."""
    corner: tuple[int, int]
    """Top and left of the picture in the input."""

    @classmethod
    def of(cls, picture: Picture, outer: tuple[int, int]) -> Frame:
        """The whole picture, as large as fits, in the middle."""
        height, width = picture.shape[:2]
        scale = min(outer[0] / height, outer[1] / width)
        inner = (_within(height * scale, outer[0]), _within(width * scale, outer[1]))
        return cls((height, width), outer, inner, ((outer[0] - inner[0]) // 2, (outer[1] - inner[1]) // 2))

    def to_picture(self, places: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Places Jx2 (x, y) in pixels of the input as pixels of the picture."""
        scale = np.array([self.picture[1] / self.inner[1], self.picture[0] / self.inner[0]])
        moved: npt.NDArray[np.float64] = (places - np.array(self.corner[::-1]) + 0.5) * scale - 0.5
        return moved

    def cells(self, axis: int, count: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """For each pixel along an axis (0 down, 1 across) of the picture: the cell before it among `count` cells that
        cover the input, and how far it is towards the next, 0..1."""
        pixel = (np.arange(self.picture[axis]) + 0.5) * (self.inner[axis] / self.picture[axis]) + self.corner[axis]
        place = np.clip(pixel * (count / self.outer[axis]) - 0.5, 0, count - 1)
        before = np.minimum(place.astype(np.int64), max(count - 2, 0))
        return before, (place - before).astype(np.float32)


def _within(side: float, limit: int) -> int:
    return min(max(round(side), 1), limit)


def enlarged_values(planes: Tensor, frame: Frame) -> npt.NDArray[np.float32]:
    """Planes 1xCxhxw over the input, bilinear, as CxHxW of the picture."""
    (rows, down), (columns, across) = frame.cells(0, planes.shape[2]), frame.cells(1, planes.shape[3])
    weights = torch.from_numpy(across).to(planes.device), torch.from_numpy(down).to(planes.device)[:, None]
    values = planes[0].float()
    values = torch.lerp(values[:, :, columns], values[:, :, _next(columns, planes.shape[3])], weights[0])
    values = torch.lerp(values[:, rows], values[:, _next(rows, planes.shape[2])], weights[1])
    enlarged: npt.NDArray[np.float32] = values.cpu().numpy()
    return enlarged


def enlarged_labels(logits: Tensor, frame: Frame) -> Labels:
    """The likeliest of C classes for each pixel of the picture, from logits 1xCxhxw over the input; uint8 HxW.

    Where the four cells around a pixel agree, so does everything between them: only the pixels at borders between
    labels, a few in a hundred, are interpolated.
    """
    height, width = logits.shape[2:]
    coarse = logits[0].argmax(0)
    (rows, down), (columns, across) = frame.cells(0, height), frame.cells(1, width)
    corners = coarse[:-1, :-1], coarse[:-1, 1:], coarse[1:, :-1], coarse[1:, 1:]
    mixed = torch.stack([one != corners[0] for one in corners[1:]]).any(0).cpu().numpy()
    labels = coarse.to(torch.uint8).cpu().numpy()[:, columns][rows]
    y, x = np.divmod(np.flatnonzero(mixed[:, columns][rows]), len(columns))
    cell = torch.from_numpy(rows[y] * width + columns[x]).to(logits.device)
    right, below = (torch.from_numpy(one[:, None]).to(logits.device) for one in (across[x], down[y]))
    flat = logits[0].float().flatten(1).T.contiguous()
    upper = torch.lerp(flat.index_select(0, cell), flat.index_select(0, cell + 1), right)
    lower = torch.lerp(flat.index_select(0, cell + width), flat.index_select(0, cell + width + 1), right)
    labels[y, x] = torch.lerp(upper, lower, below).argmax(1).to(torch.uint8).cpu().numpy()
    return labels


def _next(cells: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.int64]:
    return np.minimum(cells + 1, count - 1)
