"""The moving average of a network's weights: what is validated, shown and kept.

The contract that must not break: the average after a step follows from the step's number, the average before and the
weights after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Average:
    """Exponential; its decay grows from 0.1 to `decay`, so that the first steps are forgotten. 0 keeps the last."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.state = {key: value.detach().clone() for key, value in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """After step `step`, 0-based."""
        decay = min(self.decay, (1 + step) / (10 + step))
        current = network.state_dict()
        kept = [key for key, value in self.state.items() if value.is_floating_point()]
        torch._foreach_lerp_([self.state[key] for key in kept], [current[key] for key in kept], 1 - decay)
        for key in self.state.keys() - set(kept):
            self.state[key].copy_(current[key])

    def load(self, state: Mapping[str, Tensor]) -> None:
        for key, value in self.state.items():
            value.copy_(state[key])

    @contextmanager
    def worn_by(self, network: nn.Module) -> Iterator[None]:
        """The network with the averaged weights, in evaluation mode, while it lasts."""
        own = {key: value.detach().clone() for key, value in network.state_dict().items()}
        training = network.training
        network.load_state_dict(self.state)
        network.eval()
        try:
            yield
        finally:
            network.load_state_dict(own)
            network.train(training)
