"""Reads a pickle of numpy arrays, as the DensePose model zoo has it, without running anything that is in it.

The contract that must not break: only stand-ins of our own are built, and only for arrays, numbers and ordered
dictionaries; any other global in the file is refused by name.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from preprocess.weights.errors import WeightsDamaged

Array = npt.NDArray[Any]
_KINDS = "fiub"
_MULTIARRAY = ("numpy.core.multiarray", "numpy._core.multiarray")
_NUMERIC = ("numpy.core.numeric", "numpy._core.numeric")


class _Dtype:
    """Stands for numpy.dtype while unpickling: plain numbers only, no objects, records or subclasses."""

    def __init__(self, name: Any, align: Any = False, copy: Any = False) -> None:
        if not isinstance(name, str):
            raise WeightsDamaged(f"a data type that is no name: {name!r}")
        self.dtype = np.dtype(name)
        if self.dtype.kind not in _KINDS or self.dtype.hasobject:
            raise WeightsDamaged(f"arrays of {name!r} are not numbers")

    def __setstate__(self, state: Any) -> None:
        order = state[1] if isinstance(state, tuple) and len(state) > 1 else "|"
        if order in ("<", ">"):
            self.dtype = self.dtype.newbyteorder(">" if order == ">" else "<")


class _Array:
    """Stands for numpy.ndarray while unpickling; `array` is the checked, read-only result."""

    array: Array

    def __setstate__(self, state: Any) -> None:
        try:
            _version, shape, dtype, fortran, data = state
        except (TypeError, ValueError):
            raise WeightsDamaged("an array without the five parts of its state") from None
        self.array = _make(dtype, shape, "F" if fortran else "C", data)


def _make(dtype: Any, shape: Any, order: str, data: Any) -> Array:
    if not isinstance(dtype, _Dtype) or not isinstance(shape, tuple):
        raise WeightsDamaged("an array without a plain type and shape")
    if isinstance(data, str):  # written by Python 2
        data = data.encode("latin1")
    if not isinstance(data, (bytes, bytearray)):
        raise WeightsDamaged(f"an array whose values are a {type(data).__name__}")
    try:
        return np.frombuffer(data, dtype.dtype).reshape(shape, order="F" if order == "F" else "C")
    except (TypeError, ValueError) as error:
        raise WeightsDamaged(f"an array that does not fit its shape: {error}") from None


def _reconstruct(_kind: Any, _shape: Any, _type: Any) -> _Array:
    return _Array()


def _from_buffer(data: Any, dtype: Any, shape: Any, order: Any) -> _Array:
    made = _Array()
    made.array = _make(dtype, shape, str(order), data)
    return made


def _scalar(dtype: Any, data: Any = b"") -> Any:
    return _make(dtype, (), "C", data)[()]


def _latin1(text: Any, encoding: Any = "latin1") -> bytes:
    """`_codecs.encode`, which protocol 2 writes bytes with."""
    if not isinstance(text, str) or encoding != "latin1":
        raise WeightsDamaged("bytes in an encoding other than latin1")
    return text.encode("latin1")


_STAND_INS: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): _latin1,
    ("collections", "OrderedDict"): OrderedDict,
    **{(module, "_reconstruct"): _reconstruct for module in _MULTIARRAY},
    **{(module, "scalar"): _scalar for module in _MULTIARRAY},
    **{(module, "_frombuffer"): _from_buffer for module in _NUMERIC},
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _STAND_INS:
            raise WeightsDamaged(f"it holds {module}.{name}; only numpy arrays are read from a pickle")
        return _STAND_INS[module, name]


def _unwrapped(value: Any) -> Any:
    if isinstance(value, _Array):
        return value.array
    if isinstance(value, dict):
        return {key: _unwrapped(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_unwrapped(one) for one in value]
    return value


def read_arrays(file: BinaryIO) -> Any:
    """What a pickle holds: dictionaries, lists, texts and numbers as they are, arrays read-only.

    Raises WeightsDamaged for a file that is no pickle or that holds anything but arrays and plain values.
    """
    try:
        return _unwrapped(_Unpickler(file, encoding="latin1").load())
    except WeightsDamaged:
        raise
    except Exception as error:  # a damaged pickle raises whatever its opcodes run into
        raise WeightsDamaged(f"no readable pickle: {type(error).__name__}: {error}") from None


def read_pickle(path: Path) -> Any:
    """As `read_arrays`, with the file's name in the message."""
    with path.open("rb") as file:
        try:
            return read_arrays(file)
        except WeightsDamaged as error:
            raise WeightsDamaged(f"{path.name}: {error}") from None
