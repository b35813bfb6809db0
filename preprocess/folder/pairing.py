"""Which person is to wear which garment: all of them, or what `pairs.csv` says.

The contract that must not break: a pair names items that are there, a worn photo and a packshot; what the table asks
for in vain is said with its reason.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from preprocess.errors import PreprocessError
from preprocess.folder.record import Entry
from vitonhd.pair_files import Pair

COLUMNS = ("person", "garment")
MAX_PAIRS = 1_000_000
_LARGEST = 64 << 20


@dataclass(frozen=True)
class Wanted:
    """One line of `pairs.csv`: paths below the folder."""

    line: int
    person: str
    garment: str


@dataclass(frozen=True)
class Missed:
    """A line that gives no pair."""

    wanted: Wanted
    reason: str

    def to_json(self) -> dict[str, object]:
        return {"pair": vars(self.wanted), "reason": self.reason}


def read_wanted(path: Path) -> list[Wanted]:
    """The lines of a table with the columns `person` and `garment`, UTF-8. Raises PreprocessError for a bad one."""
    try:
        if path.stat().st_size > _LARGEST:
            raise PreprocessError(f"{path}: larger than {_LARGEST} bytes")
        rows = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline=""), strict=True)
        missing = [column for column in COLUMNS if column not in (rows.fieldnames or ())]
        if missing:
            raise PreprocessError(f"{path}: the first line lacks the column {missing[0]!r}; needed are person,garment")
        wanted = [Wanted(rows.line_num, *((row[column] or "").strip() for column in COLUMNS)) for row in rows]
    except (OSError, ValueError, csv.Error) as error:
        raise PreprocessError(f"{path} is no CSV table in UTF-8: {error}") from None
    for one in wanted:
        if not one.person or not one.garment:
            raise PreprocessError(f"{path}, line {one.line}: a person and a garment are needed")
    return wanted


def chosen_pairs(entries: Sequence[Entry], wanted: Sequence[Wanted]) -> tuple[list[Pair], list[Missed]]:
    """The pairs that the lines ask for, each once, in their order, and the lines that ask in vain."""
    by_name = {_plain(entry.file): entry for entry in entries} | {entry.file: entry for entry in entries}
    pairs: dict[Pair, None] = {}
    missed = []
    for one in wanted:
        person, garment = (by_name.get(name) or by_name.get(_plain(name)) for name in (one.person, one.garment))
        if person is None or garment is None:
            missed.append(Missed(one, "no-such-file"))
        elif not person.is_person:
            missed.append(Missed(one, "person-not-taken"))
        elif not garment.is_garment:
            missed.append(Missed(one, "garment-not-taken"))
        else:
            pairs[Pair(person.stem, garment.stem)] = None
    return list(pairs), missed


def all_pairs(entries: Sequence[Entry], *, most: int = MAX_PAIRS) -> Iterator[Pair]:
    """Every person with every garment; where these were more than `most`, every person with as many, spread."""
    people = [entry.stem for entry in entries if entry.is_person]
    garments = [entry.stem for entry in entries if entry.is_garment]
    if not people or not garments:
        return
    each = max(1, min(len(garments), most // len(people)))
    for number, person in enumerate(people):
        places = sorted((number + place * len(garments) // each) % len(garments) for place in range(each))
        yield from (Pair(person, garments[place]) for place in places)


def _plain(name: str) -> str:
    """A path as people write it: either slash, `./` before it, and accents in one piece or two."""
    return unicodedata.normalize("NFC", name.replace("\\", "/").removeprefix("./"))
