"""SCHP (Self-Correction for Human Parsing): ResNet-101 with PSP context, an edge branch and a fusing head.

The contract that must not break: state-dict names are those of the published LIP and ATR checkpoints (603 keys), and
norms act as InPlaceABN does, |weight| + eps (preprocessing facts, section 2.2).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_EPS = 1e-5
_SLOPE = 0.01
_EDGE_CHANNELS = 256


class ActivatedNorm(nn.Module):
    """InPlaceABN at inference: (|weight| + eps) * (x - mean) / sqrt(var + eps) + bias, then a leaky ReLU.

    A plain BatchNorm2d is wrong wherever a learned weight is negative.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, *, activated: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))
        self.activated = activated

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight.abs() + _EPS
        normed = F.batch_norm(x, self.running_mean, self.running_var, weight, self.bias, eps=_EPS)
        return F.leaky_relu_(normed, _SLOPE) if self.activated else normed


def _norm(channels: int) -> ActivatedNorm:
    return ActivatedNorm(channels, activated=False)


def _conv(inputs: int, outputs: int, size: int = 3, *, stride: int = 1, dilation: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, size, stride, dilation * (size // 2), dilation, bias=False)


def _activated(inputs: int, outputs: int, size: int = 1) -> list[nn.Module]:
    return [_conv(inputs, outputs, size), ActivatedNorm(outputs)]


def _resize(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, like.shape[-2:], mode="bilinear", align_corners=True)


class Bottleneck(nn.Module):
    def __init__(self, inputs: int, width: int, *, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        outputs = 4 * width
        self.conv1, self.bn1 = _conv(inputs, width, 1), _norm(width)
        self.conv2, self.bn2 = _conv(width, width, stride=stride, dilation=dilation), _norm(width)
        self.conv3, self.bn3 = _conv(width, outputs, 1), _norm(outputs)
        self.downsample: nn.Module = nn.Identity()
        if stride > 1 or inputs != outputs:
            self.downsample = nn.Sequential(_conv(inputs, outputs, 1, stride=stride), _norm(outputs))

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu_(self.bn1(self.conv1(x)))
        out = F.relu_(self.bn2(self.conv2(out)))
        return F.relu_(self.bn3(self.conv3(out)) + self.downsample(x))


def _layer(inputs: int, width: int, blocks: int, *, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    first = Bottleneck(inputs, width, stride=stride, dilation=dilation)
    return nn.Sequential(first, *(Bottleneck(4 * width, width, dilation=dilation) for _ in range(blocks - 1)))


class PyramidContext(nn.Module):
    """Pyramid pooling: the features beside their means over 1, 2x2, 3x3 and 6x6 cells."""

    def __init__(self, inputs: int, outputs: int, cells: tuple[int, ...] = (1, 2, 3, 6)) -> None:
        super().__init__()
        self.stages = nn.ModuleList(
            nn.Sequential(nn.AdaptiveAvgPool2d(cell), *_activated(inputs, outputs)) for cell in cells
        )
        self.bottleneck = nn.Sequential(*_activated(inputs + len(cells) * outputs, outputs, 3))

    def forward(self, x: Tensor) -> Tensor:
        pooled = [_resize(stage(x), x) for stage in self.stages]
        context: Tensor = self.bottleneck(torch.cat([*pooled, x], 1))
        return context


class EdgeBranch(nn.Module):
    """Edges between labels from the three first layers: Nx2xHxW logits and Nx768xHxW features at layer 1's size."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(*_activated(256, _EDGE_CHANNELS))
        self.conv2 = nn.Sequential(*_activated(512, _EDGE_CHANNELS))
        self.conv3 = nn.Sequential(*_activated(1024, _EDGE_CHANNELS))
        self.conv4 = nn.Conv2d(_EDGE_CHANNELS, 2, 3, padding=1)
        self.conv5 = nn.Conv2d(6, 2, 1)

    def forward(self, layer1: Tensor, layer2: Tensor, layer3: Tensor) -> tuple[Tensor, Tensor]:
        features = [self.conv1(layer1), self.conv2(layer2), self.conv3(layer3)]
        edges = torch.cat([_resize(self.conv4(feature), layer1) for feature in features], 1)
        return self.conv5(edges), torch.cat([_resize(feature, layer1) for feature in features], 1)


class Decoder(nn.Module):
    """Context joined with layer 1: label logits and the Nx256xHxW features that they come from."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(*_activated(512, 256))
        self.conv2 = nn.Sequential(*_activated(256, 48))
        self.conv3 = nn.Sequential(*_activated(256 + 48, 256), *_activated(256, 256))
        self.conv4 = nn.Conv2d(256, classes, 1)

    def forward(self, context: Tensor, layer1: Tensor) -> tuple[Tensor, Tensor]:
        features = self.conv3(torch.cat([_resize(self.conv1(context), layer1), self.conv2(layer1)], 1))
        return self.conv4(features), features


class SchpOutput(NamedTuple):
    """Logits at a quarter of the input's size; `fusion` is the answer, the others are heads used in training."""

    fusion: Tensor
    parsing: Tensor
    edge: Tensor


class Schp(nn.Module):
    """Nx3xHxW normalised BGR to logits over `classes` labels (20 for LIP, 18 for ATR)."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = _conv(3, 64, stride=2), _norm(64)
        self.conv2, self.bn2 = _conv(64, 64), _norm(64)
        self.conv3, self.bn3 = _conv(64, 128), _norm(128)
        self.layer1 = _layer(128, 64, 3)
        self.layer2 = _layer(256, 128, 4, stride=2)
        self.layer3 = _layer(512, 256, 23, stride=2)
        self.layer4 = _layer(1024, 512, 3, dilation=2)
        self.context_encoding = PyramidContext(2048, 512)
        self.edge = EdgeBranch()
        self.decoder = Decoder(classes)
        self.fushion = nn.Sequential(
            *_activated(256 + 3 * _EDGE_CHANNELS, 256), nn.Dropout2d(0.1), nn.Conv2d(256, classes, 1)
        )

    def forward(self, x: Tensor) -> SchpOutput:
        for conv, norm in ((self.conv1, self.bn1), (self.conv2, self.bn2), (self.conv3, self.bn3)):
            x = F.relu_(norm(conv(x)))
        layer1 = self.layer1(F.max_pool2d(x, 3, 2, 1))
        layer2 = self.layer2(layer1)
        layer3 = self.layer3(layer2)
        context = self.context_encoding(self.layer4(layer3))
        parsing, features = self.decoder(context, layer1)
        edge, edge_features = self.edge(layer1, layer2, layer3)
        return SchpOutput(self.fushion(torch.cat([features, edge_features], 1)), parsing, edge)
