"""A published weights file into a network: unchanged, whole, and nothing else.

The contract that must not break: files are untrusted (tensors only, no pickled code), and one that doesn't fit the
network exactly is refused with the keys that are missing, left over or of another shape.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, Any

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from preprocess.weights.errors import WeightsDamaged, WeightsMissing
from preprocess.weights.unpickling import read_pickle
from vitonhd.mismatch import Mismatch, listed

State = dict[str, Tensor]

_CONTAINERS = ("state_dict", "model")
_PREFIXES = ("module.", "model.")  # DataParallel's, and Lightning's
_UNCOUNTED = "num_batches_tracked"
_LARGEST_MEMBER = 4 << 30


@dataclass(frozen=True)
class Fit:
    """What a network's published files need before their names are the network's."""

    ignored: tuple[str, ...] = ()
    """Patterns of names that files may have and the network has no use for."""
    renamed: Callable[[str], str] = str


def compare(network: nn.Module, state: Mapping[str, Tensor]) -> Mismatch:
    """Which keys of `state` don't fit the network; counts of batches may be missing."""
    wanted = network.state_dict()
    reshaped = (
        f"{key}: {tuple(state[key].shape)}, not {tuple(value.shape)}"
        for key, value in wanted.items()
        if key in state and state[key].shape != value.shape
    )
    return Mismatch(
        tuple(key for key in wanted if key not in state and not key.endswith(_UNCOUNTED)),
        tuple(key for key in state if key not in wanted),
        tuple(reshaped),
    )


def load_weights(network: nn.Module, path: Path, fit: Fit | None = None) -> None:
    """Put a published file's weights into the network, as float32, and set it to inference.

    Raises WeightsMissing, or WeightsDamaged for a file that can't be read or that is another network's.
    """
    fit = fit or Fit()
    state = {fit.renamed(key): value for key, value in read_state(path).items()}
    state = {key: value for key, value in state.items() if not any(fnmatchcase(key, one) for one in fit.ignored)}
    if mismatch := compare(network, state):
        raise WeightsDamaged(f"{path.name} is not of a {type(network).__name__}: {mismatch}")
    current = network.state_dict()
    state = {key: value.to(current[key].dtype) for key, value in state.items()}
    network.load_state_dict({**current, **state}, assign=True)
    network.requires_grad_(False).eval()


def read_state(path: Path) -> State:
    """A file's tensors by name, out of their container and without a prefix that all names share.

    Reads safetensors, PyTorch's old and new files, a zip with one of these in it, and pickles of numpy arrays.
    """
    if not path.is_file():
        raise WeightsMissing(f"{path} is not there; run `lookbook weights list`, then `lookbook weights fetch`")
    state = {str(key): value for key, value in _contained(_read(path), path.name).items()}
    for prefix in _PREFIXES:
        if state and all(key.startswith(prefix) for key in state):
            state = {key.removeprefix(prefix): value for key, value in state.items()}
    return state


def _read(path: Path) -> Any:
    if path.suffix == ".safetensors":
        try:
            return safetensors.torch.load_file(path)
        except (safetensors.SafetensorError, OSError, ValueError) as error:
            raise WeightsDamaged(f"{path.name} is no safetensors file: {error}") from None
    if path.suffix == ".pkl":
        return read_pickle(path)
    with path.open("rb") as file:
        return _read_torch(_only_member(file, path.name), path.name)


def _only_member(file: IO[bytes], name: str) -> IO[bytes]:
    """The file itself, or what is packed in it: releases of 2020 put one PyTorch file into a plain zip."""
    if not zipfile.is_zipfile(file):
        file.seek(0)
        return file
    file.seek(0)
    with zipfile.ZipFile(file) as archive:
        members = [one for one in archive.infolist() if not one.is_dir()]
        if any(one.filename.endswith("data.pkl") for one in members):  # PyTorch's own format
            file.seek(0)
            return file
        if len(members) != 1 or members[0].file_size > _LARGEST_MEMBER:
            raise WeightsDamaged(f"{name} is a zip of {len(members)} files, not of one weights file")
        return io.BytesIO(archive.read(members[0]))


def _read_torch(file: IO[bytes], name: str) -> Any:
    try:
        return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        reason = str(error).splitlines()[0]
        raise WeightsDamaged(f"{name} holds more than tensors, or is no PyTorch file: {reason}") from None
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise WeightsDamaged(f"{name} is no PyTorch file: {error}") from None


def _contained(value: Any, name: str) -> dict[Any, Tensor]:
    for key in _CONTAINERS:
        if isinstance(value, dict) and isinstance(value.get(key), dict):
            value = value[key]
    if not isinstance(value, dict):
        raise WeightsDamaged(f"{name} holds a {type(value).__name__}, not tensors by name")
    tensors = {key: _tensor(one) for key, one in value.items()}
    strange = sorted(str(key) for key, one in tensors.items() if one is None)
    if strange or not tensors:
        raise WeightsDamaged(f"{name} holds things that are no tensors: {listed(tuple(strange)) or 'nothing at all'}")
    return {key: one for key, one in tensors.items() if one is not None}


def _tensor(value: Any) -> Tensor | None:
    if isinstance(value, np.ndarray):
        return torch.from_numpy(np.array(value, value.dtype.newbyteorder("=")))
    return value if isinstance(value, Tensor) else None
