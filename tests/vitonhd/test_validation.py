"""The validator: sound sets pass, every kind of damage is named where it is, nothing makes it raise."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vitonhd.damage import KINDS, Kind
from tests.vitonhd.drawn_people import SIZE, drawn_item, write_people
from vitonhd.folders import FOLDERS
from vitonhd.garment_classes import GarmentClass
from vitonhd.item import Item, encode_part
from vitonhd.shards import write_shards
from vitonhd.sources import ItemFiles, ShardSource, Source, TreeSource
from vitonhd.tree import PAIR_FILES, Tree
from vitonhd.tree_shards import pack
from vitonhd.validation.findings import Finding, findings_file
from vitonhd.validation.item_checks import check_item
from vitonhd.validation.limits import ITEM_LIMITS, MEDIAN_LIMITS
from vitonhd.validation.report import FIRST
from vitonhd.validation.validator import validate


def findings(source: Source, garment_class: GarmentClass = GarmentClass.UPPER, workers: int = 1) -> list[Finding]:
    found: list[Finding] = []
    report = validate(source, garment_class, workers=workers, on_finding=found.append)
    assert report.codes.total() == len(found)
    assert report.sound == (not found)
    return found


def in_shards(tree: Tree, folder: Path) -> ShardSource:
    """The tree's items in shards of two, and its pair files."""
    shards = {}
    for split in tree.splits():
        stems = sorted({stem for part in FOLDERS for stem in tree.stems(split, part.part)})
        written = list(write_shards(pack(tree, split, stems), folder, split, max_samples=2))
        shards[split] = [folder / shard.name for shard in written]
    pairs = {name: tree.read_pairs(name) for name in PAIR_FILES if tree.pair_file(name).is_file()}
    return ShardSource(shards, pairs, tree.size)


@pytest.mark.parametrize("garment_class", GarmentClass)
def test_a_sound_set_has_no_findings(tmp_path: Path, garment_class: GarmentClass) -> None:
    tree = Tree(tmp_path, size=SIZE)
    write_people(tree, garment_class, train=9, test=2)
    report = validate(TreeSource(tree), garment_class)
    assert report.sound, report.first
    assert report.items == {"test": 2, "train": 9}
    assert report.figures["train"]["garment-shown"].count == 9
    assert json.loads(json.dumps(report.to_json()))["sound"] is True


def test_there_are_thirty_kinds_of_damage() -> None:
    assert len({kind.name for kind in KINDS}) == len(KINDS) >= 30


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_damage_is_found_and_named(drawn: Tree, kind: Kind) -> None:
    kind.damage(drawn)
    assert {(finding.code, finding.where) for finding in findings(TreeSource(drawn))} == kind.findings


def test_a_figure_comes_with_its_limit(drawn: Tree) -> None:
    drawn.put("train", "agnostic", "00001_00", drawn.read_bytes("train", "image", "00001_00"))
    shown = next(finding for finding in findings(TreeSource(drawn)) if finding.code == "garment-shown")
    assert shown.figure is not None and shown.figure > 0.9
    assert shown.limit == ITEM_LIMITS["garment-shown"].most
    assert "garment-shown" in str(shown) and "0.02" in str(shown)


def test_the_garment_of_another_class_is_not_there(drawn: Tree) -> None:
    codes = {finding.code for finding in findings(TreeSource(drawn), GarmentClass.DRESS)}
    assert {"garment-share", "parse-changed"} & codes


def test_shards_give_the_findings_of_their_tree(drawn: Tree, tmp_path: Path) -> None:
    for kind in KINDS:
        if kind.name in ("a soft mask", "two people", "a test garment in train, saved again", "an empty line"):
            kind.damage(drawn)
    source = in_shards(drawn, tmp_path / "shards")
    expected = findings(TreeSource(drawn))
    assert len(expected) >= 4
    assert findings(source) == expected


def test_a_shard_that_breaks_off_is_named(drawn: Tree, tmp_path: Path) -> None:
    source = in_shards(drawn, tmp_path / "shards")
    path = source.shards["test"][0]
    path.write_bytes(path.read_bytes()[:5000])
    source.shards["train"][1].unlink()
    found = {(finding.code, finding.where) for finding in findings(source)}
    assert {("truncated-shard", "test-000000.tar"), ("unreadable-file", "train-000001.tar")} <= found
    assert ("no-person", "test_pairs.txt:1") in found


def test_an_item_in_two_shards_is_named(drawn: Tree, tmp_path: Path) -> None:
    source = in_shards(drawn, tmp_path / "shards")
    twice = ShardSource(
        {"train": [*source.shards["train"], source.shards["train"][1]], "test": source.shards["test"]},
        source.pairs, SIZE,
    )  # fmt: skip
    assert [(finding.code, finding.where) for finding in findings(twice)] == [("duplicate-item", "train/00002_00")]


