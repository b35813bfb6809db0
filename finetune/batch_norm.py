"""Batch norm over all processes of a run, on any device.

The contract that must not break: N processes normalise by the statistics of all their examples together, with
gradients through them, and state-dict names stay those of `nn.BatchNorm2d`. (PyTorch's own refuses CPUs.)
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce


class SharedBatchNorm2d(nn.BatchNorm2d):
    """`nn.BatchNorm2d`, its statistics those of the whole batch."""

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return super().forward(input)
        maps = input.float()
        count = maps.new_tensor([maps.numel() / maps.shape[1]])
        totals = _over_all(torch.cat((maps.sum((0, 2, 3)), count)))
        number = totals[-1]
        mean = totals[:-1] / number
        # In two passes: the mean of squares less the square of the mean loses digits.
        centred = maps - mean[:, None, None]
        variance = _over_all(centred.square().sum((0, 2, 3))) / number
        with torch.no_grad():
            assert self.running_mean is not None and self.running_var is not None
            assert self.num_batches_tracked is not None and self.momentum is not None
            self.num_batches_tracked.add_(1)
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * number / (number - 1), self.momentum)
        scale = self.weight * torch.rsqrt(variance + self.eps)
        normed: Tensor = centred * scale[:, None, None] + self.bias[:, None, None]
        return normed.to(input.dtype)


def _over_all(sums: Tensor) -> Tensor:
    """Added over the processes, with gradients."""
    total: Tensor = all_reduce(sums)  # type: ignore[no-untyped-call]
    return total


def share_batch_norms(network: nn.Module) -> None:
    """Replace every `nn.BatchNorm2d` inside by one that all processes share; parameters and buffers stay the same."""
    for name, module in network.named_children():
        if type(module) is nn.BatchNorm2d:
            shared = SharedBatchNorm2d(module.num_features, module.eps, module.momentum)
            shared.load_state_dict(module.state_dict())
            for key, parameter in module.named_parameters():
                setattr(shared, key, parameter)
            setattr(network, name, shared)
        else:
            share_batch_norms(module)
