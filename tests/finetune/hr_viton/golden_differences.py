"""How far we are from the published networks' outputs; `pytest -v tests/finetune/hr_viton` prints it as a table.

The contract that must not break: what is compared is recorded, whether it is close enough or not.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from torch import Tensor

TOLERANCE = 1e-4
DIFFERENCES: dict[str, float] = {}
"""The largest absolute difference of each golden file, for each of our programs."""


def close(got: Tensor, path: Path, name: str, *, program: str = "plain") -> None:
    """Asserts that an array of a golden file is met within 1e-4."""
    wanted = np.load(path)[name]
    assert got.shape == wanted.shape
    difference = float(np.abs(got.numpy() - wanted).max())
    key = f"{path.name} {program}"
    DIFFERENCES[key] = max(DIFFERENCES.get(key, 0.0), difference)
    assert difference < TOLERANCE, name


def labels_close(got: Tensor, path: Path, name: str, *, program: str = "plain") -> None:
    """Asserts that fewer than 0.1 % of a golden file's labels differ: near ties are decided by rounding."""
    share = float((got.numpy() != np.load(path)[name]).mean())
    DIFFERENCES[f"{path.name} {program}, share of {name}"] = share
    assert share < 1e-3
