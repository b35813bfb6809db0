"""Which 5x5 windows a parse has, and which pixel has which.

The contract that must not break: two pixels share a row exactly when their windows are equal, cells outside the
picture included; what SPADE modulation gives a pixel depends on nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from finetune.hr_viton.image_generator import SLOTS

REACH = 2
SIDE = 2 * REACH + 1
OUTSIDE = SLOTS
"""The label of cells outside the picture."""
_BITS = 3
_SPLIT = 13


@dataclass(frozen=True)
class Windows:
    """The distinct windows of N parses."""

    rows: Tensor
    """NxHxW int32: the row of each pixel's window."""
    cells: Tensor
    """Ux25 uint8: labels of each window, top left first; the first 7 rows are the windows of one label only."""

    def __len__(self) -> int:
        return len(self.cells)


def find_windows(slots: Tensor) -> Windows:
    """The windows of NxHxW uint8 labels (0 to 6)."""
    height, width = slots.shape[1:]
    padded = functional.pad(slots, (REACH,) * 4, value=OUTSIDE)
    rows = slots.to(torch.int32)
    plain = torch.arange(SLOTS, dtype=torch.uint8, device=slots.device)[:, None].expand(-1, SIDE * SIDE)
    mixed = (~_uniform(padded)).flatten().nonzero().squeeze(1)
    if not len(mixed):
        return Windows(rows, plain.contiguous())
    cells = _cells(padded, mixed, height, width)
    distinct, inverse = _distinct(cells)
    rows.view(-1)[mixed] = (inverse + SLOTS).to(torch.int32)
    return Windows(rows, torch.cat((plain, distinct)))


def _uniform(padded: Tensor) -> Tensor:
    """NxHxW bool: the whole window has one label."""
    across = padded[:, :, 1:] == padded[:, :, :-1]
    across = across[:, :, :-3] & across[:, :, 1:-2] & across[:, :, 2:-1] & across[:, :, 3:]
    across = across[:, :-4] & across[:, 1:-3] & across[:, 2:-2] & across[:, 3:-1] & across[:, 4:]
    middle = padded[:, :, REACH:-REACH]
    down = middle[:, 1:] == middle[:, :-1]
    return across & down[:, :-3] & down[:, 1:-2] & down[:, 2:-1] & down[:, 3:]


def _cells(padded: Tensor, pixels: Tensor, height: int, width: int) -> Tensor:
    """Mx25 uint8: the windows of the pixels with these flat numbers."""
    sample, place = pixels // (height * width), pixels % (height * width)
    y, x = place // width, place % width
    stride = width + 2 * REACH
    corner = (sample * (height + 2 * REACH) + y) * stride + x
    steps = torch.arange(SIDE, device=padded.device)
    return padded.flatten()[corner[:, None] + (steps[:, None] * stride + steps).flatten()]


def _distinct(cells: Tensor) -> tuple[Tensor, Tensor]:
    """The distinct rows of Mx25 cells, and which of them each row is."""
    # 25 cells of 3 bits are too many for 64 bits: number the halves, then the pairs of numbers.
    numbers, count = [], 1
    for half in (cells[:, :_SPLIT], cells[:, _SPLIT:]):
        shifts = _BITS * torch.arange(half.shape[1], device=cells.device)
        values, inverse = torch.unique((half.long() << shifts).sum(1), return_inverse=True)
        numbers.append(inverse)
        count = len(values)
    pairs, inverse = torch.unique(numbers[0] * count + numbers[1], return_inverse=True)
    first = torch.empty(len(pairs), dtype=torch.long, device=cells.device)
    first[inverse] = torch.arange(len(cells), device=cells.device)
    return cells[first], inverse
