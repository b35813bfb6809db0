"""What is not there: folders, files of items, and what pair files name.

The contract that must not break: each cause is one finding: a missing folder is not one per item, an item without a
photo not one per condition.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from vitonhd.errors import FormatError
from vitonhd.folders import FOLDERS, PARTS, REQUIRED
from vitonhd.pair_files import Pair, parse_pairs
from vitonhd.sources import Source
from vitonhd.tree import PAIR_FILES
from vitonhd.validation.findings import Finding, path_of

Present = Mapping[str, int]
"""Which parts an item has, by stem: bit i for FOLDERS[i]."""

_BITS = {folder.part: 1 << number for number, folder in enumerate(FOLDERS)}
_GARMENT = sum(_BITS[folder.part] for folder in FOLDERS if folder.garment)


def bits_of(parts: frozenset[str]) -> int:
    return sum(_BITS[part] for part in parts)


def has(bits: int, part: str) -> bool:
    return bool(bits & _BITS[part])


def folder_gaps(split: str, present: Present, unlisted: frozenset[str]) -> Iterator[Finding]:
    """Folders that no item has a file in, then the files that items lack in the others.

    `unlisted` are folders that could not be listed: they have their own finding.
    """
    anywhere = 0
    for bits in present.values():
        anywhere |= bits
    there = [folder for folder in REQUIRED if anywhere & _BITS[folder.part]]
    for folder in REQUIRED:
        where = f"{split}/{folder.name}"
        if folder not in there and where not in unlisted:
            yield Finding("no-folder", where, "no item has a file in it")
    for stem, bits in present.items():
        person = bits & ~_GARMENT
        if person and not has(bits, "image") and PARTS["image"] in there:
            found = [folder.name for folder in FOLDERS if has(bits, folder.part)]
            yield Finding("no-photo", path_of(split, "image", stem), f"only in {', '.join(found)}")
            continue
        for folder in there:
            if not has(bits, folder.part) and (folder.garment or person):
                yield Finding("no-file", path_of(split, folder.part, stem))


def pair_gaps(source: Source, split: str, present: Present) -> Iterator[Finding]:
    """What is wrong with a split's pair files; an unpaired copy that is not there is no finding."""
    for name in (name for name in PAIR_FILES if name.split("_")[0] == split):
        where = PAIR_FILES[name]
        try:
            data = source.pair_file(name)
        except FormatError as error:
            if name == split:
                code = "no-pair-file" if error.reason == "no-file" else error.reason
                yield Finding(code, where, "" if code == "no-pair-file" else error.detail)
            continue
        seen: dict[Pair, int] = {}
        for number, pair in parse_pairs(data):
            if isinstance(pair, FormatError):
                yield Finding.of(pair, f"{where}:{number}")
                continue
            yield from _pair_findings(name, f"{where}:{number}", pair, present, seen.get(pair))
            seen.setdefault(pair, number)
        if name == split:
            paired = {pair.person for pair in seen}
            for stem, bits in present.items():
                if has(bits, "image") and stem not in paired:
                    yield Finding("item-without-pair", path_of(split, "image", stem), f"{where} does not name it")


def _pair_findings(name: str, where: str, pair: Pair, present: Present, earlier: int | None) -> Iterator[Finding]:
    if not has(present.get(pair.person, 0), "image"):
        yield Finding("no-person", where, pair.person)
    if not has(present.get(pair.cloth, 0), "cloth"):
        yield Finding("no-cloth", where, pair.cloth)
    if earlier is not None:
        yield Finding("duplicate-pair", where, f"as line {earlier}")
    if name == "test_unpaired" and pair.person == pair.cloth:
        yield Finding("unpaired-is-paired", where, f"{pair.person} in the own garment")
