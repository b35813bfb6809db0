"""The student network: a timm backbone, a light top-down decoder, and heads for everything that a picture shows.

The contract that must not break: dense outputs are at half, heatmaps at a quarter of the input's size, and a shape
(`StudentShape`) with its weights is all that inference needs.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import NamedTuple, cast

import timm
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from preprocess.errors import PreprocessError
from vitonhd.densepose import DENSEPOSE
from vitonhd.keypoints import BODY_25
from vitonhd.labels import CIHP

DENSE_STRIDE = 2
HEAT_STRIDE = 4
_MULTIPLE = 32
_DETAIL = 32
_LARGEST_SIDE = 2048


@dataclass(frozen=True)
class StudentShape:
    """What the network is built from. Raises PreprocessError for sizes that don't fit its strides."""

    backbone: str = "hgnetv2_b0"
    """A timm model with features at strides 4, 8, 16 and 32."""
    width: int = 96
    """Channels of the decoder."""
    input_width: int = 288
    input_height: int = 384

    def __post_init__(self) -> None:
        sides = (self.input_width, self.input_height)
        if any(side % _MULTIPLE or not 0 < side <= _LARGEST_SIDE for side in sides):
            raise PreprocessError(
                f"input size {self.input_width}x{self.input_height}: each side is a multiple of {_MULTIPLE}, "
                f"{_LARGEST_SIDE} at most"
            )
        if not 8 <= self.width <= 512:
            raise PreprocessError(f"decoder width {self.width}: 8 to 512 channels")

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the input."""
        return self.input_height, self.input_width


class Outputs(NamedTuple):
    """What the network says of a batch, H and W the input's."""

    parse: Tensor
    """Logits, Nx20xH/2xW/2 (CIHP-20)."""
    densepose: Tensor
    """Logits, Nx25xH/2xW/2."""
    uv: Tensor
    """Nx2xH/2xW/2, 0..1; means something where there is a part."""
    person: Tensor
    """Logits, Nx1xH/2xW/2."""
    garment: Tensor
    """Logits of the packshot's garment, Nx1xH/2xW/2."""
    heat: Tensor
    """Nx25xH/4xW/4: around each joint a bump as high as the joint's score."""


class StudentNetwork(nn.Module):
    """float32 Nx3xHxW in [-1, 1] to Outputs. Raises PreprocessError for a backbone that timm does not have."""

    def __init__(self, shape: StudentShape) -> None:
        super().__init__()
        self.shape = shape
        self.backbone = _backbone(shape.backbone)
        channels: list[int] = self.backbone.feature_info.channels()  # type: ignore[operator, union-attr]
        width = shape.width
        self.laterals = nn.ModuleList(_conv(count, width, 1) for count in channels)
        self.context = nn.Sequential(Block(width, 7), Block(width, 7))
        self.merges = nn.ModuleList(Block(width, 5) for _ in channels[1:])
        self.detail = nn.Sequential(_conv(3, 16, 3, stride=2), _conv(16, _DETAIL, 3))
        self.narrow = _conv(width, _DETAIL, 1)
        self.sharpen = nn.Sequential(Block(_DETAIL, 3), Block(_DETAIL, 3))
        self.sizes = [len(CIHP), len(DENSEPOSE), 2, 1, 1]
        self.coarse = _head(width, sum(self.sizes))
        self.fine = _head(_DETAIL, sum(self.sizes))
        self.heat = nn.Sequential(Block(width, 5), _head(width, len(BODY_25)))

    def forward(self, pictures: Tensor) -> Outputs:
        levels = [lateral(level) for lateral, level in zip(self.laterals, self.backbone(pictures), strict=True)]
        x = self.context(levels[-1])
        for merge, level in zip(self.merges, reversed(levels[:-1]), strict=True):
            x = merge(_twice(x) + level)
        sharp = self.sharpen(_twice(self.narrow(x)) + self.detail(pictures))
        dense = _twice(self.coarse(x)) + self.fine(sharp)
        parse, densepose, uv, person, garment = dense.split(self.sizes, 1)
        return Outputs(parse, densepose, uv.float().sigmoid(), person, garment, self.heat(x))


class Depthwise(nn.Conv2d):
    """A depthwise convolution, in float32 where autocast would make it bfloat16 on a CPU: there that gradient takes
    five times as long (torch 2.15)."""

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type != "cpu" or not torch.is_autocast_enabled("cpu"):
            return super().forward(x)
        with torch.autocast("cpu", enabled=False):
            return super().forward(x.float())


class Block(nn.Module):
    """A residual depthwise-separable convolution."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.across = _conv(channels, channels, kernel, groups=channels)
        self.mix = _conv(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        mixed: Tensor = x + self.mix(self.across(x))
        return mixed


def _conv(inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1) -> nn.Sequential:
    made = Depthwise if groups > 1 else nn.Conv2d
    convolution = made(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


def _head(inputs: int, outputs: int) -> nn.Conv2d:
    """Says almost nothing at first: heat that is wrong everywhere would drown every other loss."""
    head = nn.Conv2d(inputs, outputs, 1)
    nn.init.normal_(head.weight, std=0.01)
    nn.init.zeros_(cast(Tensor, head.bias))
    return head


def _twice(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


def _backbone(name: str) -> nn.Module:
    """Features at strides 4, 8, 16, 32, untrained: nothing is downloaded."""
    if not timm.is_model(name):
        raise PreprocessError(f"timm {timm.__version__} has no backbone {name!r}; see timm.list_models()")
    strides: list[int] = timm.create_model(name, pretrained=False, features_only=True).feature_info.reduction()  # type: ignore[operator, union-attr]
    if [stride for stride in strides if stride >= HEAT_STRIDE] != [4, 8, 16, 32]:
        raise PreprocessError(f"backbone {name!r} has features at strides {strides}, needed are 4, 8, 16, 32")
    chosen = [place for place, stride in enumerate(strides) if stride >= HEAT_STRIDE]
    made: nn.Module = timm.create_model(name, pretrained=False, features_only=True, out_indices=chosen)
    for layer in made.modules():
        if type(layer) is nn.Conv2d and layer.groups > 1:
            layer.__class__ = Depthwise
    return made


def with_norms_folded(network: StudentNetwork) -> StudentNetwork:
    """A copy for inference whose decoder's convolutions do their normalisation themselves: same answers, sooner."""
    folded = copy.deepcopy(network).eval()
    for layer in folded.modules():
        if isinstance(layer, nn.Sequential) and len(layer) > 1:
            convolution, norm = layer[0], layer[1]
            if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                layer[0], layer[1] = fuse_conv_bn_eval(convolution, norm), nn.Identity()
    return folded


def to_input(pictures: Tensor) -> Tensor:
    """Pictures of 0..1 as the network takes them."""
    return pictures * 2 - 1


def parameters_of(network: nn.Module) -> int:
    return sum(torch.numel(one) for one in network.parameters())
