"""Photos and garments that come again: twice in a split, or in both splits, which leaks the test into training.

The contract that must not break: what is found does not depend on file names, formats or sizes; the test split is
looked at first and is the only one whose fingerprints are kept.
"""

from __future__ import annotations

from collections.abc import Iterator

from vitonhd.validation.findings import Finding, path_of
from vitonhd.validation.fingerprints import MAX_MEAN, Fingerprint, Gallery
from vitonhd.validation.item_checks import COMPARED, ItemReport

KEPT_SPLIT = "test"
_NOUNS = {"image": "photo", "cloth": "garment"}


class Repeats:
    """What has been seen so far; `add` the test split's items before the others."""

    def __init__(self) -> None:
        self._digests: dict[bytes, tuple[str, str, str]] = {}
        self._galleries = {part: Gallery() for part in COMPARED}

    def add(self, report: ItemReport) -> Iterator[Finding]:
        """What of the item was there before: `duplicate-photo`, `leaked-photo`, `leaked-garment`, `cloth-is-photo`.

        The same garment twice in a split is no finding: two people may wear it.
        """
        for part in COMPARED:
            where = path_of(report.split, part, report.stem)
            repeated = self._repeated(report, part, where)
            if repeated is not None:
                yield repeated
            elif report.split != KEPT_SPLIT and part in report.fingerprints:
                yield from self._like(part, where, report.fingerprints[part])
            if report.split == KEPT_SPLIT and part in report.fingerprints:
                self._galleries[part].add(where, report.fingerprints[part])

    def _repeated(self, report: ItemReport, part: str, where: str) -> Finding | None:
        digest = report.digests.get(part)
        if digest is None:
            return None
        split, seen_part, stem = self._digests.setdefault(digest, (report.split, part, report.stem))
        seen = f"the bytes of {path_of(split, seen_part, stem)}"
        if seen_part != part:
            return Finding("cloth-is-photo", where, seen)
        if split != report.split:
            return Finding(f"leaked-{_NOUNS[part]}", where, seen)
        if stem != report.stem and part == "image":
            return Finding("duplicate-photo", where, seen)
        return None

    def _like(self, part: str, where: str, found: Fingerprint) -> Iterator[Finding]:
        like = self._galleries[part].like(found)
        if like is not None:
            name, off = like
            yield Finding(f"leaked-{_NOUNS[part]}", where, f"mean difference to {name} in levels", off, MAX_MEAN)
