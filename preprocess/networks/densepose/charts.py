"""Charts: a decoder over the pyramid and the head that gives part, U and V inside each person's box.

The contract that must not break: names of the decoder's layers are their places in the published Sequential, ReLUs
and resizes counted.
"""

from __future__ import annotations

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from preprocess.networks.densepose.boxes import pool_single
from preprocess.networks.densepose.pyramid import WIDTH

_HIDDEN = 512
_LAYERS = 8
_CELLS = 28
PARTS = 25  # background and 24 charts


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


class _ReluThenDouble(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return _double(F.relu_(x))


class Decoder(nn.Module):
    """p2..p5 brought to p2's size and summed (panoptic FPN)."""

    def __init__(self) -> None:
        super().__init__()
        for level in range(2, 6):
            layers: list[nn.Module] = []
            for _ in range(max(1, level - 2)):
                after = _ReluThenDouble() if level > 2 else nn.ReLU()
                layers += [nn.Conv2d(WIDTH, WIDTH, 3, padding=1), after]
            self.add_module(f"p{level}", nn.Sequential(*layers))
        self.predictor = nn.Conv2d(WIDTH, WIDTH, 1)

    def forward(self, levels: list[Tensor]) -> Tensor:
        total: Tensor = self.get_submodule("p2")(levels[0])
        for number, level in enumerate(levels[1:], start=3):
            total = total + self.get_submodule(f"p{number}")(level)
        summed: Tensor = self.predictor(total)
        return summed


class ChartHead(nn.Module):
    """Eight 3x3 convolutions with ReLUs, `body_conv_fcn1` to `body_conv_fcn8`."""

    def __init__(self) -> None:
        super().__init__()
        for number in range(1, _LAYERS + 1):
            inputs = WIDTH if number == 1 else _HIDDEN
            self.add_module(f"body_conv_fcn{number}", nn.Conv2d(inputs, _HIDDEN, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        for conv in self.children():
            x = F.relu_(conv(x))
        return x


class Charts(NamedTuple):
    """Per box, 112x112: `coarse` Kx2 (background, body), `fine` Kx25, `u` and `v` Kx25."""

    coarse: Tensor
    fine: Tensor
    u: Tensor
    v: Tensor


class ChartPredictor(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.ann_index_lowres = _up(2)
        self.index_uv_lowres = _up(PARTS)
        self.u_lowres = _up(PARTS)
        self.v_lowres = _up(PARTS)

    def forward(self, hidden: Tensor) -> Charts:
        heads = (self.ann_index_lowres, self.index_uv_lowres, self.u_lowres, self.v_lowres)
        return Charts(*(_double(head(hidden)) for head in heads))


def _up(channels: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(_HIDDEN, channels, 4, 2, 1)


def pool_for_charts(decoded: Tensor, boxes: list[Tensor]) -> Tensor:
    return pool_single(decoded, boxes, _CELLS)
