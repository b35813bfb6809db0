"""Weights made by a formula from state-dict names alone, and the small changes that keep each network's output varied.

The contract that must not break: values are those that the reference outputs were made with (splitmix64 over the
index and the name's CRC-32). They are no learned weights.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from fnmatch import fnmatchcase

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

Floats = npt.NDArray[np.float32]
Gains = Mapping[str, float]
_MASK = (1 << 64) - 1


def hashed(count: int, seed: int) -> Floats:
    """`count` float32 values in 0..1."""
    with np.errstate(over="ignore"):
        z = (np.arange(count, dtype=np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z += np.uint64((seed * 0xD1B54A32D192ED03) & _MASK)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return ((z >> np.uint64(40)).astype(np.float64) / 2**24).astype(np.float32)


def tensor(name: str, shape: tuple[int, ...], gain: float | None = None, fan_in: int | None = None) -> Tensor:
    if name.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.long)
    s = hashed(int(np.prod(shape)), zlib.crc32(name.encode())) * np.float32(2) - np.float32(1)
    s = s.reshape(shape)
    if name.endswith("running_var") or (len(shape) == 1 and name.endswith("weight")):
        values = np.float32(1) + np.float32(0.25) * s
    elif name.endswith("running_mean"):
        values = np.float32(0.1) * s
    elif len(shape) <= 1:
        values = np.float32(0.05) * s
    else:
        fan = float(np.prod(shape[1:])) if fan_in is None else float(fan_in)
        values = s * np.float32((np.sqrt(2.0) if gain is None else gain) * np.sqrt(3.0 / fan))
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))


def _gain(name: str, gains: Gains) -> float | None:
    return next((gain for pattern, gain in gains.items() if fnmatchcase(name, pattern)), None)


def state(network: nn.Module, gains: Gains | None = None) -> dict[str, Tensor]:
    """The network's whole state by the formula; a gain is of the names that match its pattern."""
    return {
        name: tensor(name, tuple(value.shape), _gain(name, gains or {})) for name, value in network.state_dict().items()
    }


def _centred(weight: Tensor) -> Tensor:
    return weight - weight.mean(1, keepdim=True)


def schp_state(network: nn.Module) -> dict[str, Tensor]:
    values = state(network, {"layer*.conv3.weight": 0.5, "layer*.conv1.weight": 1.2})
    for name, value in values.items():
        if value.ndim == 1 and name.endswith("weight"):
            value[::5] *= -1
    for head in ("fushion.3", "decoder.conv4"):
        values[f"{head}.weight"] = _centred(values[f"{head}.weight"]) * 0.2
        values[f"{head}.bias"] = torch.zeros_like(values[f"{head}.bias"])
    return values


_GRAPH = ("*graph*", "fc_graph*")
_GRAPH_GAINS = {"*featuremap_2_graph.weight": 0.3, "*graph_2_fea.weight": 0.5, "*pre_fea": 4.0}


def graphonomy_state(network: nn.Module) -> dict[str, Tensor]:
    values = state(network, {"xception_features.block*.rep.*.pointwise.weight": 0.7})
    for name, value in values.items():
        if value.ndim == 2 and any(fnmatchcase(name, pattern) for pattern in _GRAPH):
            gain = _gain(name, _GRAPH_GAINS) or 1.0
            values[name] = tensor(name, tuple(value.shape), gain, fan_in=value.shape[0])
    values["semantic.weight"] = _centred(values["semantic.weight"])
    values["semantic.bias"] = torch.zeros_like(values["semantic.bias"])
    return values


_DENSEPOSE_GAINS = {
    "*stem.conv1.weight": 0.006, "*bottom_up.res*.conv3.weight": 0.5, "backbone.fpn_*.weight": 1.0,
    "*objectness_logits.weight": 1.0, "*anchor_deltas.weight": 0.05, "*cls_score.weight": 1.0,
    "*bbox_pred.weight": 0.4, "*.u_lowres.weight": 0.06, "*.v_lowres.weight": 0.06,
    "*ann_index_lowres.weight": 0.5, "*index_uv_lowres.weight": 0.6,
}  # fmt: skip


def densepose_state(network: nn.Module) -> dict[str, Tensor]:
    values = state(network, _DENSEPOSE_GAINS)
    head = "roi_heads.densepose_predictor"
    values[f"{head}.ann_index_lowres.bias"] += torch.tensor([-3.5, 3.5])
    for channel in ("u", "v"):
        values[f"{head}.{channel}_lowres.bias"] += 0.5
    return values
