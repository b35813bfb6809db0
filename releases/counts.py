"""What a build counts as its items pass: the release's statistics, its test garments and its withdrawn items."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable

from releases.rows import ReleaseItem, Withdrawn
from releases.snapshots import SnapshotFacts


class Counts:
    """Grows by the ids of a class (100,000 at most) and by what is counted, not by what passes."""

    def __init__(self, snapshot: SnapshotFacts) -> None:
        self.snapshot = snapshot
        self.train: list[str] = []
        self.test_garments: dict[str, str] = {}
        """Garment identity of each test item."""
        self.withdrawn_rows: list[Withdrawn] = []
        self._bytes: Counter[str] = Counter()
        self._by: dict[str, Counter[str]] = {name: Counter() for name in ("shop", "permission", "versions")}
        self._garments: dict[str, set[str]] = {"train": set(), "test": set()}
        self._scores: dict[str, Counter[str]] = {"worn": Counter(), "packshot": Counter()}

    @property
    def items(self) -> int:
        return len(self.train) + len(self.test_garments)

    @property
    def withdrawn(self) -> int:
        return len(self.withdrawn_rows)

    def add(self, item: ReleaseItem) -> None:
        if item.split == "test":
            self.test_garments[item.id] = item.facts.garment
        else:
            self.train.append(item.id)
        self._garments[item.split].add(item.facts.garment)
        for file in item.files:
            self._bytes[file.part] += file.size
        for name, counter in self._by.items():
            counter[getattr(item.facts, name)] += 1
        self._scores["worn"][_tenth(item.facts.worn_score)] += 1
        self._scores["packshot"][_tenth(item.facts.packshot_score)] += 1

    def add_withdrawn(self, row: Withdrawn) -> None:
        self.withdrawn_rows.append(row)

    def to_json(self, samples: int) -> bytes:
        """`stats.json`; `samples` are those in the shards, of which some may be replaced versions of items."""
        found = {
            "class": self.snapshot.garment_class,
            "items": {"train": len(self.train), "test": len(self.test_garments)},
            "garments": {split: len(found) for split, found in self._garments.items()},
            "withdrawn": dict(Counter(row.reason for row in self.withdrawn_rows)),
            "products": self.snapshot.counts,
            "bytes": dict(self._bytes),
            "replaced_samples": samples - self.items,
            "shops": dict(self._by["shop"]),
            "permissions": dict(self._by["permission"]),
            "versions": dict(self._by["versions"]),
            "scores": {name: dict(counter) for name, counter in self._scores.items()},
        }
        return (json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _tenth(score: float) -> str:
    """The tenth in which a score lies: `0.8` for 0.83."""
    return f"{min(int(score * 10), 9) / 10:.1f}"


def withdrawn_table(rows: Iterable[Withdrawn]) -> bytes:
    """`withdrawn.csv`: what is not in this release (any more), and why."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("id", "shop", "product_no", "reason"))
    writer.writerows((row.id, row.shop, row.product_no, row.reason) for row in rows)
    return text.getvalue().encode()
