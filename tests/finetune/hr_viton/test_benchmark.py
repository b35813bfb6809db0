"""The benchmark's one command does all that it promises, at a size for a test."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT


@pytest.mark.slow
def test_quick_benchmark_measures_batches_grid_modules_and_limits(tmp_path: Path) -> None:
    command = [sys.executable, "benchmarks/hr_viton.py", "--quick", "--batches", "1", "--grid", "2x3", "--rounds", "1"]
    done = subprocess.run(
        [*command, "--cache", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    figures = json.loads(done.stdout.splitlines()[-1])
    made = {(one["program"], one["work"]): one for one in figures["results"]}
    assert made.keys() == {("plain", "1"), ("exact", "1"), ("fast", "1"), ("fast", "2x3")}
    assert made["fast", "2x3"]["encoded"] == {"persons": 2, "garments": 3}
    for program in ("plain", "exact", "fast"):
        assert {"condition_generator", "up_3", "conv_img"} <= made[program, "1"]["parts"].keys()
        assert figures["limits"][program]["gflop"] > 0
    assert figures["fast_against_exact"]["psnr_db"] > 40
