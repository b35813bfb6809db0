"""A run learns, goes on exactly where it was, and refuses what is not its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from preprocess.errors import NothingToDo, OtherParameters, PreprocessError
from preprocess.student.batches import Batch, Loader, Order
from preprocess.student.examples import IGNORED, find_sources, read_examples
from preprocess.student.losses import LossWeights, losses_of, weighted
from preprocess.student.network import StudentNetwork, StudentShape, to_input
from preprocess.student.training import Pace, Recipe, make_recipe, train
from preprocess.student.truth import Teacher
from preprocess.student.weights import load_student, read_about, save_student
from preprocess.weights.errors import WeightsDamaged, WeightsMissing
from tests.conftest import ROOT
from tests.preprocess.student_drawn import TINY, write_tree

CPU = torch.device("cpu")
PACE = Pace(log=1, save=2, sheet=1000)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tree(tmp_path_factory.mktemp("data") / "drawn")


@pytest.fixture(scope="module")
def batch(tree: Path) -> Batch:
    examples = read_examples(find_sources(tree, "train"), 96, 64, teacher=Teacher.STUDIO)
    loaded = Loader(examples, 8, 0, CPU).batch(0)
    half = torch.nn.functional.interpolate(loaded.labels, scale_factor=0.5, mode="nearest")
    return Batch(loaded.pictures, loaded.cutout, half, loaded.joints, loaded.worn, loaded.uv_known)


def recipe_of(tree: Path, steps: int, **options: object) -> Recipe:
    return Recipe(str(tree), steps, batch=4, shape=TINY, **options)  # type: ignore[arg-type]


def test_it_learns_what_it_is_shown(tree: Path, tmp_path: Path) -> None:
    train(recipe_of(tree, 40, augmented=False, rate=5e-3), tmp_path, pace=PACE)
    log = [json.loads(line) for line in (tmp_path / "loss.jsonl").read_text().splitlines()]
    assert [line["step"] for line in log] == list(range(1, 41))
    for part in ("parse", "densepose", "person", "garment"):
        assert np.mean([line[part] for line in log[-5:]]) < 0.75 * log[0][part], part
    assert (tmp_path / "loss.png").stat().st_size > 1000 and (tmp_path / "sheet.png").stat().st_size > 1000


def test_a_run_that_goes_on_ends_with_the_same_bytes(tree: Path, tmp_path: Path) -> None:
    """Stopped between two checkpoints: the steps after the last one are done again, alike."""
    recipe = recipe_of(tree, 5)
    whole = train(recipe, tmp_path / "whole", pace=PACE)

    def stop(done: int, total: int | None) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(recipe, tmp_path / "cut", pace=PACE, on_progress=stop)
    cut = train(recipe, tmp_path / "cut", pace=PACE)
    assert cut.resumed == 2
    assert cut.weights.read_bytes() == whole.weights.read_bytes()
    assert (tmp_path / "cut/loss.jsonl").read_text() == (tmp_path / "whole/loss.jsonl").read_text()


@pytest.mark.slow
def test_killed_in_a_plain_folder_it_ends_with_the_same_bytes(tree: Path, tmp_path: Path) -> None:
    """As on a GPU machine: two packages in a folder, no `lookbook`, no database."""
    plain = tmp_path / "plain"
    for package in ("vitonhd", "preprocess"):
        shutil.copytree(ROOT / package, plain / package, ignore=shutil.ignore_patterns("__pycache__"))
    _command(plain, tree, tmp_path / "whole").wait(timeout=200)
    running = _command(plain, tree, tmp_path / "killed")
    until = time.monotonic() + 120
    while not (tmp_path / "killed/checkpoint.pt").exists() and time.monotonic() < until:
        time.sleep(0.02)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    assert not (tmp_path / "killed/student.safetensors").exists(), "the run was over before it was killed"
    again = _command(plain, tree, tmp_path / "killed")
    summary = json.loads(again.communicate(timeout=200)[0].splitlines()[-1])
    assert 0 < summary["resumed"] < 60
    assert running.returncode == -signal.SIGKILL
    for name in ("student.safetensors", "loss.jsonl", "student.md"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


def _command(plain: Path, tree: Path, out: Path) -> subprocess.Popen[str]:
    """One thread: sums in another order would be other bytes."""
    arguments = ["--data", str(tree), "--steps", "60", "--batch", "4", "--out", str(out), "--size", "64x96"]
    arguments += ["--backbone", TINY.backbone, "--width", str(TINY.width), "--save-every", "5", "--log-every", "1"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    environment.pop("PYTHONPATH", None)
    return subprocess.Popen(
        [sys.executable, "-m", "preprocess.student.train", *arguments],
        cwd=plain, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True, start_new_session=True,
    )  # fmt: skip


def test_another_recipe_is_refused(tree: Path, tmp_path: Path) -> None:
    train(recipe_of(tree, 2), tmp_path, pace=PACE)
    with pytest.raises(OtherParameters, match="seed 0, not 1"):
        train(recipe_of(tree, 2, seed=1), tmp_path, pace=PACE)


def test_a_checkpoint_that_would_run_code_is_refused(tree: Path, tmp_path: Path) -> None:
    torch.save({"step": 1, "recipe": "{}", "network": Path("x")}, tmp_path / "checkpoint.pt")
    with pytest.raises(WeightsDamaged, match="no checkpoint"):
        train(recipe_of(tree, 2), tmp_path, pace=PACE)


def test_unknown_things_cost_nothing(batch: Batch) -> None:
    """Wrong answers where nobody knows the truth leave every loss as it is."""
    network = StudentNetwork(TINY).eval()
    with torch.no_grad():
        outputs = network(to_input(batch.pictures))
    losses = losses_of(outputs, batch)
    unknown = (batch.labels[:, :1] == IGNORED).float()
    assert unknown.any()
    worn = batch.worn[:, None, None, None].float()
    other = outputs._replace(
        parse=outputs.parse + unknown * torch.randn_like(outputs.parse) * 9,
        garment=outputs.garment + worn * 9,
        uv=torch.where(batch.labels[:, 1:2] == 0, 1 - outputs.uv, outputs.uv),
    )
    changed = losses_of(other, batch)
    assert all(torch.allclose(changed[name], losses[name]) for name in losses)
    assert set(losses) == set(LossWeights.__dataclass_fields__)
    nobody_knows = Batch(batch.pictures, batch.cutout, torch.full_like(batch.labels, IGNORED), batch.joints * 0,
                         torch.ones_like(batch.worn), torch.zeros_like(batch.uv_known))  # fmt: skip
    assert torch.isfinite(weighted(losses_of(outputs, nobody_knows), LossWeights()))


def test_every_epoch_shows_every_item_once() -> None:
    order = Order(10, 3, 0)
    shown = np.concatenate([order.places(step, 4) for step in range(5)])
    assert sorted(shown[:10]) == sorted(shown[10:]) == list(range(10))
    assert np.array_equal(Order(10, 3, 0).places(3, 4), shown[12:16])
    assert not np.array_equal(Order(10, 4, 0).places(0, 10), shown[:10])


def test_the_official_teachers_tree_is_read_without_truth(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "official", train=2, test=0, truth=False)
    with pytest.raises(NothingToDo, match="--teacher official"):
        read_examples(find_sources(tree, "train"), 96, 64, teacher=Teacher.STUDIO)
    examples = read_examples(find_sources(tree, "train"), 96, 64, teacher=Teacher.OFFICIAL)
    studio = write_tree(tmp_path / "studio", train=2, test=0)
    exact = read_examples(find_sources(studio, "train"), 96, 64, teacher=Teacher.STUDIO)
    unsure = examples.labels[..., 1] == IGNORED
    assert 0 < unsure.mean() < 0.2
    assert np.array_equal(examples.labels[..., 1][~unsure], exact.labels[..., 1][~unsure])
    assert exact.uv_known.all() and not examples.uv_known.any()


def test_a_bad_item_is_left_out_with_its_reason(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "drawn", train=3, test=0)
    (tree / "train/image-parse-v3/00001_00.png").write_bytes(b"no picture")
    (tree / "truth/train/00002_00.npz").write_bytes(b"no archive")
    examples = read_examples(find_sources(tree, "train"), 96, 64, teacher=Teacher.STUDIO, workers=2)
    assert [source.stem for source in examples.sources] == ["00000_00"]
    reasons = {source.stem: reason.partition(":")[0] for source, reason in examples.rejected}
    assert reasons == {"00001_00": "unreadable-picture", "00002_00": "bad-truth"}
    assert len(examples.photos) == 1


def test_a_folder_of_trees_is_found(tmp_path: Path) -> None:
    for name in ("upper", "dress"):
        write_tree(tmp_path / name, train=1, test=1)
    assert list(map(str, find_sources(tmp_path, "train"))) == ["dress/train/00000_00", "upper/train/00000_00"]
    with pytest.raises(NothingToDo, match="studio render"):
        find_sources(tmp_path / "upper/train", "train")


def test_weights_come_back_and_strangers_are_refused(tmp_path: Path) -> None:
    network = StudentNetwork(TINY)
    path = tmp_path / "student.safetensors"
    save_student(path, network.state_dict(), TINY, {"steps": 3})
    loaded, made = load_student(path)
    assert made == {"steps": 3} and loaded.shape == TINY
    for key, value in network.state_dict().items():
        assert torch.allclose(loaded.state_dict()[key].float(), value.float(), atol=2e-3), key
    with pytest.raises(WeightsMissing, match="train-student"):
        load_student(tmp_path / "none.safetensors")
    save_student(path, network.state_dict(), StudentShape(TINY.backbone, 24, 64, 96), {})
    with pytest.raises(WeightsDamaged, match="of another shape"):
        load_student(path)
    path.write_bytes(b"\x00" * 100)
    with pytest.raises(WeightsDamaged, match="no safetensors"):
        read_about(path)


def test_the_default_student_is_small(tmp_path: Path) -> None:
    shape = StudentShape()
    save_student(tmp_path / "student.safetensors", StudentNetwork(shape).state_dict(), shape, {})
    assert (tmp_path / "student.safetensors").stat().st_size < 10_000_000


def test_a_device_that_is_not_there_is_said_so(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(PreprocessError, match="--device cpu"):
        train(recipe_of(tree, 2), tmp_path, device="cuda:77")
    with pytest.raises(PreprocessError, match="abacus"):
        train(recipe_of(tree, 2), tmp_path, device="abacus")


def test_a_finished_run_has_nothing_left_to_do(tree: Path, tmp_path: Path) -> None:
    first = train(recipe_of(tree, 2), tmp_path, pace=PACE)
    content = first.weights.read_bytes()
    again = train(recipe_of(tree, 2), tmp_path, pace=PACE)
    assert again.resumed == 2 and again.weights.read_bytes() == content
    (tmp_path / "loss.jsonl").unlink()
    with pytest.raises(PreprocessError, match="finished run"):
        train(recipe_of(tree, 2), tmp_path, pace=PACE)


def test_a_recipe_that_cannot_train_is_refused() -> None:
    for options, told in (
        ({"size": "300x400"}, "multiple of 32"), ({"size": "big"}, "expected WxH"), ({"batch": 1}, "batch of 2"),
        ({"rate": 3.0}, "rate 3.0"),
    ):  # fmt: skip
        with pytest.raises(PreprocessError, match=told):
            make_recipe(Path("data"), 10, **options)  # type: ignore[arg-type]
    with pytest.raises(PreprocessError, match="no backbone"):
        StudentNetwork(StudentShape("no_such_network"))


def test_a_run_begins_with_the_weights_that_it_is_given(tree: Path, tmp_path: Path) -> None:
    start = tmp_path / "start.safetensors"
    save_student(start, StudentNetwork(TINY).state_dict(), TINY, {"steps": 7})
    recipe = Recipe(str(tree), 1, batch=4, rate=1e-9, average=0.0, shape=TINY, start=str(start))
    made = train(recipe, tmp_path / "run", pace=PACE)
    (first, _), (last, about) = load_student(start), load_student(made.weights)
    assert about["start"] == {"steps": 7}
    for before, after in zip(first.parameters(), last.parameters(), strict=True):
        torch.testing.assert_close(after, before, atol=1e-3, rtol=1e-3)
    wider = StudentShape(TINY.backbone, TINY.width * 2, TINY.input_width, TINY.input_height)
    with pytest.raises(PreprocessError, match="of width"):
        train(Recipe(str(tree), 1, batch=4, shape=wider, start=str(start)), tmp_path / "other", pace=PACE)
