"""Weights and inputs made by a formula from names alone, so that every machine has the same ones.

The contract that must not break: values are those that the reference outputs were made with; integer hashing and
float64, rounded once to float32 at the end.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

Floats = npt.NDArray[np.float64]
MASK = np.uint64(0xFFFFFFFF)


def hashed(key: str, count: int) -> Floats:
    """`count` values in -1..1; value i depends on the key and i."""
    seed = np.uint64(zlib.crc32(key.encode()))
    x = (np.arange(count, dtype=np.uint64) * np.uint64(0x9E3779B1) + seed) & MASK
    x ^= x >> np.uint64(16)
    x = (x * np.uint64(0x85EBCA6B)) & MASK
    x ^= x >> np.uint64(13)
    x = (x * np.uint64(0xC2B2AE35)) & MASK
    x ^= x >> np.uint64(16)
    return np.asarray(x.astype(np.float64) / 2.0**32 * 2.0 - 1.0)


def fill(network: nn.Module, *, noise: float = 0.0, bias: Mapping[tuple[str, int], float] | None = None) -> None:
    """Fill every parameter and buffer; `noise` scales the noise of the norms, `bias` adds to single values."""
    state = {key: _value(key, tuple(value.shape), noise) for key, value in network.state_dict().items()}
    for key in state:
        if key.endswith(".weight_u"):
            prefix = key.removesuffix(".weight_u")
            state[key], state[f"{prefix}.weight_v"] = _singular_vectors(prefix, state[f"{prefix}.weight_orig"])
    for (key, index), added in (bias or {}).items():
        state[key][index] += np.float32(added)
    network.load_state_dict({key: torch.from_numpy(value) for key, value in state.items()}, assign=True)


def _value(key: str, shape: tuple[int, ...], noise: float) -> npt.NDArray[np.float32]:
    if key.endswith("num_batches_tracked"):
        return np.zeros(shape, np.int64)
    values = hashed(key, int(np.prod(shape))).reshape(shape)
    if key.endswith(("running_mean", "bias")):
        values = 0.1 * values
    elif key.endswith("running_var"):
        values = 1 + 0.5 * values
    elif key.endswith("noise_scale"):
        values = noise * values
    elif len(shape) > 1:
        values = values * np.sqrt(3 / np.prod(shape[1:]))
    else:
        values = 1 + 0.1 * values
    return values.astype(np.float32)


def _singular_vectors(
    prefix: str, weight: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    matrix = weight.astype(np.float64).reshape(len(weight), -1)
    u = hashed(f"{prefix}.weight_u", len(matrix))
    u /= np.linalg.norm(u)
    for _ in range(5):
        v = matrix.T @ u
        v /= np.linalg.norm(v)
        u = matrix @ v
        u /= np.linalg.norm(u)
    return u.astype(np.float32), v.astype(np.float32)


def _axes(height: int, width: int) -> tuple[Floats, Floats]:
    y = (np.arange(height) + 0.5) / height
    x = (np.arange(width) + 0.5) / width
    return y[:, None], x[None]


def image(name: str, batch: int, channels: int, height: int, width: int) -> Tensor:
    """NxCxHxW in about -1..1: a smooth wave with a little texture."""
    y, x = _axes(height, width)
    b, c = np.arange(batch)[:, None, None, None], np.arange(channels)[None, :, None, None]
    wave = np.sin(2 * np.pi * ((c + 1) * x + 0.5 * (b + 1) * y) + 0.3 * c)
    texture = hashed(name, batch * channels * height * width).reshape(batch, channels, height, width)
    return torch.from_numpy((0.9 * wave + 0.1 * texture).astype(np.float32))


def ellipse_mask(batch: int, height: int, width: int) -> Tensor:
    """Nx1xHxW of 0 and 1."""
    y, x = _axes(height, width)
    b = np.arange(batch)[:, None, None]
    inside = ((x - 0.5 - 0.04 * b) / 0.33) ** 2 + ((y - 0.5) / 0.4) ** 2 <= 1
    return torch.from_numpy(inside[:, None].astype(np.float32))


def label_map(batch: int, height: int, width: int, classes: int, shift: float = 0.0) -> Tensor:
    """NxHxW int64 in slanted stripes."""
    y, x = _axes(height, width)
    turns = 1.7 * x + 2.3 * y + 0.1 * np.arange(batch)[:, None, None] + shift
    return torch.from_numpy(np.floor(classes * (turns - np.floor(turns))).astype(np.int64) % classes)


def noise(norm: str, batch: int, height: int, width: int) -> Tensor:
    """A norm's noise field, N x 1 x H x W; drawn as N x W x H x 1."""
    values = hashed(f"noise/{norm}", batch * width * height).reshape(batch, width, height, 1)
    return torch.from_numpy(values.astype(np.float32)).permute(0, 3, 2, 1)


def no_noise(norm: str, batch: int, height: int, width: int) -> Tensor:
    return torch.zeros(batch, 1, height, width)
