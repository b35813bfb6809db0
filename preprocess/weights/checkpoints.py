"""A published weights file into a network: unchanged, whole, and nothing else.

The contract that must not break: files are untrusted (plain tensors only, nothing runs), and one that doesn't fit the
network exactly is refused with the keys that are missing, left over or of another shape or type.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from torch import Tensor, nn

from preprocess.weights.errors import WeightsDamaged, WeightsMissing
from preprocess.weights.unpickling import read_pickle
from vitonhd.mismatch import Mismatch, listed, mismatch
from vitonhd.stored_tensors import DTYPES, StoredTensor, TensorFileError, read_safetensors, unsound
from vitonhd.torch_files import read_torch_file

State = dict[str, Tensor]

_CONTAINERS = ("state_dict", "model")
_PREFIXES = ("module.", "model.")  # DataParallel's, and Lightning's
_UNCOUNTED = "num_batches_tracked"
_LARGEST_MEMBER = 4 << 30
_LARGEST_RATIO = 4
"""Of a packed file to its pack; trained weights hardly get smaller."""


@dataclass(frozen=True)
class Fit:
    """What a network's published files need before their names are the network's."""

    ignored: tuple[str, ...] = ()
    """Patterns of names that files may have and the network has no use for."""
    renamed: Callable[[str], str] = str


def compare(network: nn.Module, state: Mapping[str, Tensor]) -> Mismatch:
    """How `state` differs from the network's own; counts of batches may be missing."""
    return mismatch(network.state_dict(), state, spared=_is_uncounted)


def load_weights(network: nn.Module, path: Path, fit: Fit | None = None) -> None:
    """Put a published file's weights into the network, as float32, and set it to inference.

    Raises WeightsMissing, or WeightsDamaged for a file that can't be read or that is another network's.
    """
    fit = fit or Fit()
    stored = {fit.renamed(key): value for key, value in _read_stored(path).items()}
    stored = {key: value for key, value in stored.items() if not any(fnmatchcase(key, one) for one in fit.ignored)}
    current = network.state_dict()
    if unfit := mismatch(current, stored, spared=_is_uncounted):
        raise WeightsDamaged(f"{path.name} is not of a {type(network).__name__}: {unfit}")
    if faults := unsound(stored):
        raise WeightsDamaged(f"{path.name} has been damaged or badly trained: {listed(faults)}")
    state = {key: _tensor(value).to(current[key].dtype) for key, value in stored.items()}
    network.load_state_dict({**current, **state}, assign=True)
    network.requires_grad_(False).eval()


def read_state(path: Path) -> State:
    """A file's tensors by name, out of their container and without a prefix that all names share.

    Reads safetensors, PyTorch's old and new files, a zip with one of these in it, and pickles of numpy arrays. Raises
    WeightsMissing, WeightsDamaged.
    """
    return {key: _tensor(value) for key, value in _read_stored(path).items()}


def _is_uncounted(key: str) -> bool:
    return key.endswith(_UNCOUNTED)


def _read_stored(path: Path) -> dict[str, StoredTensor]:
    if not path.is_file():
        raise WeightsMissing(f"{path} is not there; run `lookbook weights list`, then `lookbook weights fetch`")
    state = _read(path)
    for prefix in _PREFIXES:
        if all(key.startswith(prefix) for key in state):
            state = {key.removeprefix(prefix): value for key, value in state.items()}
    return state


def _read(path: Path) -> dict[str, StoredTensor]:
    if path.suffix == ".pkl":
        return _contained(read_pickle(path), path.name)
    try:
        if path.suffix == ".safetensors":
            return read_safetensors(path)[0]
        with path.open("rb") as file:
            return read_torch_file(_only_member(file), _CONTAINERS)
    except (TensorFileError, OSError) as error:
        raise WeightsDamaged(f"{path.name} is no weights file: {error}") from None


def _only_member(file: BinaryIO) -> BinaryIO:
    """The file itself, or what is packed in it: releases of 2020 put one PyTorch file into a plain zip."""
    if not zipfile.is_zipfile(file):
        return file
    try:
        with zipfile.ZipFile(file) as archive:
            members = [one for one in archive.infolist() if not one.is_dir()]
            if any(one.filename.endswith("data.pkl") for one in members):  # PyTorch's own format
                return file
            if len(members) != 1:
                raise TensorFileError(f"it is a zip of {len(members)} files, not of one weights file")
            most = min(_LARGEST_MEMBER, _LARGEST_RATIO * file.seek(0, io.SEEK_END))
            if members[0].file_size > most:
                raise TensorFileError(f"{members[0].file_size} bytes are packed in it; the most is {most}")
            return io.BytesIO(archive.read(members[0]))
    except (TensorFileError, OSError, MemoryError):
        raise
    except Exception as error:  # a damaged zip raises whatever its fields run into
        raise TensorFileError(f"it is a damaged zip: {error}") from None


def _contained(value: Any, name: str) -> dict[str, StoredTensor]:
    """The arrays of a pickle."""
    for key in _CONTAINERS:
        if isinstance(value, dict) and isinstance(value.get(key), dict):
            value = value[key]
    if not isinstance(value, dict):
        raise WeightsDamaged(f"{name} holds a {type(value).__name__}, not tensors by name")
    strange = tuple(str(key) for key, one in value.items() if not isinstance(key, str) or not _is_plain(one))
    if strange or not value:
        raise WeightsDamaged(f"{name} holds things that are no tensors: {listed(strange) or 'nothing at all'}")
    return {key: StoredTensor(one.dtype.name, np.array(one, one.dtype.newbyteorder("="))) for key, one in value.items()}


def _is_plain(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.name in DTYPES


def _tensor(stored: StoredTensor) -> Tensor:
    tensor = torch.from_numpy(stored.array)
    return tensor.view(torch.bfloat16) if stored.dtype == "bfloat16" else tensor
