"""A folder of try-ons to `metrics.json`, `scores.jsonl` and a report page.

The contract that must not break: `metrics.json` says by which protocol, of what data, at which size and with which
versions its numbers were measured, and is written last.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from finetune.evaluation.cases import Case
from finetune.evaluation.errors import EvaluationError
from finetune.evaluation.intervals import DRAWS, LEVEL
from finetune.evaluation.networks import Networks
from finetune.evaluation.page import write_page
from finetune.evaluation.protocol import PROTOCOL
from finetune.evaluation.results import Results
from finetune.evaluation.scoring import Progress, Scored, Scores, score_cases
from finetune.evaluation.summary import as_number, rejections, summarise, versions
from vitonhd.atomic import write_atomic

METRICS_FILE, SCORES_FILE, PAGE_FILE = "metrics.json", "scores.jsonl", "report.html"
_PACKAGES = {
    "lookbook": "lookbook", "torch": "torch", "torchvision": "torchvision", "timm": "timm", "numpy": "numpy",
    "pillow": "pillow", "opencv": "opencv-python-headless",
}  # fmt: skip


@dataclass(frozen=True)
class EvaluationOrder:
    """What to evaluate, and what to say of it."""

    cases: Sequence[Case]
    results: Results
    networks: Networks
    subject: Mapping[str, Any]
    """What made the try-ons: names and hashes, as far as they are known."""
    data: str
    """The data set's name, of a release with its version."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Why cases have no try-on, by key."""
    seed: int = 0
    workers: int = 2


def evaluate(order: EvaluationOrder, out: Path, on_progress: Progress | None = None) -> dict[str, Any]:
    """Score all cases and write the three files to `out`; returns what `metrics.json` holds.

    Raises EvaluationError when no case can be scored.
    """
    size = order.results.size(order.cases)
    if size is None:
        raise EvaluationError(
            f"{order.results.root} has no try-on of the {len(order.cases)} test pairs of {order.data}"
        )
    scores = score_cases(
        order.cases, order.results, size, order.networks,
        refused=order.refused, workers=order.workers, on_progress=on_progress,
    )  # fmt: skip
    if not scores.scored():
        raise EvaluationError(f"none of {len(scores.cases)} try-ons can be scored: {scores.cases[0].rejected}")
    metrics = _metrics(order, scores, size)
    write_atomic(out / SCORES_FILE, "".join(f"{json.dumps(_line(one))}\n" for one in scores.cases).encode())
    write_page(out / PAGE_FILE, metrics, scores, order.results, size)
    write_atomic(out / METRICS_FILE, json.dumps(metrics, indent=1).encode())
    return metrics


def _metrics(order: EvaluationOrder, scores: Scores, size: tuple[int, int]) -> dict[str, Any]:
    files = Counter(path.suffix for case in order.cases if (path := order.results.find(case)) is not None)
    sets = {case.test_set.name: case.test_set for case in order.cases}
    return {
        "protocol": PROTOCOL,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "subject": dict(order.subject),
        "data": {
            "name": order.data,
            "sets": [
                {"name": name, "class": str(one.garment_class), "size": list(one.tree.size)}
                for name, one in sets.items()
            ],
        },
        "size": list(size),
        "files": {suffix.removeprefix("."): count for suffix, count in sorted(files.items())},
        "planned": len(scores.cases),
        "scored": len(scores.scored()),
        "rejected": rejections(scores),
        "interval": {
            "level": LEVEL,
            "of": "garments",
            "method": "percentile bootstrap",
            "draws": DRAWS,
            "kid": "jackknife",
        },
        "seed": order.seed,
        "settings": summarise(scores, order.networks, seed=order.seed),
        "versions": versions(_PACKAGES),
    }


def _line(one: Scored) -> dict[str, Any]:
    case = one.case
    line: dict[str, Any] = {
        "key": case.key, "setting": case.setting, "class": str(case.test_set.garment_class), "garment": case.garment,
    }  # fmt: skip
    if one.rejected is not None:
        return {**line, "rejected": one.rejected}
    return {**line, "scores": {name: as_number(value) for name, value in one.scores.items()}}
