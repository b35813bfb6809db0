"""The backbone: ResNet-50 as MSRA trained it, with frozen norms, and a feature pyramid p2..p6.

The contract that must not break: layers 3 to 5 stride in their first 1x1 convolution, and state-dict names are
detectron2's.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTH = 256
_EPS = 1e-5


class FrozenNorm(nn.Module):
    """A batch norm that never learns: four buffers, no count of batches."""

    weight: Tensor
    bias: Tensor
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        for name, value in (("weight", 1.0), ("bias", 0.0), ("running_mean", 0.0), ("running_var", 1.0)):
            self.register_buffer(name, torch.full((channels,), value))

    def forward(self, x: Tensor) -> Tensor:
        return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=_EPS)


class NormedConv(nn.Conv2d):
    """A convolution without bias whose norm is its child, as detectron2 names it."""

    def __init__(self, inputs: int, outputs: int, size: int, stride: int = 1) -> None:
        super().__init__(inputs, outputs, size, stride, size // 2, bias=False)
        self.norm = FrozenNorm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        normed: Tensor = self.norm(super().forward(x))
        return normed


class Bottleneck(nn.Module):
    def __init__(self, inputs: int, width: int, *, stride: int = 1) -> None:
        super().__init__()
        outputs = 4 * width
        self.shortcut = NormedConv(inputs, outputs, 1, stride) if inputs != outputs else nn.Identity()
        self.conv1 = NormedConv(inputs, width, 1, stride)
        self.conv2 = NormedConv(width, width, 3)
        self.conv3 = NormedConv(width, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu_(self.conv2(F.relu_(self.conv1(x))))
        return F.relu_(self.conv3(out) + self.shortcut(x))


def _layer(inputs: int, width: int, blocks: int, *, stride: int = 2) -> nn.Sequential:
    first = Bottleneck(inputs, width, stride=stride)
    return nn.Sequential(first, *(Bottleneck(4 * width, width) for _ in range(blocks - 1)))


class ResNet50(nn.Module):
    """Nx3xHxW to res2..res5 at strides 4, 8, 16, 32."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential()
        self.stem.add_module("conv1", NormedConv(3, 64, 7, 2))
        self.res2 = _layer(64, 64, 3, stride=1)
        self.res3 = _layer(256, 128, 4)
        self.res4 = _layer(512, 256, 6)
        self.res5 = _layer(1024, 512, 3)

    def forward(self, x: Tensor) -> list[Tensor]:
        x = F.max_pool2d(F.relu_(self.stem(x)), 3, 2, 1)
        features = []
        for layer in (self.res2, self.res3, self.res4, self.res5):
            x = layer(x)
            features.append(x)
        return features


class FeaturePyramid(nn.Module):
    """Nx3xHxW (sides multiples of 32) to p2..p6, 256 channels each, strides 4 to 64."""

    def __init__(self) -> None:
        super().__init__()
        self.bottom_up = ResNet50()
        for level, channels in zip(range(2, 6), (256, 512, 1024, 2048), strict=True):
            self.add_module(f"fpn_lateral{level}", nn.Conv2d(channels, WIDTH, 1))
            self.add_module(f"fpn_output{level}", nn.Conv2d(WIDTH, WIDTH, 3, padding=1))

    def forward(self, x: Tensor) -> list[Tensor]:
        bottom_up = self.bottom_up(x)
        levels: list[Tensor] = []
        top_down: Tensor | None = None
        for level in range(5, 1, -1):
            lateral = self.get_submodule(f"fpn_lateral{level}")(bottom_up[level - 2])
            top_down = lateral if top_down is None else lateral + F.interpolate(top_down, scale_factor=2.0)
            levels.insert(0, self.get_submodule(f"fpn_output{level}")(top_down))
        return [*levels, F.max_pool2d(levels[-1], 1, 2)]
