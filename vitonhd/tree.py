"""The VITON-HD folder tree: `ROOT/<split>/<folder>/<stem><ending>` and the pair files beside the splits.

The contract that must not break: a path is only ever made of names that this package checked, and a file in the tree
is whole.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from vitonhd.atomic import write_atomic
from vitonhd.errors import FormatError
from vitonhd.folders import FOLDERS, PARTS, REQUIRED, Folder
from vitonhd.item import Item, decode_part, encode_part
from vitonhd.names import check_stem
from vitonhd.openpose_json import PoseFile
from vitonhd.pair_files import Pair, format_pairs, parse_pairs

SIZE = (768, 1024)
SPLITS = ("train", "test")
PAIR_FILES = {"train": "train_pairs.txt", "test": "test_pairs.txt", "test_unpaired": "test_pairs_unpaired.txt"}
MAX_FILE = 64 << 20


class Tree:
    """A data set in a folder; `size` is (width, height) of every picture. Nothing is read until asked for."""

    def __init__(self, root: Path | str, *, size: tuple[int, int] = SIZE) -> None:
        self.root = Path(root)
        self.size = size

    def splits(self) -> list[str]:
        """The splits that are there."""
        return [split for split in SPLITS if (self.root / split).is_dir()]

    def folder(self, split: str, part: str) -> Path:
        """The folder of a part, e.g. `ROOT/test/cloth-mask` for `cloth_mask`. Raises FormatError for other names."""
        return self.root / _split(split) / _folder(part).name

    def path(self, split: str, part: str, stem: str) -> Path:
        """A part's file, there or not. Raises FormatError `bad-name`, `no-such-split`, `no-such-part`."""
        return self.folder(split, part) / f"{check_stem(stem)}{_folder(part).ending}"

    def stems(self, split: str, part: str = "image") -> list[str]:
        """Sorted stems of the files in a part's folder; files with other names or endings are not listed."""
        return sorted(stem for stem, _ in self.entries(split, part) if stem is not None)

    def entries(self, split: str, part: str) -> Iterator[tuple[str | None, str]]:
        """Every visible entry of a part's folder with its stem, None for a name that does not belong there.

        Nothing for a folder that is not there; raises FormatError `unreadable-folder` for one that can't be listed.
        """
        folder = self.folder(split, part)
        if not folder.is_dir():
            return
        try:
            names = [entry.name for entry in folder.iterdir()]
        except OSError as error:
            raise FormatError("unreadable-folder", f"{folder}: {error.strerror}") from None
        for name in names:
            if not name.startswith("."):
                yield _stem(name, _folder(part)), name

    def read_bytes(self, split: str, part: str, stem: str) -> bytes:
        """A part's file as it is. Raises FormatError `no-file`, `file-too-large`, `unreadable-file`."""
        return read_regular(self.path(split, part, stem))

    def read(self, split: str, stem: str, parts: Iterable[str] | None = None) -> Item:
        """An item's parts as typed arrays: those named, or all that a complete set has.

        Raises FormatError as `read_bytes` and the decoders, the path in its detail.
        """
        item = Item(check_stem(stem))
        for part in (folder.part for folder in REQUIRED) if parts is None else parts:
            data = self.read_bytes(split, part, stem)
            try:
                setattr(item, part, decode_part(_folder(part), data, size=self.size))
            except FormatError as error:
                raise FormatError(error.reason, f"{self.path(split, part, stem)}: {error.detail}") from None
        return item

    def write(self, split: str, item: Item) -> None:
        """Encode and write the item's parts, replacing files of the same name; each file atomically.

        Raises FormatError before anything is written if a part does not fit its folder or the tree's size.
        """
        shape = (self.size[1], self.size[0])
        encoded: list[tuple[Path, bytes]] = []
        for folder, content in item.parts():
            if not isinstance(content, PoseFile) and content.shape[:2] != shape:
                raise FormatError("wrong-size", f"{item.stem} {folder.part}: {content.shape[:2]}, expected {shape}")
            encoded.append((self.path(split, folder.part, item.stem), encode_part(folder, content)))
        for path, data in encoded:
            write_atomic(path, data)

    def put(self, split: str, part: str, stem: str, data: bytes) -> Path:
        """Write a part's bytes unchanged, for what is only copied; returns the path."""
        path = self.path(split, part, stem)
        write_atomic(path, data)
        return path

    def pairs(self, name: str) -> list[Pair]:
        """The pairs of `train`, `test` or `test_unpaired`. Raises FormatError for the first bad line."""
        pairs: list[Pair] = []
        for number, entry in parse_pairs(self.read_pairs(name)):
            if isinstance(entry, FormatError):
                raise FormatError(entry.reason, f"{self.pair_file(name)}, line {number}: {entry.detail}")
            pairs.append(entry)
        return pairs

    def pair_file(self, name: str) -> Path:
        """Where the pairs of `train`, `test` or `test_unpaired` are. Raises FormatError `no-such-pairs`."""
        if name not in PAIR_FILES:
            raise FormatError("no-such-pairs", f"{name!r}; there are {', '.join(PAIR_FILES)}")
        return self.root / PAIR_FILES[name]

    def read_pairs(self, name: str) -> bytes:
        """A pair file's bytes. Raises FormatError as `read_bytes`."""
        return read_regular(self.pair_file(name))

    def write_pairs(self, name: str, pairs: Iterable[Pair]) -> None:
        """Write a pair file, atomically. Raises FormatError `bad-name`."""
        write_atomic(self.pair_file(name), format_pairs(pairs))


def read_regular(path: Path) -> bytes:
    """A file's bytes; a pipe or device in someone's tree must not block the reader.

    Raises FormatError `no-file`, `file-too-large`, `unreadable-file`.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise FormatError("unreadable-file", f"{path}: not a regular file")
        if found.st_size > MAX_FILE:
            raise FormatError("file-too-large", f"{path}: {found.st_size} bytes, the limit is {MAX_FILE}")
        return path.read_bytes()
    except FileNotFoundError:
        raise FormatError("no-file", str(path)) from None
    except OSError as error:
        raise FormatError("unreadable-file", f"{path}: {error.strerror}") from None


def _split(split: str) -> str:
    if split not in SPLITS:
        raise FormatError("no-such-split", f"{split!r}; there are {', '.join(SPLITS)}")
    return split


def _folder(part: str) -> Folder:
    if part not in PARTS:
        raise FormatError("no-such-part", f"{part!r}; there are {', '.join(folder.part for folder in FOLDERS)}")
    return PARTS[part]


def _stem(name: str, folder: Folder) -> str | None:
    if not name.endswith(folder.ending):
        return None
    try:
        return check_stem(name.removesuffix(folder.ending))
    except FormatError:
        return None