def test_the_number_of_workers_changes_nothing(tmp_path: Path) -> None:
    tree = Tree(tmp_path, size=SIZE)
    write_people(tree, train=18, test=2)
    for stem in ("00003_00", "00010_00", "00017_00"):
        tree.put("train", "cloth", stem, tree.read_bytes("test", "cloth", "00100_00"))
    alone = validate(TreeSource(tree), GarmentClass.UPPER)
    assert alone.codes == {"leaked-garment": 3}
    assert validate(TreeSource(tree), GarmentClass.UPPER, workers=2).to_json() == alone.to_json()


def test_what_is_a_little_off_everywhere_is_seen_in_the_medians(tmp_path: Path) -> None:
    """Every photo shows a bit of garment: each item passes, the split does not."""
    tree = Tree(tmp_path, size=SIZE)
    write_people(tree, train=9, test=2)
    for stem in tree.stems("train"):
        item = drawn_item(stem, seed=int(stem[:5]))
        assert item.agnostic is not None and item.image is not None
        agnostic = item.agnostic.copy()
        agnostic[88:96, 88:100] = item.image[88:96, 88:100]
        tree.write("train", Item(stem, agnostic=agnostic))
    found = {(finding.code, finding.where) for finding in findings(TreeSource(tree))}
    assert found == {("median-garment-shown", "train")}
    assert MEDIAN_LIMITS["garment-shown"].most < ITEM_LIMITS["garment-shown"].most


def test_a_report_stays_small_however_much_is_wrong(tmp_path: Path) -> None:
    tree = Tree(tmp_path, size=SIZE)
    write_people(tree, train=1, test=1)
    tree.pair_file("train").write_text("nonsense\n" * 500)
    report = validate(TreeSource(tree), GarmentClass.UPPER)
    assert report.codes["bad-pair"] == 500
    assert len(report.first["bad-pair"]) == FIRST


def test_splits_and_pairs_can_be_left_out(drawn: Tree) -> None:
    drawn.pair_file("test").unlink()
    drawn.path("train", "image", "00001_00").unlink()
    assert validate(TreeSource(drawn), GarmentClass.UPPER, splits=["test"], pair_files=False).sound
    assert validate(TreeSource(drawn), GarmentClass.UPPER, splits=["test"]).codes == {"no-pair-file": 1}


def test_no_data_set_at_all_is_a_finding(tmp_path: Path) -> None:
    assert [finding.code for finding in findings(TreeSource(Tree(tmp_path / "nowhere")))] == ["no-split"]
    assert validate(TreeSource(Tree(tmp_path)), GarmentClass.UPPER, splits=["train"]).codes == {"no-split": 1}


def test_a_folder_that_can_not_be_listed_is_one_finding(drawn: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    listing = Path.iterdir

    def refuse(path: Path) -> object:
        if path == drawn.folder("test", "pose"):
            raise PermissionError(13, "Permission denied")
        return listing(path)

    monkeypatch.setattr(Path, "iterdir", refuse)
    for path in listing(drawn.folder("test", "pose")):
        path.unlink()
    found = [(finding.code, finding.where) for finding in findings(TreeSource(drawn))]
    assert found == [("unreadable-folder", "test/openpose_json")]


ENCODED = {folder.part: encode_part(folder, content) for folder, content in drawn_item("00001_00").parts()}


@settings(max_examples=60)
@given(st.sampled_from(sorted(ENCODED)), st.data())
def test_nothing_in_a_file_makes_it_raise(part: str, data: st.DataObject) -> None:
    """Bytes changed, cut, repeated or taken from another part."""
    seed = data.draw(st.integers(0, 2**32))
    content = bytearray(ENCODED[data.draw(st.sampled_from([part, part, part, *sorted(ENCODED)]))])
    chance = random.Random(seed)
    for _ in range(data.draw(st.integers(0, 30))):
        content[chance.randrange(len(content))] = chance.randrange(256)
    cut = data.draw(st.integers(0, len(content)))
    damaged = bytes(content[:cut] if data.draw(st.booleans()) else content + content[cut:])
    files = ItemFiles("train", "00001_00", ENCODED | {part: damaged})
    report = check_item(files, GarmentClass.UPPER, SIZE)
    assert all(finding.where.startswith("train/") for finding in report.findings)
    assert all(np.isfinite(figure) for figure in report.figures.values())


def test_the_findings_file_has_a_line_for_each(drawn: Tree, tmp_path: Path) -> None:
    drawn.path("train", "agnostic", "00001_00").unlink()
    drawn.pair_file("train").unlink()
    path = tmp_path / "findings.jsonl"
    with findings_file(path) as write:
        validate(TreeSource(drawn), GarmentClass.UPPER, on_finding=write)
        assert not path.exists(), "it appears whole"
    assert [json.loads(line)["code"] for line in path.read_text().splitlines()] == ["no-file", "no-pair-file"]
