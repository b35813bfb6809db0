"""Which parameters are not trained.

The contract that must not break: a pattern that fits no parameter is an error, never silently nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from finetune.errors import FinetuneError


def freeze(networks: Mapping[str, nn.Module], patterns: Sequence[str]) -> None:
    """Stop training what `network:pattern` names, e.g. `generator:ClothEncoder.*` or `generator:*noise_scale`.

    Batch norms whose parameters are all frozen keep their statistics. Raises FinetuneError.
    """
    for text in patterns:
        name, _, pattern = text.partition(":")
        if name not in networks:
            raise FinetuneError(f"freeze {text!r}: there is no network {name!r}; there are {', '.join(networks)}")
        found = [one for key, one in networks[name].named_parameters() if fnmatchcase(key, pattern)]
        if not found:
            raise FinetuneError(f"freeze {text!r}: no parameter of {name} fits {pattern!r}")
        for parameter in found:
            parameter.requires_grad_(False)


def hold_frozen_norms(network: nn.Module) -> None:
    """Batch norms with nothing to train back to evaluation mode, after `network.train()`."""
    for module in network.modules():
        if isinstance(module, _BatchNorm) and not any(one.requires_grad for one in module.parameters()):
            module.eval()
