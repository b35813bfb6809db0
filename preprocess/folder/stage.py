"""The stage `preprocess folder`: every picture of a folder through the chain, into the test split of a VITON-HD tree.

The contract that must not break: killed at any moment and run again, the same tree comes out; `folder.json` says with
which parameters, and a folder holds one set of parameters only. A picture that is not taken is a line of
`rejections.jsonl` with its reason.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from preprocess.chain.assess import VERSION, Assessed, assess_all
from preprocess.chain.eyes import Eyes
from preprocess.chain.files import condition_files
from preprocess.chain.looking import Looker
from preprocess.chain.taking import Taken
from preprocess.errors import OtherParameters, PreprocessError
from preprocess.folder.decoding import decoded
from preprocess.folder.listing import list_pictures
from preprocess.folder.pairing import Missed, Wanted, all_pairs, chosen_pairs, read_wanted
from preprocess.folder.record import Entry, Record, write_reports
from preprocess.folder.sheet import folder_sheet
from preprocess.gates.verdict import Rejected, Verdict
from preprocess.intake.framing import SIZE
from vitonhd.atomic import sweep, write_atomic
from vitonhd.folders import REQUIRED
from vitonhd.garment_classes import GarmentClass
from vitonhd.pictures import encode_jpeg
from vitonhd.tree import Tree

SPLIT = "test"
PAIRS = "pairs.csv"
"""In the folder of photos: which person is to wear which garment."""
TRY_AGAIN = frozenset(("out-of-memory", "internal-error", "decoder-killed", "unreadable-file"))
"""Reasons that may be gone at the next run."""
_TOGETHER = 8
"""Pictures that are in memory decoded at a time, besides those that the workers have ahead."""

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Order:
    """What to do: from the photos below `source` into the tree at `out`."""

    source: Path
    out: Path
    garment_class: GarmentClass
    size: tuple[int, int] = SIZE
    """Width and height of the tree's pictures, 3:4."""

    def __post_init__(self) -> None:
        if self.source.resolve() == self.out.resolve():
            raise PreprocessError(f"{self.out} is the folder of photos itself: choose another folder to write to")
        if 4 * self.size[0] != 3 * self.size[1] or self.size[0] < 96:
            raise PreprocessError(f"size {self.size[0]}x{self.size[1]}: pictures are 3:4, at least 96 wide")

    @property
    def tree(self) -> Tree:
        return Tree(self.out, size=self.size)

    def parameters(self, eyes: Eyes) -> dict[str, Any]:
        return {
            "chain": VERSION, "class": self.garment_class.value, "size": list(self.size), "eyes": eyes.identity,
        }  # fmt: skip


@dataclass
class Result:
    """Counts of pictures, by what they are now; `kept` of them were done before."""

    people: int = 0
    garments: int = 0
    kept: int = 0
    others: int = 0
    """Files that are no pictures by their names."""
    reasons: Counter[str] = field(default_factory=Counter)
    pairs: int = 0
    pairs_missed: Counter[str] = field(default_factory=Counter)
    """Reasons of the lines of `pairs.csv` that give no pair."""

    @property
    def rejected(self) -> int:
        return self.reasons.total()

    def count(self, entry: Entry) -> None:
        if entry.verdicts:
            self.reasons[entry.verdicts[0].reason] += 1
        self.people += entry.is_person
        self.garments += entry.is_garment


def process_folder(order: Order, eyes: Eyes, *, workers: int = 1, on_progress: Progress | None = None) -> Result:
    """Work on every picture that is new or has changed, then write pairs, reports and the sheet.

    Raises NothingToDo for a folder without pictures, OtherParameters for an output folder of another class, size or
    eyes, PreprocessError for a `pairs.csv` that is no such table.
    """
    listing = list_pictures(order.source, order.out)
    wanted = read_wanted(order.source / PAIRS) if (order.source / PAIRS).is_file() else None
    _claim(order, eyes)
    sweep(order.out)
    record = Record(order.out)
    entries = {entry.stem: entry for entry in record.plan(listing.files)}
    pending = [entry for entry in entries.values() if not _is_done(order, entry)]
    result = Result(kept=len(entries) - len(pending), others=listing.others)
    for done, entry in enumerate(_worked_on(order, eyes, pending, workers), result.kept + 1):
        record.note(entry)
        entries[entry.stem] = entry
        if on_progress is not None:
            on_progress(done, len(entries))
    ends = list(entries.values())
    record.settle(ends)
    for entry in ends:
        result.count(entry)
    _write_the_rest(order, ends, wanted, result)
    return result


