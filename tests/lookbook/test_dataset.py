"""`lookbook dataset`: exit codes, the table, the findings file and the summaries of the real command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Lookbook
from tests.vitonhd.drawn_people import SIZE, write_people
from vitonhd.garment_classes import GarmentClass
from vitonhd.tree import Tree

SIZE_OPTION = ("--size", f"{SIZE[0]}x{SIZE[1]}")


@pytest.fixture
def lookbook(tmp_path: Path) -> Lookbook:
    """The command with no settings: data sets need none."""
    lookbook = Lookbook(tmp_path, "")
    lookbook.settings = {}
    return lookbook


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    tree = Tree(tmp_path / "lower", size=SIZE)
    write_people(tree, GarmentClass.LOWER, train=2, test=2)
    return tree


def test_a_sound_set_ends_with_0_and_a_damaged_one_with_1(lookbook: Lookbook, tree: Tree) -> None:
    arguments = ("dataset", "validate", "lower", "--class", "lower", *SIZE_OPTION)
    ran = lookbook(*arguments, "--report", "report.json")
    assert (ran.code, ran.summary["sound"]) == (0, True), ran.stderr
    assert "sound (2 test, 2 train)" in ran.stderr
    report = json.loads((lookbook.folder / "report.json").read_text())
    assert report["figures"]["train"]["garment-shown"]["count"] == 2

    tree.put("train", "agnostic", "00001_00", tree.read_bytes("train", "image", "00001_00"))
    tree.pair_file("test").unlink()
    ran = lookbook(*arguments, "--findings", "findings.jsonl", "--workers", "2")
    assert ran.code == 1
    assert ran.summary["codes"] == {"no-pair-file": 1, "garment-shown": 1, "mask-not-grey": 1}
    for words in ("2 train", "garment-shown", "train/agnostic-v3.2/00001_00.jpg", "0.02"):
        assert words in ran.stderr
    lines = [json.loads(line) for line in (lookbook.folder / "findings.jsonl").read_text().splitlines()]
    assert {line["code"] for line in lines} == set(ran.summary["codes"])
    assert lookbook(*arguments, "--split", "train").code == 1
    assert lookbook(*arguments, "--split", "validation").code == 64
    assert "Traceback" not in ran.stderr


def test_export_to_dress_code_and_import_back(lookbook: Lookbook, tree: Tree) -> None:
    ran = lookbook("dataset", "export", "lower", "dc", "--as", "dresscode", "--class", "lower", *SIZE_OPTION)
    assert (ran.code, ran.summary["items"], ran.summary["rejected"]) == (0, {"train": 2, "test": 2}, 0), ran.stderr
    ran = lookbook("dataset", "import", "dc", "back", "--from", "dresscode", *SIZE_OPTION, "--workers", "2")
    assert ran.code == 0, ran.stderr
    assert ran.summary["back/lower"]["items"] == {"train": 2, "test": 2}
    back = Tree(lookbook.folder / "back/lower", size=SIZE)
    assert back.read_bytes("train", "image", "00001_00") == tree.read_bytes("train", "image", "00001_00")


def test_a_folder_that_is_no_data_set_ends_with_65(lookbook: Lookbook) -> None:
    (lookbook.folder / "empty").mkdir()
    for origin in ("vitonhd", "dresscode"):
        ran = lookbook("dataset", "import", "empty", "out", "--from", origin)
        assert (ran.code, ran.stderr.count("\n")) == (65, 1)
    assert lookbook("dataset", "validate", "empty").code == 1
