"""The published networks' outputs for formula weights, where they are at hand, and networks with those weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pytest
from torch import Tensor, nn

from tests.conftest import SHARED

Network = TypeVar("Network", bound=nn.Module)
GOLDENS = SHARED / "goldens" / "preprocess"
Array = npt.NDArray[Any]


def golden(name: str) -> dict[str, Array]:
    path = GOLDENS / name
    if not path.is_file():
        pytest.skip("the reference outputs are not on this machine")
    with np.load(path) as arrays:
        return dict(arrays)


def golden_shapes(name: str) -> dict[str, list[int]]:
    path = GOLDENS / name
    if not path.is_file():
        pytest.skip("the reference outputs are not on this machine")
    content = json.loads(path.read_text())
    shapes: dict[str, list[int]] = content.get("state_dict", content)
    return shapes


def shapes_of(network: nn.Module) -> dict[str, list[int]]:
    return {name: list(value.shape) for name, value in network.state_dict().items()}


def with_formula(network: Network, make: Callable[[nn.Module], dict[str, Tensor]]) -> Network:
    network.load_state_dict(make(network), assign=True)
    return network.eval()


def difference(one: Tensor | Array, other: Array) -> float:
    """The largest difference, once the shapes are the same."""
    values = one.numpy() if isinstance(one, Tensor) else one
    assert values.shape == other.shape
    return float(np.abs(values - other).max())
