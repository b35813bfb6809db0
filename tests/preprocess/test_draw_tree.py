import json
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from preprocess.draw.stage import OUTPUTS, Order, draw_tree
from preprocess.errors import NothingToDo, OtherParameters
from tests.conftest import Lookbook
from tests.preprocess.mannequin import SIZE, mannequin
from vitonhd.densepose import DENSEPOSE
from vitonhd.garment_classes import GarmentClass
from vitonhd.pair_files import Pair
from vitonhd.problems import missing
from vitonhd.tree import Tree

SIZE_OPTION = f"{SIZE[0]}x{SIZE[1]}"


def write_people(root: Path, count: int = 4, garment_class: GarmentClass = GarmentClass.UPPER) -> Tree:
    tree = Tree(root, size=SIZE)
    for number in range(count):
        tree.write("train" if number % 2 else "test", mannequin(garment_class).item(f"{number:05d}_00"))
    return tree


def order(source: Tree, out: Path, garment_class: GarmentClass = GarmentClass.UPPER, *, grey: bool = False) -> Order:
    return Order(source.root, out, garment_class, *SIZE, grey=grey)


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def rejections(out: Path) -> dict[str, str]:
    lines = (out / "rejections.jsonl").read_text().splitlines()
    return {found["item"]: found["reason"] for found in map(json.loads, lines)}


@pytest.mark.parametrize("garment_class", list(GarmentClass))
def test_the_command_completes_a_tree_in_place(tmp_path: Path, lookbook: Lookbook, garment_class: GarmentClass) -> None:
    tree = write_people(tmp_path / "tree", 2, garment_class)
    for split, stem in (("test", "00000_00"), ("train", "00001_00")):
        item = tree.read(split, stem, ["image", "parse"])
        assert item.image is not None and item.parse is not None
        item.cloth, item.cloth_mask, item.densepose = item.image, item.parse > 0, DENSEPOSE.paint(item.parse)
        tree.write(split, item)
        tree.write_pairs(split, [Pair(stem, stem)])
    root = str(tree.root)
    arguments = ("preprocess", "draw", root, root, "--class", garment_class, "--size", SIZE_OPTION)
    ran = lookbook(*arguments)
    assert ran.code == 0, ran.stderr
    assert ran.summary == {
        "out": root, "class": garment_class, "drawn": 2, "kept": 0, "completed_poses": 0, "rejected": 0, "reasons": {}
    }  # fmt: skip
    assert missing(tree) == []
    assert lookbook(*arguments).summary["kept"] == 2


def test_two_workers_draw_the_same_bytes_as_one(tmp_path: Path) -> None:
    source = write_people(tmp_path / "source", 6)
    (source.path("train", "pose", "00003_00")).write_bytes(b"{")
    one = draw_tree(order(source, tmp_path / "one"))
    two = draw_tree(order(source, tmp_path / "two"), workers=2)
    assert (one.drawn, one.rejected) == (two.drawn, two.rejected) == (5, 1)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_each_bad_item_has_its_reason_and_the_others_are_drawn(tmp_path: Path) -> None:
    source = write_people(tmp_path / "source", 8)
    source.path("test", "image", "00000_00").unlink()
    source.path("train", "parse", "00001_00").write_bytes(b"no picture")
    source.path("test", "pose", "00002_00").write_bytes(b'{"people": []}')
    source.path("train", "pose", "00003_00").write_bytes(b'{"people": [{"pose_keypoints_2d": [1, 2, 3]}]}')
    whole = source.path("test", "image", "00004_00")
    whole.write_bytes(whole.read_bytes()[:900])
    far = json.loads(source.read_bytes("train", "pose", "00005_00"))
    far["people"][0]["pose_keypoints_2d"][0] = 1e30
    source.path("train", "pose", "00005_00").write_bytes(json.dumps(far).encode())
    empty = source.read("test", "00006_00", ["parse"])
    assert empty.parse is not None
    empty.parse = np.zeros_like(empty.parse)
    source.write("test", empty)
    result = draw_tree(order(source, tmp_path / "out"))
    assert rejections(tmp_path / "out") == {
        "00000_00": "no-file",
        "00001_00": "unreadable-picture",
        "00002_00": "not-one-person",
        "00003_00": "wrong-keypoints",
        "00004_00": "unreadable-picture",
        "00005_00": "pose-outside-picture",
        "00006_00": "no-person",
    }
    assert (result.drawn, result.rejected) == (1, 7)
    assert Tree(tmp_path / "out", size=SIZE).stems("train", "agnostic_mask") == ["00007_00"]


