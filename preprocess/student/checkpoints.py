"""Where a training run is: everything that the next step depends on, in one file that is whole or not there.

The contract that must not break: a run that was killed and goes on gives the bytes of one that was not; a checkpoint
of other parameters or other data is refused, and nothing in it is executed.
"""

from __future__ import annotations

import io
import json
import pickle
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from preprocess.errors import OtherParameters
from preprocess.weights.errors import WeightsDamaged
from vitonhd.atomic import write_atomic

State = dict[str, Any]


class Average:
    """The exponential moving average of a network's floating-point state: what is kept as the weights.

    Its decay grows from 0.1 to `decay`, so that the first steps are forgotten.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.state: dict[str, Tensor] = {key: value.detach().clone() for key, value in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        decay = min(self.decay, (1 + step) / (10 + step))
        current = network.state_dict()
        kept = [key for key, value in self.state.items() if value.is_floating_point()]
        torch._foreach_lerp_([self.state[key] for key in kept], [current[key] for key in kept], 1 - decay)
        for key in self.state.keys() - kept:
            self.state[key].copy_(current[key])


def save_checkpoint(
    path: Path, step: int, recipe: State, network: nn.Module, average: Average, optimiser: torch.optim.Optimizer
) -> None:
    """Write the state after `step` steps; `recipe` is plain values and names what a resumed run must share."""
    buffer = io.BytesIO()
    torch.save(
        {
            "step": step, "recipe": json.dumps(recipe, sort_keys=True), "network": network.state_dict(),
            "average": average.state, "optimiser": optimiser.state_dict(),
        },
        buffer,
    )  # fmt: skip
    write_atomic(path, buffer.getvalue())


def load_checkpoint(
    path: Path, recipe: State, network: nn.Module, average: Average, optimiser: torch.optim.Optimizer
) -> int:
    """Put a checkpoint into network, average and optimiser; the number of steps done, 0 where there is none.

    Raises OtherParameters for one of another recipe, WeightsDamaged for a file that is none.
    """
    if not path.exists():
        return 0
    device = next(network.parameters()).device
    try:
        saved = torch.load(path, map_location=device, weights_only=True)
        found: State = json.loads(saved["recipe"])
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, KeyError, TypeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsDamaged(f"{path} is no checkpoint of a student ({reason}); move it away to start anew") from None
    wanted = json.loads(json.dumps(recipe))
    if other := sorted(key for key in found.keys() | wanted.keys() if found.get(key) != wanted.get(key)):
        told = ", ".join(f"{key} {found.get(key)!r}, not {wanted.get(key)!r}" for key in other)
        raise OtherParameters(f"{path} is of a run with {told}; choose another folder")
    network.load_state_dict(saved["network"])
    average.state = {key: value.to(device) for key, value in saved["average"].items()}
    optimiser.load_state_dict(saved["optimiser"])
    return int(saved["step"])
