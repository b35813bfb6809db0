"""Checks of one item: its files by themselves, and whether they agree with one another.

The contract that must not break: an item's report is a function of its bytes; it is small, whatever the pictures are,
and picklable.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from vitonhd.errors import FormatError
from vitonhd.folders import PARTS
from vitonhd.garment_classes import RULES, GarmentClass
from vitonhd.item import Item
from vitonhd.sources import Batch, ItemFiles
from vitonhd.validation.figures import item_figures
from vitonhd.validation.file_checks import check_file
from vitonhd.validation.findings import Finding, path_of
from vitonhd.validation.fingerprints import Fingerprint, fingerprint
from vitonhd.validation.limits import ITEM_LIMITS

COMPARED = ("image", "cloth")
"""The parts that may not come again: neither as the same bytes nor as the same picture."""


@dataclass(frozen=True)
class ItemReport:
    """What was found in an item; by part: which were there, and digest (16 bytes) and fingerprint of COMPARED."""

    split: str
    stem: str
    parts: frozenset[str]
    findings: tuple[Finding, ...]
    figures: Mapping[str, float]
    digests: Mapping[str, bytes]
    fingerprints: Mapping[str, Fingerprint]


@dataclass(frozen=True)
class BatchReport:
    """The reports of a batch's items, and what ended it early."""

    items: tuple[ItemReport, ...]
    findings: tuple[Finding, ...] = ()


def check_batch(garment_class: GarmentClass, size: tuple[int, int], batch: Batch) -> BatchReport:
    """Check a batch's items one after another; a shard that breaks off is a finding."""
    reports: list[ItemReport] = []
    try:
        for files in batch:
            reports.append(check_item(files, garment_class, size))
    except FormatError as error:
        return BatchReport(tuple(reports), (Finding.of(error, batch.name),))
    except OSError as error:
        return BatchReport(tuple(reports), (Finding("unreadable-file", batch.name, str(error.strerror)),))
    return BatchReport(tuple(reports))


def check_item(files: ItemFiles, garment_class: GarmentClass, size: tuple[int, int]) -> ItemReport:
    """Check one item; `size` is (width, height) of every picture."""
    item = Item(files.stem)
    findings = [Finding.of(error, path_of(files.split, part, files.stem)) for part, error in files.faults.items()]
    findings += [Finding("foreign-file", f"{files.split}/{files.stem}.{name}"[:200]) for name in files.unknown]
    for part, data in files.files.items():
        content, found = check_file(PARTS[part], data, path_of(files.split, part, files.stem), size)
        setattr(item, part, content)
        findings += found
    figures = item_figures(item, RULES[garment_class])
    for name, limit in ITEM_LIMITS.items():
        if name in figures and (bound := limit.missed(figures[name])) is not None:
            where = path_of(files.split, limit.part, files.stem)
            findings.append(Finding(name, where, limit.why, figures[name], bound))
    return ItemReport(
        files.split, files.stem, frozenset(files.files) | frozenset(files.faults), tuple(findings), figures,
        {part: hashlib.sha256(files.files[part]).digest()[:16] for part in COMPARED if part in files.files},
        {part: fingerprint(picture) for part in COMPARED if (picture := getattr(item, part)) is not None},
    )  # fmt: skip
