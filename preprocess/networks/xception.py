"""DeepLabv3+ on the modified aligned Xception at output stride 16, as Graphonomy has it.

The contract that must not break: state-dict names are the published ones; blocks that start with a ReLU give it to
their skip branch too (the published ReLU works in place), and the low-level features are taken before that ReLU.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_WIDTH = 728


class Separable(nn.Module):
    """Depthwise 3x3, norm, pointwise, norm; `activated`: a ReLU after each norm."""

    def __init__(
        self, inputs: int, outputs: int, *, stride: int = 1, dilation: int = 1, activated: bool = False
    ) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(inputs, inputs, 3, stride, dilation, dilation, groups=inputs, bias=False)
        self.depthwise_bn = nn.BatchNorm2d(inputs)
        self.pointwise = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.pointwise_bn = nn.BatchNorm2d(outputs)
        self.activated = activated

    def forward(self, x: Tensor) -> Tensor:
        x = self.depthwise_bn(self.depthwise(x))
        if self.activated:
            x = F.relu_(x)
        x = self.pointwise_bn(self.pointwise(x))
        return F.relu_(x) if self.activated else x


def _separables(*widths: int, stride: int = 1, starts_with_relu: bool = True) -> nn.Sequential:
    """Separable convolutions with ReLUs between; the last one strides. The names count a leading ReLU.

    The leading ReLU itself is the block's, which gives its result to the skip branch as well.
    """
    layers: list[nn.Module] = [nn.Identity()] if starts_with_relu else []
    for index, (inputs, outputs) in enumerate(pairwise(widths)):
        last = index == len(widths) - 2
        layers += [Separable(inputs, outputs, stride=stride if last else 1), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class Block(nn.Module):
    """Separable convolutions beside a skip; identity, or a strided 1x1 where size or width change."""

    def __init__(self, *widths: int, stride: int = 1, starts_with_relu: bool = True) -> None:
        super().__init__()
        self.starts_with_relu = starts_with_relu
        self.projected = stride > 1 or widths[0] != widths[-1]
        if self.projected:
            self.skip = nn.Conv2d(widths[0], widths[-1], 1, stride, bias=False)
            self.skipbn = nn.BatchNorm2d(widths[-1])
        self.rep = _separables(*widths, stride=stride, starts_with_relu=starts_with_relu)

    def forward(self, x: Tensor) -> Tensor:
        if self.starts_with_relu:
            x = F.relu(x)
        out: Tensor = self.rep(x)
        return out + (self.skipbn(self.skip(x)) if self.projected else x)


class LowLevelBlock(nn.Module):
    """The second block: also returns its features before the striding convolution and its ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.skip = nn.Conv2d(inputs, outputs, 1, 2, bias=False)
        self.skipbn = nn.BatchNorm2d(outputs)
        self.rep = _separables(inputs, outputs, outputs)
        self.block2_lastconv = _separables(outputs, outputs, stride=2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = F.relu(x)
        low: Tensor = self.rep(x)
        return self.block2_lastconv(F.relu(low)) + self.skipbn(self.skip(x)), low


class Xception(nn.Module):
    """Nx3xHxW to Nx2048 features at 1/16 and Nx256 low-level features at 1/4."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 3, 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(32)
        self.conv2 = nn.Conv2d(32, 64, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(64)
        self.block1 = Block(64, 128, 128, 128, stride=2, starts_with_relu=False)
        self.block2 = LowLevelBlock(128, 256)
        self.block3 = Block(256, _WIDTH, _WIDTH, _WIDTH, stride=2)
        for number in range(4, 20):
            self.add_module(f"block{number}", Block(_WIDTH, _WIDTH, _WIDTH, _WIDTH))
        self.block20 = Block(_WIDTH, _WIDTH, 1024, 1024)
        self.conv3 = Separable(1024, 1536, dilation=2, activated=True)
        self.conv4 = Separable(1536, 1536, dilation=2, activated=True)
        self.conv5 = Separable(1536, 2048, dilation=2, activated=True)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = F.relu_(self.bn1(self.conv1(x)))
        x = self.block1(F.relu_(self.bn2(self.conv2(x))))
        x, low = self.block2(x)
        for number in range(3, 21):
            x = self.get_submodule(f"block{number}")(x)
        return self.conv5(self.conv4(self.conv3(x))), low


class Atrous(nn.Module):
    """One rate of the spatial pyramid, or a decoder step: a separable convolution with both ReLUs."""

    def __init__(self, inputs: int, outputs: int, *, dilation: int = 1) -> None:
        super().__init__()
        self.atrous_convolution = Separable(inputs, outputs, dilation=dilation, activated=True)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.atrous_convolution(x)
        return out


class AtrousPoint(nn.Module):
    """The pyramid's rate 1: a plain 1x1."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.atrous_convolution = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu_(self.bn(self.atrous_convolution(x)))


def _resize(x: Tensor, size: torch.Size) -> Tensor:
    return F.interpolate(x, size, mode="bilinear", align_corners=True)


class DeepLab(nn.Module):
    """Nx3xHxW to Nx256 features at 1/4: Xception, spatial pyramid (rates 1, 6, 12, 18, global), decoder."""

    def __init__(self) -> None:
        super().__init__()
        self.xception_features = Xception()
        self.aspp1 = AtrousPoint(2048, 256)
        self.aspp2 = Atrous(2048, 256, dilation=6)
        self.aspp3 = Atrous(2048, 256, dilation=12)
        self.aspp4 = Atrous(2048, 256, dilation=18)
        self.global_avg_pool = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(2048, 256, 1, bias=False), nn.BatchNorm2d(256), nn.ReLU()
        )
        self.concat_projection_conv1 = nn.Conv2d(5 * 256, 256, 1, bias=False)
        self.concat_projection_bn1 = nn.BatchNorm2d(256)
        self.feature_projection_conv1 = nn.Conv2d(256, 48, 1, bias=False)
        self.feature_projection_bn1 = nn.BatchNorm2d(48)
        self.decoder = nn.Sequential(Atrous(256 + 48, 256), Atrous(256, 256))

    def features(self, x: Tensor) -> Tensor:
        x, low = self.xception_features(x)
        pooled = self.global_avg_pool(x).expand(-1, -1, *x.shape[-2:])
        x = torch.cat([self.aspp1(x), self.aspp2(x), self.aspp3(x), self.aspp4(x), pooled], 1)
        x = F.relu_(self.concat_projection_bn1(self.concat_projection_conv1(x)))
        low = F.relu_(self.feature_projection_bn1(self.feature_projection_conv1(low)))
        decoded: Tensor = self.decoder(torch.cat([_resize(x, low.shape[-2:]), low], 1))
        return decoded
