"""What `torch.save` wrote, read without PyTorch and without trust: tensors by name from the zip and the older format.

The contract that must not break: nothing in a file runs, as only stand-ins for tensors and ordered dictionaries can be
built; memory is taken for bytes that the file has, not for sizes that it names; tensors are dense and share nothing.

PyTorch's own `weights_only` reading takes sizes, strides and shared or packed storages as the file states them.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Any, BinaryIO, ClassVar

import numpy as np
import numpy.typing as npt

from vitonhd.mismatch import listed
from vitonhd.stored_tensors import DTYPES, StoredTensor, TensorFileError, are_sizes

_INDEX = "/data.pkl"
_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
_STORAGES = {
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
}
# What PyTorch and Python 2 write state dictionaries with; others can name sizes that the file doesn't have.
_OPCODES = [
    *("PROTO", "STOP", "MARK", "NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"),
    *("BINUNICODE", "SHORT_BINSTRING", "BINSTRING", "EMPTY_DICT", "EMPTY_LIST", "EMPTY_TUPLE", "TUPLE", "TUPLE1"),
    *("TUPLE2", "TUPLE3", "APPEND", "APPENDS", "SETITEM", "SETITEMS", "BINPUT", "LONG_BINPUT", "BINGET"),
    *("LONG_BINGET", "GLOBAL", "REDUCE", "BUILD", "BINPERSID"),
]

State = dict[str, StoredTensor]


@dataclass(frozen=True)
class _Storage:
    """Stands for a storage while unpickling."""

    key: str
    dtype: str
    count: int

    @property
    def itemsize(self) -> int:
        return np.dtype(DTYPES[self.dtype]).itemsize

    @property
    def size(self) -> int:
        return self.count * self.itemsize


@dataclass(frozen=True)
class _Tensor:
    """Stands for a tensor while unpickling; its numbers count elements."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def end(self) -> int:
        return self.offset + prod(self.shape)

    def fault(self) -> str | None:
        """Why it is no dense part of its storage."""
        if not are_sizes([self.offset, *self.shape, *self.strides]) or len(self.shape) != len(self.strides):
            return f"has the shape {self.shape} and the strides {self.strides}"
        dense = 1
        for stride, side in sorted(zip(self.strides, self.shape, strict=True)):
            if side != 1 and stride != dense:
                return f"is not dense: shape {self.shape}, strides {self.strides}"
            dense *= side
        if self.end > self.storage.count:
            return f"ends at {self.end} of a storage of {self.storage.count}"
        return None

    def of(self, data: bytes) -> StoredTensor:
        """A copy in the order of its shape, as native numbers."""
        size = self.storage.itemsize
        strides = [size * stride for stride in self.strides]
        view: npt.NDArray[Any] = np.ndarray(self.shape, DTYPES[self.storage.dtype], data, size * self.offset, strides)
        return StoredTensor(self.storage.dtype, np.array(view, order="C"))


ReadStorage = Callable[[_Storage], bytes]


def read_torch_file(file: BinaryIO, containers: Sequence[str] = ()) -> State:
    """A file's tensors by name, out of the dictionaries of these names that they may lie in.

    Raises TensorFileError for anything else than a dictionary of tensors, and OSError.
    """
    try:
        return _read_zip(file, containers) if zipfile.is_zipfile(file) else _read_old(file, containers)
    except (TensorFileError, OSError, MemoryError):
        raise
    except Exception as error:  # a damaged zip or pickle raises whatever its fields run into
        reason = (str(error).splitlines() or [""])[0][:200]
        raise TensorFileError(f"it is no PyTorch file: {type(error).__name__}: {reason}") from None


def _read_zip(file: BinaryIO, containers: Sequence[str]) -> State:
    with zipfile.ZipFile(file) as archive:
        members = _members(archive, file.seek(0, io.SEEK_END))
        indices = [name for name in members if name.endswith(_INDEX) and name.count("/") == 1]
        if len(indices) != 1:
            raise TensorFileError(f"it is a zip with {len(indices)} indices of tensors")
        folder = indices[0].removesuffix(_INDEX)
        order = members.get(f"{folder}/byteorder")
        if order is not None and archive.read(order) != b"little":
            raise TensorFileError("its numbers have their bytes in another order")

        def read(storage: _Storage) -> bytes:
            member = members.get(f"{folder}/data/{storage.key}")
            _check_size(storage, 0 if member is None else member.file_size)
            return b"" if member is None else archive.read(member)  # raises where the checksum is another

        unpickler = _Unpickler(io.BytesIO(archive.read(indices[0])))
        return _read_all(_chosen(unpickler.load(), containers), read)


