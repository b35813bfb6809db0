"""Pair files: one `person.jpg cloth.jpg` per line.

The contract that must not break: a pair's names are safe stems; files are written without blank lines, because
HR-VITON's loaders fail on one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from vitonhd.errors import FormatError
from vitonhd.names import check_stem

MAX_LINE = 1000


class Pair(NamedTuple):
    """Stems of a person and of the garment to be put on; both the same in a paired set."""

    person: str
    cloth: str


def parse_pair(line: str) -> Pair:
    """One line as a pair. Raises FormatError `bad-pair` or `bad-name`."""
    names = line.split() if len(line) <= MAX_LINE else []
    if len(names) != 2 or not all(name.endswith(".jpg") for name in names):
        raise FormatError("bad-pair", f"{line.strip()[:80]!r} is not `person.jpg cloth.jpg`")
    person, cloth = (check_stem(name.removesuffix(".jpg")) for name in names)
    return Pair(person, cloth)


def parse_pairs(data: bytes) -> Iterator[tuple[int, Pair | FormatError]]:
    """A file's lines, numbered from 1: each a pair or the error in it. Never raises; other encodings are errors too."""
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        try:
            yield number, parse_pair(line)
        except FormatError as error:
            yield number, error


def format_pairs(pairs: Iterable[Pair]) -> bytes:
    """The bytes of a pair file. Raises FormatError `bad-name`."""
    return "".join(f"{check_stem(pair.person)}.jpg {check_stem(pair.cloth)}.jpg\n" for pair in pairs).encode()
