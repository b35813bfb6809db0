"""A whole training run: data, stage, devices, folder, results.

The contract that must not break: the command line, `python -m finetune.train` and a DVC stage call this one function.
"""

from __future__ import annotations

import hashlib
import resource
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric

from finetune.errors import DataUnusable
from finetune.examples import Examples, Source, fingerprint
from finetune.family import build_stage
from finetune.run_folder import RunFolder
from finetune.settings import Pace, RunSettings
from finetune.tracking import TRACKERS, open_trackers
from finetune.trainer import Progress, Trainer

TRAIN, TEST = "train", "test"


def train(
    settings: RunSettings,
    sources: Sequence[Source],
    out: Path,
    *,
    pace: Pace | None = None,
    accelerator: str = "auto",
    devices: int | str = 1,
    trackers: Sequence[str] = TRACKERS,
    on_progress: Progress | None = None,
) -> dict[str, Any]:
    """Train a stage in `out`, going on where it stopped; the results, which `out/results.json` holds too.

    The averaged networks are in `out/weights`. Raises FinetuneError: DataUnusable, OtherRun, Diverged.
    """
    pace = pace or Pace()
    fabric = Fabric(
        accelerator=accelerator, devices=devices, strategy="ddp" if _several(devices) else "auto",
        precision=settings.precision,  # type: ignore[arg-type]
    )  # fmt: skip
    fabric.launch()
    torch.manual_seed(settings.seed)
    stage = build_stage(settings)
    cache = int(pace.cache_gb * 2**30)
    training = Examples(sources, TRAIN, stage.parts, settings.size, cache)
    try:
        held_out = Examples(sources, TEST, stage.parts, settings.size, cache)
    except DataUnusable:
        held_out = None  # a set without a test split is validated by nobody
    folder = RunFolder(out)
    if fabric.is_global_zero:
        folder.open(settings, dict(fingerprint(training)))
    fabric.barrier()
    trainer = Trainer(fabric, stage, settings, pace, folder, training, held_out)
    if fabric.is_global_zero:
        kept = folder.kept_metrics(trainer.step)
        trainer.trackers = open_trackers(trackers, out, trainer.step, kept)
    trainer.run(on_progress)
    results = _results(trainer, out) if fabric.is_global_zero else {}
    fabric.barrier()
    return results


def _several(devices: int | str) -> bool:
    return str(devices) not in ("1", "auto")


def _results(trainer: Trainer, out: Path) -> dict[str, Any]:
    with trainer.averaged():
        paths = trainer.stage.export(trainer.own, out / "weights")
    steps = trainer.step - trainer.resumed
    results = {
        "family": trainer.settings.family, "stage": trainer.stage.name, "steps": trainer.step,
        "resumed": trainer.resumed, **trainer.stage.facts,
        "losses": trainer.losses, "validation": trainer.validation,
        "best_step": trainer.watch.best_step, "stopped_early": trainer.step < trainer.settings.steps,
        "seconds_per_step": round(trainer.seconds / steps, 4) if steps else None,
        "data_wait_share": round(trainer.waited / trainer.seconds, 4) if trainer.seconds else None,
        "peak_memory_gb": round(_peak_memory(trainer.fabric.device) / 2**30, 2),
        "weights": {
            str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths
        },
    }  # fmt: skip
    trainer.folder.write_results(results)
    return results


def _peak_memory(device: torch.device) -> int:
    """Bytes: of the GPU's, or of this process on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else used * 1024