def _write_the_rest(order: Order, entries: list[Entry], wanted: list[Wanted] | None, result: Result) -> None:
    """What is about all pictures: pair files, reports, the sheet; pairs are counted."""
    missed: list[Missed] = []
    pairs = list(all_pairs(entries))
    if wanted is not None:
        pairs, missed = chosen_pairs(entries, wanted)
    result.pairs = len(pairs)
    result.pairs_missed.update(one.reason for one in missed)
    for folder in REQUIRED:
        order.tree.folder(SPLIT, folder.part).mkdir(parents=True, exist_ok=True)
    # The official test_pairs.txt is the unpaired list too.
    for name in ("test", "test_unpaired"):
        order.tree.write_pairs(name, pairs)
    write_reports(order.out, entries, [one.to_json() for one in missed])
    page = folder_sheet(order.tree, order.source, entries)
    write_atomic(order.out / "sheet.jpg", encode_jpeg(page, quality=85))


def _worked_on(order: Order, eyes: Eyes, entries: Sequence[Entry], workers: int) -> Iterator[Entry]:
    """Each entry with what became of it, its files written, in order; a batch at a time."""
    stamped = [_stamped(order, entry) for entry in entries]
    looker = Looker(eyes)
    pictures = decoded([order.source / entry.file for entry in entries], workers)
    with ThreadPoolExecutor(workers) as pool:
        for first in range(0, len(stamped), _TOGETHER):
            batch = stamped[first : first + _TOGETHER]
            ends = _assessed(order, looker, list(islice(pictures, len(batch))), pool)
            yield from pool.map(partial(_written, order), batch, ends)


def _assessed(
    order: Order, looker: Looker, pictures: list[Taken | Verdict], pool: ThreadPoolExecutor
) -> list[Assessed | Verdict]:
    """Those that were taken in, assessed; the others as they are."""
    taken = [(picture, order.garment_class) for picture in pictures if isinstance(picture, Taken)]
    assessed = iter(assess_all(looker, taken, size=order.size, pool=pool))
    return [picture if isinstance(picture, Verdict) else next(assessed) for picture in pictures]


def _written(order: Order, entry: Entry, end: Assessed | Verdict) -> Entry:
    """The entry with its end; its files are written, and those of an earlier end are gone."""
    files: dict[str, bytes] = {}
    if isinstance(end, Verdict):
        settled = replace(entry, shot="", score=0.0, verdicts=(end,), warnings=())
    else:
        settled = replace(
            entry, shot=end.shot.kind.value, score=end.score, verdicts=end.verdicts, warnings=end.warnings
        )  # fmt: skip
    if isinstance(end, Assessed) and end.passed:
        try:
            files = condition_files(end)
        except Rejected as rejected:
            settled = replace(settled, verdicts=(rejected.verdict,))
    for folder in REQUIRED:
        if folder.name in files:
            order.tree.put(SPLIT, folder.part, entry.stem, files[folder.name])
        else:
            order.tree.path(SPLIT, folder.part, entry.stem).unlink(missing_ok=True)
    return settled


def _stamped(order: Order, entry: Entry) -> Entry:
    """With the file's size and time as they are before it is read."""
    try:
        found = (order.source / entry.file).stat()
    except OSError:
        return replace(entry, file_size=0, modified_ns=0)
    return replace(entry, file_size=found.st_size, modified_ns=found.st_mtime_ns)


def _is_done(order: Order, entry: Entry) -> bool:
    """Whether the file is the one that was worked on, and what was made of it is there."""
    if not entry.done or _stamped(order, entry) != entry or any(one.reason in TRY_AGAIN for one in entry.verdicts):
        return False
    parts = [folder.part for folder in REQUIRED if folder.garment == entry.is_garment] if entry.passed else []
    return all(order.tree.path(SPLIT, part, entry.stem).is_file() for part in parts)


def _claim(order: Order, eyes: Eyes) -> None:
    """Write the parameters into the output folder, or find the same ones there."""
    path = order.out / "folder.json"
    wanted = order.parameters(eyes)
    if not path.exists():
        write_atomic(path, json.dumps(wanted).encode())
        return
    try:
        found = json.loads(path.read_bytes())
    except ValueError:
        found = {}
    others = [name for name, value in wanted.items() if not isinstance(found, dict) or found.get(name) != value]
    if others:
        raise OtherParameters(
            f"{path}: the tree there was made with other {' and '.join(others)}; choose another folder, or remove it"
        )
