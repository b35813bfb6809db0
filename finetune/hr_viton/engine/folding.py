"""Weights as an engine uses them: normalisations that are constant in evaluation become part of a convolution.

The contract that must not break: folding is algebra, not approximation; a folded layer differs by rounding alone.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from finetune.hr_viton.condition_generator import ResBlock
from finetune.hr_viton.spectral_norm import SpectralConv2d


class Convolution(NamedTuple):
    """A 3x3 or 1x1 convolution with padding that keeps the size (halves it with stride 2)."""

    weight: Tensor
    bias: Tensor | None

    def __call__(self, maps: Tensor, stride: int = 1) -> Tensor:
        return functional.conv2d(maps, self.weight, self.bias, stride, self.weight.shape[2] // 2)

    def to(self, device: torch.device, dtype: torch.dtype) -> Convolution:
        """A copy, in channels-last layout: a weight that shared a loaded file's memory would keep all of it."""
        weight = self.weight.to(device, dtype, copy=True, memory_format=torch.channels_last)
        return Convolution(weight, None if self.bias is None else self.bias.to(device, dtype, copy=True))

    def inputs(self, start: int, end: int, *, bias: bool) -> Convolution:
        """The part that reads some of the input channels; the parts' sum is the whole, if one of them has the bias."""
        return Convolution(self.weight[:, start:end].contiguous(), self.bias if bias else None)


def plain(layer: nn.Module) -> Convolution:
    assert isinstance(layer, nn.Conv2d)
    return Convolution(layer.weight.detach(), None if layer.bias is None else layer.bias.detach())


def without_spectral_norm(layer: SpectralConv2d) -> Convolution:
    """The layer in evaluation, its weight already divided."""
    matrix = layer.weight_orig.detach().flatten(1)
    sigma = torch.dot(layer.weight_u, torch.mv(matrix, layer.weight_v))
    return Convolution(layer.weight_orig.detach() / sigma, None if layer.bias is None else layer.bias.detach())


def with_batch_norm(convolution: nn.Module, norm: nn.Module) -> Convolution:
    """A convolution without bias and the batch norm after it, in evaluation."""
    assert isinstance(norm, nn.BatchNorm2d) and norm.running_mean is not None and norm.running_var is not None
    scale = norm.weight.detach() / torch.sqrt(norm.running_var + norm.eps)
    bias = norm.bias.detach() - norm.running_mean * scale
    return Convolution(plain(convolution).weight * scale[:, None, None, None], bias)


class Residual(NamedTuple):
    """The two convolutions of a condition generator's block."""

    first: Convolution
    second: Convolution

    @classmethod
    def of(cls, block: ResBlock) -> Residual:
        layers = block.block
        return cls(with_batch_norm(layers[0], layers[1]), with_batch_norm(layers[3], layers[4]))

    def __call__(self, scaled: Tensor) -> Tensor:
        return self.second(self.first(scaled).relu_()).add_(scaled).relu_()

    def to(self, device: torch.device, dtype: torch.dtype) -> Residual:
        return Residual(self.first.to(device, dtype), self.second.to(device, dtype))
