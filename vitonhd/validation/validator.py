"""The validator: a whole data set, tree or shards, ours or foreign, in several processes.

The contract that must not break: nothing in a data set makes it raise; findings and report are the same with any
number of workers; memory is one item's pictures a worker, and beside them 2.2 kB a test item and 0.5 kB a train item
for names, digests, fingerprints and figures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from vitonhd.garment_classes import GarmentClass
from vitonhd.sources import Source
from vitonhd.tree import SPLITS
from vitonhd.validation.findings import Finding
from vitonhd.validation.gaps import bits_of, folder_gaps, pair_gaps
from vitonhd.validation.item_checks import BatchReport, check_batch
from vitonhd.validation.repeats import KEPT_SPLIT, Repeats
from vitonhd.validation.report import Figures, Report, median_findings
from vitonhd.workers import each

OnFinding = Callable[[Finding], None]
Progress = Callable[[int, int | None], None]


def validate(
    source: Source,
    garment_class: GarmentClass,
    *,
    splits: Iterable[str] | None = None,
    pair_files: bool = True,
    workers: int = 1,
    on_finding: OnFinding | None = None,
    on_progress: Progress | None = None,
) -> Report:
    """Everything that is wrong; `on_finding` is called with each, `on_progress` with batches done and planned.

    Looks at the splits named (default: those there). `pair_files=False` is for loose items that come without pairs.
    """
    run = _Run(source, Report(garment_class, source.size), on_finding)
    there = source.splits()
    chosen = _in_order(there if splits is None else splits)
    run.found(Finding("no-split", split, "no such folder") for split in chosen if split not in there)
    if not chosen:
        run.found([Finding("no-split", ".", f"neither of {', '.join(SPLITS)}")])
    planned = {split: source.batches(split) for split in chosen if split in there}
    done, total = 0, sum(len(batches) for batches in planned.values())
    for split, batches in planned.items():
        for batch in each(partial(check_batch, garment_class, source.size), batches, workers):
            run.add_batch(split, batch)
            done += 1
            if on_progress is not None:
                on_progress(done, total)
        run.finish_split(split, pair_files)
    run.report.figures = run.figures.spreads()
    run.found(median_findings(run.report.figures))
    return run.report


class _Run:
    """What is known while a data set is gone through."""

    def __init__(self, source: Source, report: Report, on_finding: OnFinding | None) -> None:
        self.source, self.report, self.figures = source, report, Figures()
        self._on_finding = on_finding
        self._repeats = Repeats()
        self._present: dict[str, int] = {}

    def found(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            self.report.add(finding)
            if self._on_finding is not None:
                self._on_finding(finding)

    def add_batch(self, split: str, batch: BatchReport) -> None:
        self.found(batch.findings)
        for item in batch.items:
            if item.stem in self._present:
                self.found([Finding("duplicate-item", f"{split}/{item.stem}", "in two shards")])
                continue
            self._present[item.stem] = bits_of(item.parts)
            self.found(item.findings)
            self.found(self._repeats.add(item))
            self.figures.add(split, item.figures)

    def finish_split(self, split: str, pair_files: bool) -> None:
        """What can be told when all of its items are known."""
        present, self._present = self._present, {}
        self.report.items[split] = len(present)
        strays = [Finding.of(error, where) for where, error in self.source.strays(split)]
        self.found(strays)
        unlisted = frozenset(stray.where for stray in strays if stray.code == "unreadable-folder")
        self.found(folder_gaps(split, present, unlisted))
        if pair_files:
            self.found(pair_gaps(self.source, split, present))


def _in_order(splits: Iterable[str]) -> list[str]:
    """The test split first: its fingerprints are what the train split is compared with."""
    return sorted(splits, key=lambda split: (split != KEPT_SPLIT, split))
