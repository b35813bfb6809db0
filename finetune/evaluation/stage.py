"""`lookbook evaluate` as a function: a checkpoint pair or a folder of try-ons, a data set, a folder for the report.

The contract that must not break: the same order again renders nothing again and measures the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from finetune.evaluation.cases import SETTINGS, choose, find_sets
from finetune.evaluation.errors import EvaluationError
from finetune.evaluation.evaluation import EvaluationOrder, evaluate
from finetune.evaluation.networks import Found, load_networks
from finetune.evaluation.rendering import CheckpointPair, RenderOrder, render_cases
from finetune.evaluation.results import Results
from finetune.hr_viton import TryOnSettings
from finetune.hr_viton.conditions import Setting
from finetune.hr_viton.engine import EngineSettings
from vitonhd.garment_classes import GarmentClass

Progress = Callable[[int, int | None], None]
RENDERED = "results"


@dataclass(frozen=True)
class StageOrder:
    """What to evaluate: of a folder with a pair of generators and a folder of try-ons exactly one."""

    data: Path
    out: Path
    name: str = ""
    """Of the data; by default the folder's."""
    checkpoint: Path | None = None
    results: Path | None = None
    setting: Setting | None = None
    """Of a results folder that has no folders for settings; of a checkpoint the only one to be rendered."""
    garment_class: GarmentClass | None = None
    limit: int | None = None
    """Pairs of each set and setting, evenly spread."""
    size: tuple[int, int] | None = None
    """(width, height) to render at."""
    tryon: TryOnSettings = field(default_factory=TryOnSettings)
    engine: EngineSettings = field(default_factory=EngineSettings)
    seed: int = 0
    workers: int = 2

    def __post_init__(self) -> None:
        if (self.checkpoint is None) == (self.results is None):
            raise EvaluationError("either a checkpoint or a folder of results is evaluated")


def evaluate_stage(order: StageOrder, weights: Found, on_progress: Progress | None = None) -> dict[str, Any]:
    """Render where a checkpoint is given, score, write the report to `out`; returns what `metrics.json` holds.

    `weights` are the files of the registry's entries; progress counts pairs, rendered and scored. Raises
    EvaluationError, CheckpointError, FormatError, OSError.
    """
    sets = find_sets(order.data, order.garment_class)
    root, flat = (order.results, order.setting) if order.results is not None else (order.out / RENDERED, None)
    results = Results(root, one_set=len(sets) == 1, flat=flat)
    settings = (order.setting,) if order.setting is not None else SETTINGS
    if order.results is not None:
        settings = results.settings()
    if not settings:
        raise EvaluationError(f"{root} has no folders {' or '.join(SETTINGS)}: state the setting of its try-ons")
    cases = choose(sets, settings, order.limit)
    if not cases:
        raise EvaluationError(f"{order.data} has no test pairs that are {' or '.join(settings)}")
    networks = load_networks(weights, order.engine.device)
    subject: dict[str, Any] = {"results": root.name}
    refused: dict[str, str] = {}
    work = len(cases) * (2 if order.checkpoint is not None else 1)
    if order.checkpoint is not None:
        pair = CheckpointPair.find(order.checkpoint)
        rendering = RenderOrder(pair, cases, results, order.size, order.tryon, order.engine)
        refused = render_cases(rendering, _part(on_progress, 0, work))
        subject = {"checkpoint": order.checkpoint.name, **pair.described(), "mode": order.engine.mode}
    name = order.name or order.data.name
    return evaluate(
        EvaluationOrder(cases, results, networks, subject, name, refused, order.seed, order.workers),
        order.out,
        _part(on_progress, work - len(cases), work),
    )


def _part(on_progress: Progress | None, before: int, work: int) -> Progress | None:
    """Progress of one part, told as that of all."""
    if on_progress is None:
        return None
    return lambda done, _: on_progress(before + done, work)