def test_a_repaired_item_is_drawn_and_one_that_changed_is_drawn_again(tmp_path: Path) -> None:
    source, out = write_people(tmp_path / "source"), tmp_path / "out"
    pose = source.read_bytes("test", "pose", "00000_00")
    source.path("test", "pose", "00000_00").write_bytes(b"")
    assert draw_tree(order(source, out)).reasons == {"bad-json": 1}
    source.path("test", "pose", "00000_00").write_bytes(pose)
    result = draw_tree(order(source, out))
    assert (result.drawn, result.kept, result.rejected) == (1, 3, 0)
    assert rejections(out) == {}
    before = contents(out)
    changed = source.path("train", "parse", "00001_00")
    later = time.time() + 5
    os.utime(changed, (later, later))
    Tree(out, size=SIZE).path("train", "agnostic", "00003_00").unlink()
    assert draw_tree(order(source, out)).drawn == 2
    assert contents(out) == before


def test_poses_with_a_torso_completed_are_counted(tmp_path: Path) -> None:
    source = write_people(tmp_path / "source", 2)
    pose = source.read("test", "00000_00", ["pose"])
    assert pose.pose is not None
    pose.pose.people[0].raw["pose_keypoints_2d"][3:6] = [0, 0, 0]
    source.write("test", pose)
    assert draw_tree(order(source, tmp_path / "out")).completed == 1


def test_another_class_in_the_same_folder_is_refused(tmp_path: Path, lookbook: Lookbook) -> None:
    source = write_people(tmp_path / "source", 1)
    draw_tree(order(source, tmp_path / "out"))
    with pytest.raises(OtherParameters, match="choose another folder"):
        draw_tree(order(source, tmp_path / "out", GarmentClass.DRESS))
    ran = lookbook("preprocess", "draw", str(source.root), str(tmp_path / "out"), "--size", "64x64")
    assert ran.code == 64 and "choose another folder" in ran.stderr


def test_a_folder_that_is_no_tree_is_refused(tmp_path: Path, lookbook: Lookbook) -> None:
    with pytest.raises(NothingToDo, match="VITON-HD tree"):
        draw_tree(order(Tree(tmp_path), tmp_path / "out"))
    ran = lookbook("preprocess", "draw", str(tmp_path), str(tmp_path / "out"))
    assert ran.code == 64 and "VITON-HD tree" in ran.stderr
    assert not (tmp_path / "out").exists()


def test_a_grey_background_is_written_with_its_photo_and_never_over_it(tmp_path: Path) -> None:
    source, out = write_people(tmp_path / "source", 1), tmp_path / "out"
    draw_tree(order(source, out, grey=True))
    item = Tree(out, size=SIZE).read("test", "00000_00", ["image", "agnostic"])
    for picture in (item.image, item.agnostic):
        assert picture is not None and np.abs(picture[100:140, 2:20].astype(int) - 215).max() <= 3
    with pytest.raises(ValueError, match="choose another folder"):
        order(source, source.root, grey=True)


def test_killed_at_any_moment_it_ends_with_the_same_files(tmp_path: Path, lookbook: Lookbook) -> None:
    source, out = write_people(tmp_path / "source", 60), tmp_path / "out"
    draw_tree(order(source, tmp_path / "whole"))
    arguments = ("preprocess", "draw", str(source.root), str(out), "--size", SIZE_OPTION, "--workers", "2")
    masks = Tree(out, size=SIZE)
    for count in (1, 9, 24):
        drawing = lookbook.start(*arguments)
        deadline = time.monotonic() + 30
        while sum(len(masks.stems(split, "agnostic_mask")) for split in masks.splits()) < count:
            assert time.monotonic() < deadline and drawing.poll() is None
            time.sleep(0.005)
        os.killpg(drawing.pid, signal.SIGKILL)
        drawing.wait()
    ran = lookbook(*arguments)
    assert ran.code == 0 and ran.summary["drawn"] + ran.summary["kept"] == 60
    assert ran.summary["kept"] >= 22
    whole = contents(tmp_path / "whole")
    assert {name: data for name, data in contents(out).items() if ".partial-" not in name} == whole
    assert len(whole) == 60 * len(OUTPUTS) + 2
