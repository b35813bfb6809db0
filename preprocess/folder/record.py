"""What became of each picture of a folder: `items.jsonl`, and `progress.jsonl` while a run is under way.

The contract that must not break: a file keeps its stem for ever; a run that is killed at any moment loses at most the
pictures under way; where files and record disagree, the picture is done again.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from preprocess.errors import PreprocessError
from preprocess.gates.verdict import Verdict
from preprocess.shots import ShotKind
from vitonhd.atomic import write_atomic
from vitonhd.names import MAX_ITEMS, is_item_id, item_id

_ITEMS, _PROGRESS = "items.jsonl", "progress.jsonl"


@dataclass(frozen=True)
class Entry:
    """One picture; until it is worked on only `stem` and `file` are known."""

    stem: str
    file: str
    """Its path below the folder."""
    file_size: int = -1
    modified_ns: int = -1
    """With `file_size`, what tells whether the file has changed since."""
    shot: str = ""
    """worn, flat, detail, text; empty where it could not be looked at."""
    score: float = 0.0
    verdicts: tuple[Verdict, ...] = ()
    warnings: tuple[str, ...] = field(default=())

    @property
    def done(self) -> bool:
        return self.file_size >= 0

    @property
    def passed(self) -> bool:
        return self.done and not self.verdicts

    @property
    def is_person(self) -> bool:
        return self.passed and self.shot == ShotKind.WORN

    @property
    def is_garment(self) -> bool:
        return self.passed and self.shot == ShotKind.FLAT

    def to_line(self) -> bytes:
        return json.dumps(asdict(self)).encode() + b"\n"


class Record:
    """The record in an output folder."""

    def __init__(self, out: Path) -> None:
        self.out = out

    def plan(self, files: Sequence[str]) -> list[Entry]:
        """An entry for each file, in order of their stems: known ones as they are, new ones with the next numbers.

        What is no longer there keeps its number and its files, but is no part of the plan. Raises PreprocessError for
        more files than there are numbers.
        """
        known = {entry.file: entry for entry in self._read()}
        there = set(files)
        first = 1 + max((int(entry.stem[:5]) for entry in known.values()), default=-1)
        new = [file for file in files if file not in known]
        if first + len(new) > MAX_ITEMS:
            raise PreprocessError(
                f"{first + len(new)} pictures; a tree has {MAX_ITEMS} items at most: split the folder"
            )
        entries = [*known.values(), *(Entry(item_id(first + place), file) for place, file in enumerate(new))]
        self.settle(entries)
        return sorted((entry for entry in entries if entry.file in there), key=lambda entry: entry.stem)

    def note(self, entry: Entry) -> None:
        """Append what became of a picture."""
        with (self.out / _PROGRESS).open("ab") as file:
            file.write(entry.to_line())

    def settle(self, entries: Iterable[Entry]) -> None:
        """Write the record anew, with these entries and those it knows besides, and end the progress."""
        known = {entry.stem: entry for entry in self._read()} | {entry.stem: entry for entry in entries}
        lines = [known[stem].to_line() for stem in sorted(known)]
        write_atomic(self.out / _ITEMS, b"".join(lines))
        (self.out / _PROGRESS).unlink(missing_ok=True)

    def _read(self) -> list[Entry]:
        """All that is known, the last word on each stem."""
        found: dict[str, Entry] = {}
        for name in (_ITEMS, _PROGRESS):
            found |= {entry.stem: entry for entry in _entries(self.out / name)}
        return list(found.values())


def _entries(path: Path) -> Iterator[Entry]:
    """The file's entries; a line that a kill cut short, or that is nonsense, counts as none."""
    if not path.is_file():
        return
    with path.open("rb") as file:
        for line in file:
            try:
                yield _entry(json.loads(line))
            except (ValueError, TypeError, KeyError):
                continue


def _entry(values: dict[str, Any]) -> Entry:
    if not is_item_id(values["stem"]) or not isinstance(values["file"], str):
        raise ValueError("no entry")
    known = {one.name: values[one.name] for one in fields(Entry)}
    known["verdicts"] = tuple(Verdict(**verdict) for verdict in known["verdicts"])
    known["warnings"] = tuple(known["warnings"])
    return Entry(**known)


def write_reports(out: Path, entries: Sequence[Entry], others: Iterable[dict[str, Any]] = ()) -> None:
    """Write `items.csv`, which stem is which file and what became of it, and `rejections.jsonl` with the reasons.

    `others` are lines for the latter that are no pictures'.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("stem", "file", "shot", "score", "reason"))
    rejections = []
    for entry in entries:
        reason = entry.verdicts[0].reason if entry.verdicts else ""
        table.writerow((entry.stem, printable(entry.file), entry.shot, entry.score, reason))
        if entry.verdicts:
            rejections.append(rejection(entry))
    write_atomic(out / "items.csv", text.getvalue().encode())
    lines = (*rejections, *others)
    write_atomic(out / "rejections.jsonl", b"".join(json.dumps(line).encode() + b"\n" for line in lines))


def rejection(entry: Entry) -> dict[str, Any]:
    first, *others = entry.verdicts
    line = {"item": entry.stem, "file": printable(entry.file), "shot": entry.shot, **asdict(first)}
    return line | ({"also": [asdict(one) for one in others]} if others else {})


def printable(name: str) -> str:
    """A file's name as text: bytes in it that are no UTF-8 come out as `\\xff`."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
