"""Training examples: where they lie, and each as arrays of one size.

The contract that must not break: pixels are resized as inference resizes them (Pillow: bilinear for pictures, nearest
for labels and masks), and an example that can't be read is named, never replaced.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from finetune.errors import DataUnusable
from vitonhd.errors import FormatError
from vitonhd.folders import MEMBERS, PARTS, Kind
from vitonhd.garment_classes import GarmentClass
from vitonhd.item import decode_part
from vitonhd.names import check_ending, check_stem
from vitonhd.pictures import open_picture
from vitonhd.shards import MAX_MEMBER
from vitonhd.tree import Tree

Arrays = dict[str, npt.NDArray[np.uint8] | npt.NDArray[np.int16]]

FLOW = "flow"
"""A part beside the format's own: the studio's exact flow, int16 HxWx2 in 1/FLOW_UNIT of the packshot's half sides
from its middle (as `grid_sample` counts), NO_FLOW where nobody knows."""
FLOW_UNIT = 16384
NO_FLOW = -32768
_STORED_STEPS, _STORED_NONE = 32, 65535
DRAWN = "drawn.json"


class Store(Protocol):
    """The files of one data set."""

    def stems(self, split: str, parts: Sequence[str]) -> list[str]:
        """Sorted stems that have all of the parts."""
        ...

    def read_bytes(self, split: str, part: str, stem: str) -> bytes: ...

    def truth(self, split: str, stem: str) -> bytes | None:
        """The studio's exact truth (npz), where there is one."""
        ...


class TreeStore:
    """A VITON-HD tree."""

    def __init__(self, root: Path) -> None:
        self.tree = Tree(root)

    def stems(self, split: str, parts: Sequence[str]) -> list[str]:
        found = [set(self.tree.stems(split, part)) for part in parts]
        return sorted(set.intersection(*found)) if found else []

    def read_bytes(self, split: str, part: str, stem: str) -> bytes:
        return self.tree.read_bytes(split, part, stem)

    def truth(self, split: str, stem: str) -> bytes | None:
        path = self.tree.root / "truth" / split / f"{stem}.npz"
        return path.read_bytes() if path.is_file() else None


class ShardStore:
    """`<split>-NNNNNN.tar` shards in a folder, read member by member where they lie; a split may be in many."""

    def __init__(self, root: Path) -> None:
        self._members: dict[tuple[str, str, str], tuple[Path, int, int]] = {}
        for path in sorted(root.glob("*.tar")):
            self._index(path, path.stem.rsplit("-", 1)[0])

    def _index(self, path: Path, split: str) -> None:
        try:
            with tarfile.open(path, "r:") as tar:
                for member in tar:
                    stem, _, ending = member.name.partition(".")
                    check_stem(stem)
                    check_ending(ending)
                    if not member.isreg() or member.size > MAX_MEMBER:
                        raise FormatError("not-a-file", f"{member.name}: {member.size} bytes")
                    if ending in MEMBERS:
                        key = split, MEMBERS[ending].part, stem
                        self._members[key] = path, member.offset_data, member.size
        except (tarfile.TarError, FormatError) as error:
            raise DataUnusable(f"{path}: {error}") from None

    def stems(self, split: str, parts: Sequence[str]) -> list[str]:
        found = [{stem for one, held, stem in self._members if (one, held) == (split, part)} for part in parts]
        return sorted(set.intersection(*found)) if found else []

    def read_bytes(self, split: str, part: str, stem: str) -> bytes:
        path, offset, size = self._members[split, part, stem]
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(size)

    def truth(self, split: str, stem: str) -> bytes | None:
        return None


@dataclass(frozen=True)
class Source:
    """One data set of one garment class."""

    root: Path
    garment_class: GarmentClass

    def open(self) -> Store:
        return ShardStore(self.root) if any(self.root.glob("*.tar")) else TreeStore(self.root)


def find_sources(given: Sequence[str], default: GarmentClass | None = None) -> list[Source]:
    """Data sets from `PATH` or `CLASS=PATH`: a tree, a folder of shards, or a folder with one of them for each class.

    A tree's class is the one named, else that of its `drawn.json`, else its folder's name, else `default`. Raises
    DataUnusable.
    """
    sources = []
    for text in given:
        name, _, rest = text.partition("=")
        named = GarmentClass(name) if rest and name in list(GarmentClass) else None
        root = Path(rest if named else text)
        inner = [root / one for one in GarmentClass if (root / one).is_dir()]
        for folder in [root] if named or not inner else inner:
            garment_class = named or _class_of(folder) or default
            if not folder.is_dir():
                raise DataUnusable(f"{folder}: no such folder")
            if garment_class is None:
                raise DataUnusable(f"{folder}: whose garments? Write upper={folder}, lower=... or dress=...")
            sources.append(Source(folder, garment_class))
    if not sources:
        raise DataUnusable("no data set is named")
    return sources


