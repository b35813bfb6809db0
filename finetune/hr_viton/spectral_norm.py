"""A convolution whose weight is divided by its largest singular value, in the published files' old-style form.

The contract that must not break: parameters and buffers are `weight_orig`, `weight_u`, `weight_v`; evaluation uses u
and v as they are, training updates them by one power iteration per forward (spec section 3.2).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

EPSILON = 1e-12


class SpectralConv2d(nn.Module):
    """`torch.nn.Conv2d` under `torch.nn.utils.spectral_norm`, as one module."""

    weight_u: Tensor
    weight_v: Tensor

    def __init__(
        self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, padding: int = 0, bias: bool = True
    ) -> None:
        super().__init__()
        self.stride, self.padding = stride, padding
        plain = nn.Conv2d(inputs, outputs, kernel, bias=bias)
        self.bias = plain.bias if bias else None
        self.weight_orig = nn.Parameter(plain.weight.detach().clone())
        self.register_buffer("weight_u", functional.normalize(torch.randn(outputs), dim=0, eps=EPSILON))
        self.register_buffer("weight_v", functional.normalize(torch.randn(plain.weight[0].numel()), dim=0, eps=EPSILON))

    @property
    def inputs(self) -> int:
        return int(self.weight_orig.shape[1])

    def forward(self, features: Tensor) -> Tensor:
        return functional.conv2d(features, self.weight(), self.bias, self.stride, self.padding)

    def weight(self) -> Tensor:
        """The normalised weight; in training a call is one power iteration."""
        matrix = self.weight_orig.flatten(1)
        if self.training:
            with torch.no_grad():
                torch.mv(matrix.t(), self.weight_u, out=self.weight_v)
                self.weight_v.copy_(functional.normalize(self.weight_v, dim=0, eps=EPSILON))
                self.weight_u.copy_(functional.normalize(torch.mv(matrix, self.weight_v), dim=0, eps=EPSILON))
        # Copies, so that a second forward before the backward doesn't change what the first one recorded.
        u, v = self.weight_u.clone(), self.weight_v.clone()
        return self.weight_orig / torch.dot(u, torch.mv(matrix, v))
