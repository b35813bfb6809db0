"""SPADE scale and shift per distinct window instead of per pixel.

The contract that must not break: each row is the norm's two convolutions at one pixel with that window, hidden maps
outside the picture being zero, as padding makes them. Spec section 10.3 measures why: 82 % of the plain arithmetic.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from finetune.hr_viton.engine.folding import plain
from finetune.hr_viton.engine.windows import OUTSIDE, SIDE, Windows
from finetune.hr_viton.image_generator import SLOTS, SpadeNorm

CHUNK = 2048
"""Windows at a time: bounds the hidden maps to 2048 x 9 x 128 numbers."""
_KERNEL = 3


def _taps(corner: int) -> list[int]:
    """Cells of the 3x3 neighbourhood whose top left cell is given by number."""
    return [corner + SIDE * dy + dx for dy in range(_KERNEL) for dx in range(_KERNEL)]


_CORNERS = [SIDE * y + x for y in range(_KERNEL) for x in range(_KERNEL)]
_NEIGHBOURS = torch.tensor([_taps(corner) for corner in _CORNERS])
"""9x9: for each inner cell, its neighbourhood."""
_INNER = torch.tensor([corner + SIDE + 1 for corner in _CORNERS])


class Table(NamedTuple):
    """What a norm does to a pixel, by its window's row; UxC each, float32."""

    scale: Tensor
    """One plus gamma."""
    shift: Tensor


class Modulation:
    """A norm's three convolutions as matrices."""

    def __init__(self, norm: SpadeNorm, device: torch.device, dtype: torch.dtype) -> None:
        shared, gamma, beta = (plain(layer) for layer in (norm.conv_shared[0], norm.conv_gamma, norm.conv_beta))
        assert shared.bias is not None and gamma.bias is not None and beta.bias is not None
        self.channels = len(gamma.weight)
        self.shared = _matrix(shared.weight).to(device, dtype)
        self.shared_bias = shared.bias.to(device, dtype, copy=True)
        self.both = _matrix(torch.cat((gamma.weight, beta.weight))).to(device, dtype)
        self.both_bias = torch.cat((gamma.bias + 1, beta.bias)).to(device, torch.float32)

    def table(self, windows: Windows) -> Table:
        result = torch.empty(len(windows), 2 * self.channels, device=windows.cells.device)
        for start in range(0, len(windows), CHUNK):
            cells = windows.cells[start : start + CHUNK]
            result[start : start + CHUNK] = self._hidden(cells) @ self.both
        result += self.both_bias
        return Table(result[:, : self.channels], result[:, self.channels :])

    def _hidden(self, cells: Tensor) -> Tensor:
        """Mx(9*hidden): the hidden map on the inner 3x3 cells."""
        device, dtype = self.shared.device, self.shared.dtype
        one_hot = (cells[:, :, None] == torch.arange(SLOTS, device=device, dtype=torch.uint8)).to(dtype)
        neighbours = one_hot[:, _NEIGHBOURS.to(device)].flatten(2)
        hidden = torch.addmm(self.shared_bias, neighbours.flatten(0, 1), self.shared).relu_()
        inside = (cells[:, _INNER.to(device)] != OUTSIDE).to(dtype)
        return hidden.view(len(cells), len(_CORNERS), -1).mul_(inside[:, :, None]).flatten(1)


def _matrix(weight: Tensor) -> Tensor:
    """OxIx3x3 to (9*I)xO, taps before channels."""
    return weight.permute(2, 3, 1, 0).flatten(0, 2).contiguous()
