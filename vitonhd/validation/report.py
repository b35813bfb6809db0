"""What a validation comes to: counts by code, the first findings of each, and how figures are spread.

The contract that must not break: its size does not depend on how much is wrong; a figure is 4 bytes an item.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field

import numpy as np

from vitonhd.validation.findings import Finding
from vitonhd.validation.limits import MEDIAN_FROM, MEDIAN_LIMITS

FIRST = 20
"""Findings of a code that a report keeps; all go to `on_finding`."""


@dataclass(frozen=True)
class Spread:
    """How a figure is spread over a split's items."""

    count: int
    mean: float
    deviation: float
    least: float
    low: float
    """The 5th percentile; `high` is the 95th."""
    median: float
    high: float
    greatest: float

    @classmethod
    def of(cls, values: array[float]) -> Spread:
        numbers = np.frombuffer(values, np.float32).astype(np.float64)
        low, median, high = np.quantile(numbers, (0.05, 0.5, 0.95))
        figures = (numbers.mean(), numbers.std(), numbers.min(), low, median, high, numbers.max())
        return cls(len(numbers), *(round(float(figure), 6) for figure in figures))


class Figures:
    """Every item's figures, to be spread at the end."""

    def __init__(self) -> None:
        self._values: dict[str, dict[str, array[float]]] = defaultdict(lambda: defaultdict(lambda: array("f")))

    def add(self, split: str, figures: Mapping[str, float]) -> None:
        for name, figure in figures.items():
            self._values[split][name].append(figure)

    def spreads(self) -> dict[str, dict[str, Spread]]:
        return {
            split: {name: Spread.of(values) for name, values in figures.items()}
            for split, figures in self._values.items()
        }


def median_findings(spreads: Mapping[str, Mapping[str, Spread]]) -> Iterator[Finding]:
    """Medians outside their bounds, as `median-<figure>`; none for a handful of items."""
    for split, figures in spreads.items():
        for name, limit in MEDIAN_LIMITS.items():
            if name not in figures or figures[name].count < MEDIAN_FROM:
                continue
            bound = limit.missed(figures[name].median)
            if bound is not None:
                yield Finding(f"median-{name}", split, limit.why, figures[name].median, bound)


@dataclass
class Report:
    """The result of a validation; `figures` by split and name."""

    garment_class: str
    size: tuple[int, int]
    items: dict[str, int] = field(default_factory=dict)
    codes: Counter[str] = field(default_factory=Counter)
    first: dict[str, list[Finding]] = field(default_factory=dict)
    figures: dict[str, dict[str, Spread]] = field(default_factory=dict)

    @property
    def sound(self) -> bool:
        return not self.codes

    def add(self, finding: Finding) -> None:
        self.codes[finding.code] += 1
        kept = self.first.setdefault(finding.code, [])
        if len(kept) < FIRST:
            kept.append(finding)

    def to_json(self) -> dict[str, object]:
        """For a summary or a data card: counts, the first findings of each code, spreads."""
        return {
            "sound": self.sound, "class": self.garment_class, "size": list(self.size), "items": dict(self.items),
            "codes": dict(self.codes.most_common()),
            "first": {code: [finding.to_json() for finding in found] for code, found in self.first.items()},
            "figures": {
                split: {name: asdict(spread) for name, spread in figures.items()}
                for split, figures in self.figures.items()
            },
        }  # fmt: skip
