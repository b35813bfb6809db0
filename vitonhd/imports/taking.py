"""Takes planned items into a tree, in several processes, and says what could not be taken.

The contract that must not break: an item without a photo and without a packshot of its own is not taken at all; of the
others every file that can be taken is. What is done again gives the same bytes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from vitonhd.atomic import atomic_file
from vitonhd.errors import FormatError
from vitonhd.folders import PARTS
from vitonhd.imports.conversion import Form, convert
from vitonhd.pair_files import Pair
from vitonhd.tree import PAIR_FILES, Tree, read_regular
from vitonhd.workers import each

REJECTIONS = "rejections.jsonl"
Progress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class ForeignFile:
    """A file to take as a part."""

    part: str
    path: Path
    form: Form = Form.VITON_HD


@dataclass(frozen=True)
class Job:
    """One item to take."""

    split: str
    stem: str
    files: tuple[ForeignFile, ...]


@dataclass(frozen=True)
class Rejection:
    """What could not be taken, and why; `item` is its foreign name or a line of a pair file."""

    split: str
    item: str
    reason: str
    detail: str = ""


@dataclass
class Plan:
    """What a foreign folder holds: items, pairs by the names of PAIR_FILES, and what is refused from the start."""

    jobs: list[Job] = field(default_factory=list)
    pairs: dict[str, list[Pair]] = field(default_factory=dict)
    rejections: list[Rejection] = field(default_factory=list)


@dataclass
class Imported:
    """Items by split, files by part, and what was not taken, by reason."""

    items: dict[str, int] = field(default_factory=dict)
    parts: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)


def take(plan: Plan, tree: Tree, *, workers: int = 1, on_progress: Progress | None = None) -> Imported:
    """Write what the plan names into the tree, then the pairs of what was taken."""
    result = Imported()
    taken: dict[tuple[str, str], frozenset[str]] = {}
    with atomic_file(tree.root / REJECTIONS) as file:

        def reject(rejections: Iterable[Rejection]) -> None:
            for rejection in rejections:
                result.rejected[rejection.reason] += 1
                file.write(json.dumps(vars(rejection)).encode() + b"\n")

        reject(plan.rejections)
        for done, (job, parts, rejections) in enumerate(each(partial(_take_item, tree), plan.jobs, workers), 1):
            reject(rejections)
            if parts:
                taken[job.split, job.stem] = parts
                result.parts.update(parts)
                result.items[job.split] = result.items.get(job.split, 0) + 1
            if on_progress is not None:
                on_progress(done, len(plan.jobs))
        for name, pairs in plan.pairs.items():
            split = name.split("_")[0]
            kept = {
                pair: "image" in taken.get((split, pair.person), ()) and "cloth" in taken.get((split, pair.cloth), ())
                for pair in pairs
            }
            tree.write_pairs(name, [pair for pair in pairs if kept[pair]])
            lost = [pair for pair in pairs if not kept[pair]]
            reject(Rejection(split, f"{pair.person} {pair.cloth}", "pair-not-taken", PAIR_FILES[name]) for pair in lost)
    return result


def _take_item(tree: Tree, job: Job) -> tuple[Job, frozenset[str], Sequence[Rejection]]:
    converted: dict[str, bytes] = {}
    rejections = []
    for file in job.files:
        try:
            converted[file.part] = convert(PARTS[file.part], file.form, read_regular(file.path), tree.size)
        except FormatError as error:
            rejections.append(Rejection(job.split, f"{job.stem} {file.part}", error.reason, error.detail))
    if "image" not in converted:
        # Conditions of a photo that is not there are of no use; a packshot may stand alone.
        converted = {part: data for part, data in converted.items() if PARTS[part].garment and "cloth" in converted}
    if not converted:
        rejections.append(Rejection(job.split, job.stem, "no-photo", "neither photo nor packshot can be taken"))
    for part, data in converted.items():
        tree.put(job.split, part, job.stem, data)
    return job, frozenset(converted), rejections
