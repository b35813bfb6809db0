"""The content-addressed blob store: every picture and condition is a file named by its SHA-256.

The contract that must not break: a name never appears before its bytes are complete, and never changes its bytes.
"""

from __future__ import annotations

import hashlib
import io
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import fsspec
from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from db.errors import BlobCorrupt, BlobMissing

_PARTIAL = ".partial-"


def sha256_hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _is_there(path: str, size: int) -> bool:
    """Whether the blob is there in its full length; a file that the system cut short is written anew."""
    try:
        return Path(path).stat().st_size == size
    except FileNotFoundError:
        return False


def _sync_folder(folder: Path) -> None:
    """Make the new name in the folder outlast a power cut, as the bytes do."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_all(file: io.FileIO, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


class BlobStore:
    """Blobs under a folder or a URL that fsspec knows (`s3://bucket/prefix`); made from its URL, so it pickles.

    Blobs lie at `ab/cd/<sha256>`. On a local folder `put` writes a temporary name, fsyncs and renames; on an object
    store one PUT is atomic by itself.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._fs: AbstractFileSystem
        self._fs, root = fsspec.url_to_fs(url)
        self._root = str(root).rstrip("/")
        self._local = isinstance(self._fs, LocalFileSystem)

    def __reduce__(self) -> tuple[type[BlobStore], tuple[str]]:
        return BlobStore, (self.url,)

    def path(self, sha256: str) -> str:
        """Where the blob lies; raises ValueError for anything that is not a lower-case SHA-256 in hex."""
        if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
            raise ValueError(f"not a SHA-256: {sha256!r}")
        return f"{self._root}/{sha256[:2]}/{sha256[2:4]}/{sha256}"

    def put(self, data: bytes) -> str:
        """Store the bytes and return their SHA-256; storing what is there already writes nothing."""
        sha256 = sha256_hex(data)
        path = self.path(sha256)
        if self._local:
            if not _is_there(path, len(data)):
                self._put_local(Path(path), data)
        elif not self._fs.exists(path):
            self._fs.pipe_file(path, data)
        return sha256

    @staticmethod
    def _put_local(path: Path, data: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{_PARTIAL}{uuid.uuid4().hex}")
        try:
            with partial.open("xb", buffering=0) as file:
                _write_all(file, data)
                os.fsync(file.fileno())
            partial.replace(path)
            _sync_folder(path.parent)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise

    def get(self, sha256: str, *, verify: bool = False) -> bytes:
        """The blob's bytes. Raises BlobMissing; with `verify` also BlobCorrupt when they don't hash to the name."""
        path = self.path(sha256)
        try:
            data: bytes = self._fs.cat_file(path)
        except FileNotFoundError:
            raise BlobMissing(f"no blob {sha256} in {self.url}") from None
        if verify and sha256_hex(data) != sha256:
            raise BlobCorrupt(f"{path}: {len(data)} bytes hash to {sha256_hex(data)}, not to the blob's name")
        return data

    def exists(self, sha256: str) -> bool:
        return bool(self._fs.exists(self.path(sha256)))

    def __iter__(self) -> Iterator[str]:
        """Names of all blobs, for audits: lists the store two levels at a time, in no promised order."""
        if not self._fs.exists(self._root):
            return
        for outer in self._folders(self._root):
            for inner in self._folders(outer):
                for entry in self._fs.ls(inner, detail=False):
                    name = str(entry).rsplit("/", 1)[-1]
                    if not name.startswith(_PARTIAL):
                        yield name

    def _folders(self, path: str) -> list[str]:
        return [str(entry["name"]) for entry in self._fs.ls(path, detail=True) if entry["type"] == "directory"]
