"""Checkpoints of a run: only whole ones count, and the one before stands in."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch

from finetune.run_checkpoints import RunCheckpoints


@pytest.fixture
def checkpoints(tmp_path: Path) -> RunCheckpoints:
    kept = RunCheckpoints(tmp_path, keep=2)
    for step in (10, 20, 30):
        kept.save(step, {"weights": torch.full((100,), float(step))})
    return kept


def test_the_newest_is_loaded_and_the_oldest_is_gone(checkpoints: RunCheckpoints) -> None:
    found = checkpoints.load()
    assert found is not None
    step, state = found
    assert step == 30
    assert state["weights"].tolist() == [30.0] * 100
    assert sorted(path.name for path in checkpoints.folder.glob("*.pt")) == ["step-00000020.pt", "step-00000030.pt"]


@pytest.mark.parametrize("damage", ["cut", "flipped", "no record", "empty"])
def test_a_damaged_one_gives_way_to_the_one_before(checkpoints: RunCheckpoints, damage: str) -> None:
    newest = checkpoints.folder / "step-00000030.pt"
    data = newest.read_bytes()
    if damage == "no record":
        newest.with_suffix(".json").unlink()
    else:
        cut = {"cut": data[:-100], "empty": b"", "flipped": data[:700] + bytes([data[700] ^ 1]) + data[701:]}
        newest.write_bytes(cut[damage])
    found = checkpoints.load()
    assert found is not None
    assert found[0] == 20


def test_nothing_is_executed(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "executed",)  # type: ignore[return-value]

    kept = RunCheckpoints(tmp_path)
    kept.save(1, {"evil": Evil()})
    with pytest.raises(pickle.UnpicklingError):
        kept.load()
    assert not (tmp_path / "executed").exists()


def test_an_empty_folder_holds_nothing(tmp_path: Path) -> None:
    assert RunCheckpoints(tmp_path / "none").load() is None
