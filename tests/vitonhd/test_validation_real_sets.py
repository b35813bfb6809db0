"""The validator on the official samples, where present: the test sets pass, the train sets' gaps are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from vitonhd.garment_classes import GarmentClass
from vitonhd.sources import TreeSource
from vitonhd.tree import Tree
from vitonhd.validation.validator import validate


@pytest.fixture
def source(samples: Path) -> TreeSource:
    return TreeSource(Tree(samples / "viton-hd"))


def test_the_official_test_sets_pass(source: TreeSource) -> None:
    report = validate(source, GarmentClass.UPPER, splits=["test"], pair_files=False)
    assert report.sound, report.first
    assert report.items == {"test": 5}


def test_what_the_official_train_sets_lack_is_named_exactly(source: TreeSource) -> None:
    report = validate(source, GarmentClass.UPPER)
    assert [str(finding) for found in report.first.values() for finding in found] == [
        "test_pairs.txt: no-pair-file",
        "train_pairs.txt: no-pair-file",
        "train/openpose_json: no-folder (no item has a file in it)",
        "train/agnostic-mask/00012_00_mask.png: no-file",
        "train/image/01723_00.jpg: no-photo (only in agnostic-mask)",
    ]
