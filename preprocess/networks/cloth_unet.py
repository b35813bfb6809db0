"""The cloth U-Net: segmentation_models_pytorch's Unet on EfficientNet-B3, its encoder from timm.

The contract that must not break: state-dict names are those of smp.Unet("timm-efficientnet-b3", classes=1), 634 keys,
the same in its 2020 and 2026 releases. Written here so that nobody has to install that library for one network.
"""

from __future__ import annotations

from typing import Any

import timm
import torch
import torch.nn.functional as F
from torch import Tensor, nn

_STAGES = ((0, 2), (2, 3), (3, 5), (5, 7))
"""Blocks of the encoder by the stride that they end at: 4, 8, 16, 32."""
_ENCODER = (40, 32, 48, 136, 384)
_DECODER = (256, 128, 64, 32, 16)


def _conv(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())


class DecoderBlock(nn.Module):
    """Twice the size (nearest), the skip beside it, two convolutions."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = _conv(inputs, outputs)
        self.conv2 = _conv(outputs, outputs)

    def forward(self, x: Tensor, skip: Tensor | None) -> Tensor:
        x = F.interpolate(x, scale_factor=2.0)
        joined: Tensor = self.conv2(self.conv1(x if skip is None else torch.cat([x, skip], 1)))
        return joined


class UnetDecoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        skips = (*_ENCODER[-2::-1], 0)
        inputs = (_ENCODER[-1], *_DECODER[:-1])
        self.blocks = nn.ModuleList(
            DecoderBlock(below + skip, outputs) for below, skip, outputs in zip(inputs, skips, _DECODER, strict=True)
        )

    def forward(self, features: list[Tensor]) -> Tensor:
        x, *skips = reversed(features)
        for block, skip in zip(self.blocks, [*skips, None], strict=True):
            x = block(x, skip)
        return x


class ClothUnet(nn.Module):
    """Nx3xHxW (ImageNet's mean and deviation, sides multiples of 32) to Nx1xHxW logits; garment where above 0."""

    encoder: Any
    """timm's EfficientNet; its parts are not typed."""

    def __init__(self) -> None:
        super().__init__()
        # timm's last layers (conv_head, bn2) are in the published file and take no part.
        self.encoder = timm.create_model("efficientnet_b3", pretrained=False, num_classes=0)
        self.decoder = UnetDecoder()
        self.segmentation_head = nn.Sequential(nn.Conv2d(_DECODER[-1], 1, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        x = self.encoder.bn1(self.encoder.conv_stem(x))
        features = [x]
        for first, end in _STAGES:
            x = self.encoder.blocks[first:end](x)
            features.append(x)
        logits: Tensor = self.segmentation_head(self.decoder(features))
        return logits
