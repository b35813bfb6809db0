"""A checkpoint pair through the engine to a report, by the real command."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from finetune.evaluation import CheckpointPair, EvaluationError, choose, find_sets
from finetune.evaluation.stage import StageOrder, evaluate_stage
from finetune.hr_viton import SeededNoise, TryOnSettings, save_checkpoint
from finetune.hr_viton.conditions import read_pair
from tests.conftest import Lookbook
from tests.finetune.evaluation_set import SIZE, write_set
from tests.finetune.hr_viton import drawn
from vitonhd.garment_classes import GarmentClass
from vitonhd.pictures import decode_rgb

CONDITION_SIZE = "64x96"
SETTINGS = TryOnSettings(condition_size=(96, 64))


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """Networks filled by formula: they draw noise, and always the same."""
    folder = tmp_path / "checkpoint"
    tryon = drawn.tryon()
    save_checkpoint(tryon.condition_generator, folder / "condition.safetensors")
    save_checkpoint(tryon.image_generator, folder / "image.pth")
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write_set(tmp_path / "data", count=2)
    return tmp_path / "data"


def test_a_checkpoint_is_rendered_scored_and_reported(
    lookbook: Lookbook, checkpoint: Path, data: Path, tmp_path: Path
) -> None:
    command = ("evaluate", str(checkpoint), "--data", str(data), "--condition-size", CONDITION_SIZE, "--out", "out")
    first = lookbook(*command)
    assert first.code == 0, first.stderr
    assert (first.summary["scored"], first.summary["planned"]) == (8, 8)
    assert set(first.summary["means"]["unpaired"]) >= {"ssim", "psnr", "garment_ssim", "garment_colour"}
    assert set(first.summary["not_computed"]) >= {"fid", "kid_x1000", "lpips"}
    out = tmp_path / "out"
    assert (out / "report.html").stat().st_size > 10_000
    metrics = json.loads((out / "metrics.json").read_bytes())
    assert len(metrics["subject"]["image_generator_sha256"]) == 64

    pictures = {path: path.stat().st_mtime_ns for path in (out / "results").rglob("*.png")}
    assert len(pictures) == 16
    (out / "results" / "paired" / "upper" / "00000_00_00000_00.png").unlink()
    again = lookbook(*command)
    assert again.summary["means"] == first.summary["means"]
    changed = [path for path, time in pictures.items() if path.stat().st_mtime_ns != time]
    assert [path.stem for path in sorted(changed)] == ["00000_00_00000_00", "00000_00_00000_00_worn"], (
        "the rest is kept"
    )

    assert lookbook("evaluate", str(checkpoint)).code == 64, "on which data?"
    other = lookbook(*command, "--mode", "fast")
    assert other.code == 65
    assert "try-ons of another checkpoint, size or mode" in other.stderr
    compared = lookbook("compare", "out", "out", "--out", "compared")
    assert compared.summary["pairs"] == 8
    assert compared.summary["second_is"]["paired"]["all"]["ssim"] == "equal"


def test_a_try_on_is_the_plain_paths(checkpoint: Path, data: Path, tmp_path: Path) -> None:
    evaluate_stage(
        StageOrder(data / "lower", tmp_path / "out", checkpoint=checkpoint, setting="unpaired", tryon=SETTINGS), {}
    )
    case = choose(find_sets(data / "lower"), ("unpaired",))[0]
    conditions = read_pair(case.test_set.tree, "test", case.pair, "unpaired", (SIZE[1], SIZE[0]))
    tryon = drawn.tryon(settings=SETTINGS).eval()
    with torch.inference_mode():
        wanted = tryon(*conditions, GarmentClass.LOWER, SeededNoise([case.key])).image[0]
    found = decode_rgb((tmp_path / "out" / "results" / f"{case.key}.png").read_bytes())
    difference = found.astype(int) - ((wanted + 1) * 127.5).round().permute(1, 2, 0).numpy()
    assert np.abs(difference).max() <= 1
    assert found.std() > 10


def test_conditions_that_can_not_be_read_are_a_reason(checkpoint: Path, data: Path, tmp_path: Path) -> None:
    (data / "lower" / "test" / "agnostic-v3.2" / "00000_00.jpg").unlink()
    order = StageOrder(data, tmp_path / "out", checkpoint=checkpoint, tryon=SETTINGS)
    metrics = evaluate_stage(order, {})
    assert (metrics["scored"], metrics["rejected"]) == (6, {"no-file": 2})
    with pytest.raises(EvaluationError, match=r"\(100, 150\).*multiples"):
        evaluate_stage(replace(order, out=tmp_path / "bad", size=(100, 150)), {})


def test_the_weights_of_a_folder_of_runs_are_found(checkpoint: Path, tmp_path: Path) -> None:
    for run, file in (("condition", "condition.safetensors"), ("generator", "image.pth")):
        (tmp_path / "runs" / run / "weights").mkdir(parents=True)
        (checkpoint / file).rename(tmp_path / "runs" / run / "weights" / file)
    found = CheckpointPair.find(tmp_path / "runs")
    assert (found.condition_generator.name, found.image_generator.name) == ("condition.safetensors", "image.pth")
    with pytest.raises(EvaluationError, match="one ImageGenerator is needed, there are: none"):
        CheckpointPair.find(tmp_path / "runs" / "condition")


def test_what_is_no_checkpoint_pair_is_refused(checkpoint: Path, data: Path, tmp_path: Path) -> None:
    shutil.copy(checkpoint / "image.pth", checkpoint / "second.pth")
    with pytest.raises(EvaluationError, match=r"one ImageGenerator is needed, there are: image\.pth, second\.pth"):
        evaluate_stage(StageOrder(data, tmp_path / "out", checkpoint=checkpoint), {})
    (checkpoint / "second.pth").unlink()
    (checkpoint / "image.pth").write_bytes((checkpoint / "image.pth").read_bytes()[:5000])
    with pytest.raises(EvaluationError, match=r"one ImageGenerator is needed, there are: none; .*no checkpoint"):
        CheckpointPair.find(checkpoint)