def _class_of(folder: Path) -> GarmentClass | None:
    try:
        name = json.loads((folder / DRAWN).read_text())["class"]
    except (OSError, ValueError, KeyError, TypeError):
        name = folder.name
    return GarmentClass(name) if name in list(GarmentClass) else None


class Examples:
    """The examples of a split by class, in a fixed order; picklable, opened anew in each process that reads."""

    def __init__(
        self, sources: Sequence[Source], split: str, parts: Sequence[str], size: tuple[int, int], cache_bytes: int = 0
    ) -> None:
        """`size` is (height, width). Raises DataUnusable when no source has an example with all parts."""
        self.sources, self.split, self.parts, self.size = tuple(sources), split, tuple(parts), size
        self._cache: dict[tuple[int, str], Arrays] = {}
        self._room = cache_bytes
        self._stores: list[Store] = [source.open() for source in sources]
        wanted = [part for part in parts if part != FLOW]
        self.items: dict[GarmentClass, list[tuple[int, str]]] = {}
        for number, (source, store) in enumerate(zip(self.sources, self._stores, strict=True)):
            stems = [(number, stem) for stem in store.stems(split, wanted)]
            self.items.setdefault(source.garment_class, []).extend(stems)
        if not any(self.items.values()):
            roots = ", ".join(str(source.root) for source in sources)
            raise DataUnusable(f"{roots}: no item of the {split} split has all of {', '.join(wanted)}")

    def counts(self) -> dict[GarmentClass, int]:
        return {one: len(items) for one, items in self.items.items()}

    def name(self, garment_class: GarmentClass, index: int) -> str:
        number, stem = self.items[garment_class][index]
        return f"{self.sources[number].root.name}/{self.split}/{stem}"

    def read(self, garment_class: GarmentClass, index: int) -> Arrays:
        """An example's parts at `size`. Raises DataUnusable naming the file."""
        item = self.items[garment_class][index]
        if item in self._cache:
            return self._cache[item]
        number, stem = item
        try:
            arrays = {part: self._part(self._stores[number], part, stem) for part in self.parts}
        except FormatError as error:
            raise DataUnusable(f"{self.sources[number].root}: {self.split}/{stem}: {error}") from None
        needed = sum(array.nbytes for array in arrays.values())
        if needed <= self._room:
            self._room -= needed
            self._cache[item] = arrays
        return arrays

    def _part(self, store: Store, part: str, stem: str) -> npt.NDArray[np.uint8] | npt.NDArray[np.int16]:
        if part == FLOW:
            return _flow(store.truth(self.split, stem), self.size)
        data = store.read_bytes(self.split, part, stem)
        if PARTS[part].kind is Kind.POSE:
            raise FormatError("no-such-part", f"{part} is no picture")
        content = decode_part(PARTS[part], data, size=open_picture(data).size)
        assert isinstance(content, np.ndarray)
        nearest = content.ndim == 2
        return resized(content.astype(np.uint8), self.size, nearest=nearest)


def resized(pixels: npt.NDArray[np.uint8], size: tuple[int, int], *, nearest: bool) -> npt.NDArray[np.uint8]:
    """HxW or HxWx3 at `size` (height, width), as conditions are resized for inference."""
    if pixels.shape[:2] == size:
        return np.ascontiguousarray(pixels)
    method = Image.Resampling.NEAREST if nearest else Image.Resampling.BILINEAR
    return np.array(Image.fromarray(pixels).resize((size[1], size[0]), method))


def _flow(data: bytes | None, size: tuple[int, int]) -> npt.NDArray[np.int16]:
    """HxWx2 from the studio's npz; nothing is known without one."""
    if data is None:
        return np.full((*size, 2), NO_FLOW, np.int16)
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as truth:
            stored = truth["flow"]
        height, width = stored.shape[:2]
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise FormatError("unreadable-truth", str(error)) from None
    rows, columns = ((np.arange(new) * old) // new for new, old in zip(size, (height, width), strict=True))
    picked = stored[rows[:, None], columns[None]]
    places = picked.astype(np.float32) / _STORED_STEPS
    coordinates = (2 * places + 1) / np.array([width, height], np.float32) - 1
    coded = np.clip(np.rint(coordinates * FLOW_UNIT), NO_FLOW + 1, -NO_FLOW - 1)
    return np.where(picked == _STORED_NONE, NO_FLOW, coded).astype(np.int16)


def fingerprint(examples: Examples) -> Mapping[str, object]:
    """What examples there are, wherever they lie: a run goes on only with the same."""
    return {one.value: [f"{number}/{stem}" for number, stem in items] for one, items in sorted(examples.items.items())}
