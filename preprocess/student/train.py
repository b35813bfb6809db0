"""`python -m preprocess.student.train`: train the student from a plain folder, without Lookbook's command.

The contract that must not break: the same options as `lookbook preprocess train-student`, and the same bytes.

    python -m preprocess.student.train --data renders --steps 60000 --batch 64 --out run --device cuda --workers 16
    python -m preprocess.student.train --data renders --steps 300 --batch 8 --out proof --size 192x256 --plain
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from preprocess.errors import NothingToDo, PreprocessError
from preprocess.student.card import write_card
from preprocess.student.evaluation import evaluate, write_evaluation
from preprocess.student.network import StudentShape
from preprocess.student.student import Student
from preprocess.student.training import Pace, Progress, Recipe, make_recipe, train

_SCORED = 200
"""Test items that a finished run is scored on."""


def train_and_score(
    recipe: Recipe, out: Path, *, device: str, workers: int, pace: Pace, on_progress: Progress | None = None
) -> dict[str, Any]:
    """Train, score on the data's test split, write the card; the summary. Raises PreprocessError."""
    done = train(recipe, out, device=device, workers=workers, pace=pace, on_progress=on_progress)
    student = Student.load(done.weights, device=device)
    try:
        report, page = evaluate(student, Path(recipe.data), teacher=recipe.teacher, limit=_SCORED)
        write_evaluation(out, report, page)
    except NothingToDo:
        report = None
    write_card(out / "student.md", done.weights, student.network, student.made, report)
    scores = {} if report is None else {key: report[key] for key in ("parse_miou", "pck", "garment_iou")}
    learnt = recipe.steps - done.resumed
    return {
        "weights": str(done.weights), "bytes": done.weights.stat().st_size, "steps": done.steps,
        "resumed": done.resumed, "items": done.examples, "rejected": done.rejected, "loss": done.loss,
        "steps_per_second": round(learnt / done.seconds, 3), **scores,
    }  # fmt: skip


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m preprocess.student.train", description="Train the student.")
    parser.add_argument("--data", type=Path, required=True, help="a VITON-HD tree, or a folder of trees")
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True, help="a run that is there goes on")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--teacher", choices=["studio", "official"], default="studio")
    parser.add_argument("--batch", type=int, default=Recipe.batch)
    parser.add_argument("--rate", type=float, default=Recipe.rate, help="highest learning rate")
    parser.add_argument("--size", default="", help="the network's input, WxH; 288x384 unless given")
    parser.add_argument("--backbone", default=StudentShape.backbone, help="a timm model")
    parser.add_argument("--width", type=int, default=StudentShape.width, help="channels of the decoder")
    parser.add_argument("--workers", type=int, default=2, help="threads that decode")
    parser.add_argument("--plain", action="store_true", help="no augmentation")
    parser.add_argument("--start", default="", help="a student's weights to begin from")
    parser.add_argument("--half", action="store_true", help="bfloat16 on a CPU too: for CPUs with AMX")
    parser.add_argument("--log-every", type=int, default=Pace.log)
    parser.add_argument("--save-every", type=int, default=Pace.save)
    parser.add_argument("--sheet-every", type=int, default=Pace.sheet)
    return parser.parse_args()


def main() -> int:
    options = _parsed()
    started = time.monotonic()

    def report(done: int, total: int | None) -> None:
        if done % options.log_every == 0:
            print(f"step {done} of {total}, {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)

    try:
        recipe = make_recipe(
            options.data, options.steps, seed=options.seed, teacher=options.teacher, size=options.size,
            batch=options.batch, rate=options.rate, backbone=options.backbone, width=options.width,
            augmented=not options.plain, half=options.half, start=options.start,
        )  # fmt: skip
        pace = Pace(options.log_every, options.save_every, options.sheet_every)
        summary = train_and_score(
            recipe, options.out, device=options.device, workers=options.workers, pace=pace, on_progress=report
        )
    except PreprocessError as error:
        print(error, file=sys.stderr)
        return 65
    print(json.dumps(summary))
    return 0


if __name__ == "__main__":
    sys.exit(main())