def _members(archive: zipfile.ZipFile, size: int) -> dict[str, zipfile.ZipInfo]:
    """By name. What `torch.save` writes is never packed, so never larger inside than outside."""
    members: dict[str, zipfile.ZipInfo] = {}
    for member in archive.infolist():
        if member.compress_type != zipfile.ZIP_STORED or member.compress_size != member.file_size:
            raise TensorFileError(f"{member.filename} in it is packed, which PyTorch does not do")
        if member.filename in members:
            raise TensorFileError(f"{member.filename} is in it twice")
        members[member.filename] = member
    whole = sum(member.file_size for member in members.values())
    if whole > size:
        raise TensorFileError(f"its parts should have {whole} bytes, the file has {size}")
    return members


def _read_old(file: BinaryIO, containers: Sequence[str]) -> State:
    file.seek(0)
    content = io.BytesIO(file.read())
    if [_Unpickler(content).load() for _ in range(2)] != [_MAGIC, _PROTOCOL]:
        raise TensorFileError("it is no PyTorch file")
    system = _Unpickler(content).load()
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise TensorFileError("its numbers have their bytes in another order")
    unpickler = _Unpickler(content)
    chosen = _chosen(unpickler.load(), containers)
    storages: dict[str, bytes] = {}
    for key in _Unpickler(content).load():
        storage = unpickler.storages[key]
        if int.from_bytes(content.read(8), "little") != storage.count:
            raise TensorFileError(f"storage {key} should have {storage.count} numbers")
        storages[key] = content.read(storage.size)
        _check_size(storage, len(storages[key]))
    return _read_all(chosen, lambda storage: storages[storage.key])


def _check_size(storage: _Storage, found: int) -> None:
    if found != storage.size:
        raise TensorFileError(f"storage {storage.key} should have {storage.size} bytes, there are {found}")


def _chosen(value: Any, containers: Sequence[str]) -> dict[str, _Tensor]:
    for key in containers:
        if isinstance(value, dict) and isinstance(value.get(key), dict):
            value = value[key]
    if not isinstance(value, dict):
        raise TensorFileError(f"it holds a {type(value).__name__}, not tensors by name")
    strange = tuple(str(key) for key, one in value.items() if not isinstance(key, str) or not isinstance(one, _Tensor))
    if strange or not value:
        raise TensorFileError(f"it holds things that are no tensors: {listed(strange) or 'nothing at all'}")
    return value


def _read_all(tensors: Mapping[str, _Tensor], read: ReadStorage) -> State:
    """Storage by storage, so that no more than one is here twice."""
    of_storage: defaultdict[_Storage, list[tuple[int, int, str]]] = defaultdict(list)
    for name, tensor in tensors.items():
        if fault := tensor.fault():
            raise TensorFileError(f"{name} {fault}")
        of_storage[tensor.storage].append((tensor.offset, tensor.end, name))
    made: State = {}
    for storage, places in of_storage.items():
        for (_, end, name), (start, _, other) in pairwise(sorted(places)):
            if start < end:
                raise TensorFileError(f"{name} and {other} share memory")
        data = read(storage)
        made |= {name: tensors[name].of(data) for _, _, name in places}
    return {name: made[name] for name in tensors}


class _Names(dict[Any, Any]):
    """Stands for OrderedDict, whose attributes (PyTorch's versions of modules) are of no use here."""


class _Unpickler(pickle._Unpickler):
    """The pure one: it takes memory for what it has read only."""

    dispatch: ClassVar[Any] = {
        code[0]: pickle._Unpickler.dispatch[code[0]] for code in (getattr(pickle, name) for name in _OPCODES)
    }

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file, encoding="utf-8")
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in _STORAGES:
            return name
        if (module, name) not in _STAND_INS:
            raise TensorFileError(f"it holds {module}.{name}; only plain tensors are read")
        return _STAND_INS[module, name]

    def persistent_load(self, pid: Any) -> _Storage:
        kind, name, key, _device, count, *view = pid
        if kind != "storage" or not isinstance(key, str) or not are_sizes([count]) or view not in ([], [None]):
            raise TensorFileError(f"it has a storage that can't be read: {str(pid)[:200]}")
        storage = _Storage(key, _STORAGES[name], count)
        if self.storages.setdefault(key, storage) != storage:
            raise TensorFileError(f"storage {key} is of two kinds")
        return storage

    def load_build(self) -> None:
        self.stack.pop()  # type: ignore[attr-defined]
        if not isinstance(self.stack[-1], _Names):  # type: ignore[attr-defined]
            raise TensorFileError("it sets attributes of things that have none")

    dispatch[pickle.BUILD[0]] = load_build


def _rebuilt(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> _Tensor:
    if not isinstance(storage, _Storage) or not isinstance(shape, tuple) or not isinstance(strides, tuple):
        raise TensorFileError("it has a tensor without storage, shape or strides")
    return _Tensor(storage, offset, shape, strides)


def _parameter(tensor: Any, *_: Any) -> Any:
    return tensor


_STAND_INS: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): _Names,
    ("torch._utils", "_rebuild_tensor"): _rebuilt,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuilt,
    ("torch._utils", "_rebuild_parameter"): _parameter,
}
