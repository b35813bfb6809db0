"""Tensors as files hold them, and safetensors files, read without PyTorch and without trust.

The contract that must not break: a file's own words on shapes and places are checked against its size before memory is
taken for them, and whatever is wrong with a file is a `TensorFileError`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

DTYPES = {
    "float64": "<f8",
    "float32": "<f4",
    "float16": "<f2",
    "bfloat16": "<u2",
    "int64": "<i8",
    "int32": "<i4",
    "int16": "<i2",
    "int8": "|i1",
    "uint8": "|u1",
}
"""What tensors may be of, and the numpy type of their bits."""
_SAFETENSORS = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U8": "uint8",
}
_METADATA = "__metadata__"
_LARGEST_HEADER = 4 << 20
_BFLOAT16_EXPONENT = 0x7F80


class TensorFileError(ValueError):
    """A file is not plain tensors by name, whole and each with memory of its own."""


@dataclass(frozen=True)
class StoredTensor:
    """One tensor, dense and with memory of its own."""

    dtype: str
    """A name of `DTYPES`."""
    array: npt.NDArray[Any]
    """Its values; bfloat16 as the uint16 of its bits."""

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    def is_finite(self) -> bool:
        """As float32, which is what networks compute in: a float64 beyond it is infinite."""
        if self.dtype == "bfloat16":
            return not bool(((self.array & _BFLOAT16_EXPONENT) == _BFLOAT16_EXPONENT).any())
        with np.errstate(over="ignore"):
            return bool(np.isfinite(self.array.astype(np.float32, copy=False)).all())

    def is_negative(self) -> bool:
        """Some value is under zero."""
        bits = self.array.view(np.int16) if self.dtype == "bfloat16" else self.array
        return bool((bits < 0).any())


def unsound(state: Mapping[str, StoredTensor]) -> tuple[str, ...]:
    """The names whose numbers no trained network has, each with what is wrong."""
    found = []
    for name, tensor in state.items():
        if not tensor.is_finite():
            found.append(f"{name}: numbers that aren't finite")
        elif name.endswith("running_var") and tensor.is_negative():
            found.append(f"{name}: a variance under zero")
    return tuple(found)


def read_safetensors(path: Path) -> tuple[dict[str, StoredTensor], dict[str, str]]:
    """A file's tensors and texts by name. Raises TensorFileError, OSError."""
    with path.open("rb") as file:
        header, size = _header(file, path.stat().st_size)
        metadata = header.pop(_METADATA, {})
        if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
            raise TensorFileError("its metadata is not texts by name")
        places = sorted((_Place.of(name, entry) for name, entry in header.items()), key=lambda place: place.start)
        end = 0
        for place in places:
            if place.start != end:
                raise TensorFileError(f"{place.name} begins at {place.start}, not where the one before ends, {end}")
            end = place.end
        if end != size:
            raise TensorFileError(f"its tensors have {end} bytes, the file {size}")
        return {place.name: place.read(file) for place in places}, metadata


def _header(file: BinaryIO, size: int) -> tuple[dict[str, Any], int]:
    """The names' entries, and the number of bytes after them."""
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > min(size - 8, _LARGEST_HEADER):
        raise TensorFileError(f"a header of {length} bytes in a file of {size}; the most is {_LARGEST_HEADER}")
    try:
        header = json.loads(file.read(length).decode(), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise TensorFileError(f"its header can't be read: {error}") from None
    if not isinstance(header, dict):
        raise TensorFileError(f"its header is a {type(header).__name__}")
    return header, size - 8 - length


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise TensorFileError("a name in its header is there twice")
    return found


@dataclass(frozen=True)
class _Place:
    """Where a tensor is among the bytes after the header."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int

    @classmethod
    def of(cls, name: str, entry: Any) -> _Place:
        try:
            kind, shape, (start, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
        except (TypeError, KeyError, ValueError):
            raise TensorFileError(f"{name} lacks its type, shape or place") from None
        if not isinstance(kind, str) or kind not in _SAFETENSORS:
            raise TensorFileError(f"{name} is of {kind!r}; read are {', '.join(_SAFETENSORS)}")
        if not isinstance(shape, list) or not are_sizes([*shape, start, end]):
            raise TensorFileError(f"{name} has the shape {shape} at {start} to {end}")
        dtype = _SAFETENSORS[kind]
        if prod(shape) * np.dtype(DTYPES[dtype]).itemsize != end - start:
            raise TensorFileError(f"{name} has the shape {shape} of {dtype} in {end - start} bytes")
        return cls(name, dtype, tuple(shape), start, end)

    def read(self, file: BinaryIO) -> StoredTensor:
        data = bytearray(self.end - self.start)
        if file.readinto(data) != len(data):  # type: ignore[attr-defined]
            raise TensorFileError(f"the file ends in {self.name}")
        return StoredTensor(self.dtype, np.frombuffer(data, DTYPES[self.dtype]).reshape(self.shape))


def are_sizes(values: list[Any] | tuple[Any, ...]) -> bool:
    """Whether all are whole numbers, not negative; True is no number."""
    return all(type(value) is int and value >= 0 for value in values)
