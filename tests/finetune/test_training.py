"""Whole runs of the real command: kill -9 and resume, two processes, early stop, refusals, what a run leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from finetune.run_checkpoints import RunCheckpoints

ROOT = Path(__file__).parents[2]
SMALL = (
    "width=64", "height=64", "batch=4", "model.condition_pixels=[64,64]", "model.condition_width=2",
    "model.image_width=2", "model.modulation_width=2", "model.upsampling=normal", "augmentation.flip=0.5",
    "augmentation.recolour=0.5", "augmentation.person_turn=5", "augmentation.garment_shift=0.1",
)  # fmt: skip


def command(stage: str, data: Path, out: Path, *options: str, settings: tuple[str, ...] = ()) -> list[str]:
    chosen = [part for one in (*SMALL, *settings) for part in ("--set", one)]
    return [
        sys.executable, "-m", "finetune.train", stage, "--data", str(data), "--out", str(out), "--accelerator", "cpu",
        "--trackers", "", "--pace", "save=2", "--pace", "log=1", "--pace", "validation_examples=2", *chosen, *options,
    ]  # fmt: skip


def run(arguments: list[str], **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **variables}
    return subprocess.run(
        arguments, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False
    )


def summary(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def lines(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


def kill_in_the_middle(arguments: list[str], out: Path, step: int) -> None:
    """Start a run and kill -9 it once a checkpoint of that step is there."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        arguments, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    record = out / "checkpoints" / f"step-{step:08d}.json"
    while not record.exists():
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.parametrize("stage", ["condition", "generator"])
def test_killed_and_resumed_is_as_if_nothing_had_been(
    stage: str, renders: Path, condition_start: Path, tmp_path: Path
) -> None:
    start = ("--steps", "12", "--start", f"condition_generator={condition_start}")
    whole, broken = (command(stage, renders, tmp_path / name, *start) for name in ("whole", "broken"))
    first = summary(run(whole))
    kill_in_the_middle(broken, tmp_path / "broken", 4)
    newest = max((tmp_path / "broken" / "checkpoints").glob("*.pt"))
    newest.write_bytes(newest.read_bytes()[:-50])  # cut short too: the one before it must do
    resumed = summary(run(broken))
    assert 0 < resumed["resumed"] < 12
    for path in first["weights"]:
        one, other = (load_file(tmp_path / name / path) for name in ("whole", "broken"))
        assert all(torch.equal(other[key], value) for key, value in one.items()), path
    assert resumed["losses"] == first["losses"]
    assert lines(tmp_path / "broken") == lines(tmp_path / "whole")


@pytest.mark.parametrize("stage", ["condition", "generator"])
def test_two_processes_equal_one_with_the_doubled_batch(
    stage: str, renders: Path, condition_start: Path, tmp_path: Path
) -> None:
    # Dropout draws its masks for a batch as a whole, so the discriminator that has it stays out.
    # Total variation is kept out as well: where a flow is flat, its gradient is the sign of a rounding.
    settings = ("model.adversarial=0", "model.total_variation=0")
    options = ("--steps", "1", "--start", f"condition_generator={condition_start}")
    states = []
    for name, devices in (("one", "1"), ("two", "2")):
        out = tmp_path / name
        done = run(command(stage, renders, out, *options, "--devices", devices, settings=settings))
        assert done.returncode == 0, done.stderr
        found = RunCheckpoints(out / "checkpoints").load()
        assert found is not None
        states.append(found[1])
    one, two = states
    # Adam turns rounding of tiny gradients into whole steps; its first moments after one step are the gradients.
    for network, optimiser in one["optimisers"].items():
        largest = max(float(moments["exp_avg"].norm()) for moments in optimiser["state"].values())
        for number, moments in optimiser["state"].items():
            wanted, found_there = moments["exp_avg"], two["optimisers"][network]["state"][number]["exp_avg"]
            error = float((found_there - wanted).norm())
            assert error < 0.02 * float(wanted.norm()) + 1e-5 * largest, f"{network}, parameter {number}"
        for key, value in one["networks"][network].items():
            if "running_" in key or key.endswith(("weight_u", "weight_v")):
                torch.testing.assert_close(two["networks"][network][key], value, rtol=1e-4, atol=1e-5, msg=key)


def test_other_settings_are_refused(renders: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    summary(run(command("condition", renders, out, "--steps", "1")))
    other = run(command("condition", renders, out, "--steps", "1", "--seed", "5"))
    assert other.returncode == 1
    assert "settings.seed 0, not 5" in other.stderr
    assert len(other.stderr.strip().splitlines()) == 1


def test_a_run_says_what_it_was(renders: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    result = summary(run(command("condition", renders, out, "--steps", "2")))
    assert result["perceptual"] == "pyramid-l1"
    assert result["perceptual_stands_in_for"] == "vgg-19"
    environment = json.loads((out / "environment.json").read_text())
    assert environment["seed"] == 0
    assert environment["packages"]["torch"] == torch.__version__.split("+")[0]
    assert json.loads((out / "config.json").read_text())["data"]["lower"].startswith("6 items, ")
    assert (out / "samples" / "step-00000002.png").is_file()
    assert 0 <= result["data_wait_share"] <= 1


def test_it_stops_when_nothing_gets_better(renders: Path, tmp_path: Path) -> None:
    settings = ("stop.patience=2", "stop.better_by=1000000000.0")
    result = summary(
        run(
            command(
                "condition", renders, tmp_path / "run", "--steps", "30", "--pace", "validate_every=2", settings=settings
            )
        )
    )
    assert result["steps"] == 6  # the first score is the best, two more are not better
    assert result["stopped_early"] is True


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--set", "model.widht=4"), "widht"),
        (("--set", "freeze=[\"condition_generator:nothing*\"]"), "no parameter"),
        (("--set", "mix={\"dress\": 1}"), "dress"),
        (("--start", "condition_generator=/nowhere.safetensors"), "/nowhere.safetensors"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_one_line(options: tuple[str, str], told: str, renders: Path, tmp_path: Path) -> None:
    done = run(command("condition", renders, tmp_path / "run", "--steps", "1", *options))
    assert done.returncode == 1
    assert told in done.stderr.strip().splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_frozen_groups_keep_their_weights(renders: Path, condition_start: Path, tmp_path: Path) -> None:
    options = ("--steps", "2", "--start", f"condition_generator={condition_start}")
    frozen = ('freeze=["condition_generator:ClothEncoder.*"]', "average=0.0")
    summary(run(command("condition", renders, tmp_path / "run", *options, settings=frozen)))
    before, after = load_file(condition_start), load_file(tmp_path / "run/weights/condition_generator.safetensors")
    for key, value in before.items():
        same = torch.equal(after[key], value)
        if key.startswith("ClothEncoder."):
            assert same, key
    assert not torch.equal(after["PoseEncoder.0.scale.weight"], before["PoseEncoder.0.scale.weight"])
