"""Two evaluations of the same data: by how much the second is better, and whether that is more than chance.

The contract that must not break: differences are of the same pairs, and drawn again by garment; two evaluations that
were not measured alike are not compared.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from finetune.evaluation import html
from finetune.evaluation.errors import EvaluationError
from finetune.evaluation.evaluation import METRICS_FILE, SCORES_FILE
from finetune.evaluation.intervals import differences, estimate
from finetune.evaluation.page import arrow, number
from finetune.evaluation.protocol import METRICS, PAIR_METRICS, SET_METRICS, Metric
from finetune.evaluation.summary import ALL, as_number
from vitonhd.atomic import write_atomic

COMPARISON_FILE, COMPARISON_PAGE = "comparison.json", "comparison.html"
_ALIKE = ("protocol", "size", "data")


@dataclass(frozen=True)
class Run:
    """What an evaluation's folder holds."""

    folder: Path
    metrics: Mapping[str, Any]
    lines: Mapping[str, Mapping[str, Any]]
    """Scored pairs by key."""

    @classmethod
    def read(cls, folder: Path) -> Run:
        """Raises EvaluationError for a folder without a whole evaluation."""
        try:
            metrics = json.loads((folder / METRICS_FILE).read_bytes())
            lines = [json.loads(line) for line in (folder / SCORES_FILE).read_text().splitlines()]
            return cls(folder, metrics, {line["key"]: line for line in lines if "scores" in line})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise EvaluationError(f"{folder} has no whole evaluation: {error}") from None


def compare(first: Path, second: Path, out: Path) -> dict[str, Any]:
    """Write `comparison.json` and `comparison.html` to `out`: second less first, by setting, class and measure.

    Raises EvaluationError for evaluations by other protocols, sizes or data, and for ones with no pair in common.
    """
    one, other = Run.read(first), Run.read(second)
    for name in _ALIKE:
        if one.metrics[name] != other.metrics[name]:
            raise EvaluationError(f"{first} and {second} differ in {name}: {one.metrics[name]}, {other.metrics[name]}")
    both = [key for key in one.lines if key in other.lines]
    if not both:
        raise EvaluationError(f"{first} and {second} have no scored pair in common")
    settings = dict.fromkeys(one.lines[key]["setting"] for key in both)
    content = {
        "protocol": one.metrics["protocol"],
        "first": {"folder": first.name, "subject": one.metrics["subject"], "only_here": len(one.lines) - len(both)},
        "second": {
            "folder": second.name,
            "subject": other.metrics["subject"],
            "only_here": len(other.lines) - len(both),
        },
        "pairs": len(both),
        "settings": {name: _setting(name, one, other, both) for name in settings},
    }
    write_atomic(out / COMPARISON_FILE, json.dumps(content, indent=1).encode())
    write_atomic(out / COMPARISON_PAGE, _page(content))
    return content


def _setting(setting: str, one: Run, other: Run, both: Sequence[str]) -> dict[str, Any]:
    keys = [key for key in both if one.lines[key]["setting"] == setting]
    classes = sorted({one.lines[key]["class"] for key in keys})
    groups = {ALL: keys}
    if len(classes) > 1:
        groups |= {name: [key for key in keys if one.lines[key]["class"] == name] for name in classes}
    seed = int(one.metrics.get("seed", 0))
    found = {}
    for name, group in groups.items():
        rows = {metric.name: _difference(metric, one, other, group, seed) for metric in PAIR_METRICS}
        sets = {metric.name: _of_sets(metric, setting, name, one, other) for metric in SET_METRICS}
        found[name] = {metric: row for metric, row in {**rows, **sets}.items() if row is not None}
    return found


def _difference(metric: Metric, one: Run, other: Run, keys: Sequence[str], seed: int) -> dict[str, Any] | None:
    having = [key for key in keys if all(metric.name in run.lines[key]["scores"] for run in (one, other))]
    if not having:
        return None
    values = [[float(run.lines[key]["scores"][metric.name]) for key in having] for run in (one, other)]
    garments = [one.lines[key]["garment"] for key in having]
    change = estimate(differences(*values), garments, seed=seed)
    return {
        "first": as_number(sum(values[0]) / len(having)), "second": as_number(sum(values[1]) / len(having)),
        "difference": as_number(change.mean), "low": as_number(change.low), "high": as_number(change.high),
        "n": change.n, "garments": change.garments, "verdict": _verdict(metric, change.low, change.high),
    }  # fmt: skip


def _of_sets(metric: Metric, setting: str, group: str, one: Run, other: Run) -> dict[str, Any] | None:
    """Without an interval: both sets' pictures depend on one another, which their own intervals don't know."""
    entries = [
        run.metrics["settings"].get(setting, {}).get("classes", {}).get(group, {}).get("metrics", {}).get(metric.name)
        for run in (one, other)
    ]
    if any(entry is None for entry in entries):
        return None
    first, second = (entry["mean"] for entry in entries)
    return {
        "first": first, "second": second, "difference": second - first, "low": None, "high": None,
        "n": min(entry["n"] for entry in entries), "verdict": "undecided",
    }  # fmt: skip


def _verdict(metric: Metric, low: float | None, high: float | None) -> str:
    """Better or worse where the whole interval is."""
    if low == high == 0:
        return "equal"
    if low is None or high is None or low <= 0 <= high:
        return "undecided"
    return "better" if (low > 0) == metric.higher_is_better else "worse"


def _page(content: Mapping[str, Any]) -> bytes:
    first, second = (content[side] for side in ("first", "second"))
    about = (
        f"<p class='soft'>First: {escape(str(first['folder']))}. Second: {escape(str(second['folder']))}. "
        f"{content['pairs']} pairs that both have. The difference is second less first, under it the 95 % interval, by "
        "drawing garments again; better and worse are of the second, where the interval leaves out 0.</p>"
    )
    parts = [about]
    for setting, groups in content["settings"].items():
        for name, rows in groups.items():
            parts.append(f"<h2>{escape(setting.capitalize())}, {escape(name)}</h2>")
            parts.append(
                html.table(
                    ["", "first", "second", "difference", "", "pairs"],
                    ((arrow(METRICS[metric]), _cells(METRICS[metric], row)) for metric, row in rows.items()),
                )
            )
    return html.page("Two evaluations compared", parts)


def _cells(metric: Metric, row: Mapping[str, Any]) -> list[str]:
    change = number(row["difference"], metric.digits)
    if row["low"] is not None:
        change += f"<small>{number(row['low'], metric.digits)} to {number(row['high'], metric.digits)}</small>"
    verdict = row["verdict"]
    return [
        number(row["first"], metric.digits), number(row["second"], metric.digits), change,
        f'<span class="{verdict}">{verdict}</span>', str(row["n"]),
    ]  # fmt: skip
