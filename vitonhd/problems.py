"""The structural check of a tree: what is missing or of the wrong form, named exactly.

The contract that must not break: it never raises for what it finds in a tree, foreign ones included, and reports each
cause once: a missing folder is one problem, not one per item.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from vitonhd.errors import FormatError
from vitonhd.folders import FOLDERS, PARTS, REQUIRED, Folder, Kind
from vitonhd.openpose_json import PoseFile
from vitonhd.pair_files import parse_pairs
from vitonhd.pictures import decode_labels, open_picture
from vitonhd.tree import PAIR_FILES, Tree


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong; `where` is a path below the root, `reason` a slug to count by."""

    where: str
    reason: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}" + (f" ({self.detail})" if self.detail else "")


def missing(tree: Tree, *, splits: Iterable[str] | None = None, pair_files: bool = True) -> list[Problem]:
    """Everything that is missing or of the wrong form, sorted by path; empty for a sound tree.

    Looks at the splits named (default: those there), at every file's header, and decodes labels and JSON; pixels of
    pictures are left to the full validator. `pair_files=False` is for loose items that come without pairs.
    """
    chosen = tree.splits() if splits is None else list(splits)
    if not chosen:
        return [Problem(".", "no-split", f"no folder train or test in {tree.root}")]
    problems = [problem for split in chosen for problem in _split_problems(tree, split)]
    if pair_files:
        problems += [problem for split in chosen for problem in _pair_problems(tree, split)]
    return sorted(problems)


def _split_problems(tree: Tree, split: str) -> Iterator[Problem]:
    stems: dict[str, set[str]] = {folder.part: set() for folder in FOLDERS}
    there: set[str] = set()
    for folder in FOLDERS:
        try:
            entries = list(tree.entries(split, folder.part))
        except FormatError as error:
            yield Problem(f"{split}/{folder.name}", error.reason, error.detail)
            continue
        if tree.folder(split, folder.part).is_dir():
            there.add(folder.part)
        elif folder.required:
            yield Problem(f"{split}/{folder.name}", "no-folder")
        for stem, name in entries:
            if stem is None:
                yield Problem(f"{split}/{folder.name}/{_printable(name)}", "foreign-file", f"not <stem>{folder.ending}")
            else:
                stems[folder.part].add(stem)
                yield from _file_problems(tree, split, folder, stem)
    yield from _gaps(split, stems, [folder for folder in REQUIRED if folder.part in there])


def _gaps(split: str, stems: dict[str, set[str]], folders: list[Folder]) -> Iterator[Problem]:
    """Items that lack a file in one of the folders; `stems` are those found, by part."""
    people = set[str]().union(*(stems[folder.part] for folder in FOLDERS if not folder.garment))
    garments = stems["cloth"] | stems["cloth_mask"]
    for stem in people | garments:
        if stem in people and stem not in stems["image"] and PARTS["image"] in folders:
            found = [folder.name for folder in FOLDERS if stem in stems[folder.part]]
            yield Problem(f"{split}/image/{stem}.jpg", "no-photo", f"only in {', '.join(found)}")
            continue
        for folder in folders:
            if stem not in stems[folder.part] and (folder.garment or stem in people):
                yield Problem(f"{split}/{folder.name}/{stem}{folder.ending}", "no-file")


def _file_problems(tree: Tree, split: str, folder: Folder, stem: str) -> Iterator[Problem]:
    where = f"{split}/{folder.name}/{stem}{folder.ending}"
    try:
        data = tree.read_bytes(split, folder.part, stem)
        if folder.kind is Kind.POSE:
            PoseFile.parse(data).person.check()
            return
        picture = open_picture(data)
        if picture.format != folder.format:
            yield Problem(where, "wrong-format", f"{picture.format}, expected {folder.format}")
        if picture.mode != folder.mode:
            yield Problem(where, "wrong-mode", f"{picture.mode}, expected {folder.mode}")
        if picture.size != tree.size:
            expected = f"{tree.size[0]}x{tree.size[1]}"
            yield Problem(where, "wrong-size", f"{picture.width}x{picture.height}, expected {expected}")
        if folder.kind is Kind.LABELS and picture.mode in ("P", "L"):
            decode_labels(data)
    except FormatError as error:
        yield Problem(where, error.reason, error.detail)


def _pair_problems(tree: Tree, split: str) -> Iterator[Problem]:
    for name in (name for name in PAIR_FILES if name.split("_")[0] == split):
        where = PAIR_FILES[name]
        try:
            data = tree.read_pairs(name)
        except FormatError as error:
            if name == split:  # test_pairs_unpaired.txt is a copy that official sets lack
                yield Problem(where, "no-pair-file" if error.reason == "no-file" else error.reason)
            continue
        people, clothes = (_stems(tree, split, part) for part in ("image", "cloth"))
        for number, pair in parse_pairs(data):
            if isinstance(pair, FormatError):
                yield Problem(f"{where}:{number}", pair.reason, pair.detail)
                continue
            if pair.person not in people:
                yield Problem(f"{where}:{number}", "no-person", pair.person)
            if pair.cloth not in clothes:
                yield Problem(f"{where}:{number}", "no-cloth", pair.cloth)


def _stems(tree: Tree, split: str, part: str) -> set[str]:
    """A part's stems; none where the folder can't be listed, which is a problem of its own."""
    try:
        return set(tree.stems(split, part))
    except FormatError:
        return set()


def _printable(name: str) -> str:
    return name[:80].encode("ascii", "backslashreplace").decode()
