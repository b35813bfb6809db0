"""The structural check: a sound tree has no problems, each injected one is named, and nothing makes it raise."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.vitonhd.synthetic_tree import SIZE, write_tree
from vitonhd.folders import REQUIRED, Folder
from vitonhd.labels import ATR, LabelTable
from vitonhd.pictures import encode_jpeg, encode_labels, encode_mask_png, encode_png
from vitonhd.problems import missing
from vitonhd.tree import Tree

GREY = np.full((SIZE[1], SIZE[0], 3), 128, np.uint8)
MASK = np.zeros((SIZE[1], SIZE[0]), bool)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    tree = Tree(tmp_path, size=SIZE)
    write_tree(tree)
    return tree


def test_a_sound_tree_has_no_problems(tree: Tree) -> None:
    assert missing(tree) == []
    tree.pair_file("test_unpaired").unlink()
    assert missing(tree) == [], "official sets come without the copy"


@pytest.mark.parametrize("folder", REQUIRED, ids=lambda folder: folder.name)
def test_a_missing_file_is_named(tree: Tree, folder: Folder) -> None:
    path = tree.path("train", folder.part, "00001_00")
    path.unlink()
    found = [problem for problem in missing(tree) if "pairs" not in problem.where]
    assert [problem.where for problem in found] == [str(path.relative_to(tree.root))]
    assert found[0].reason == ("no-photo" if folder.part == "image" else "no-file")


def test_a_missing_folder_is_one_problem(tree: Tree) -> None:
    for path in tree.folder("test", "pose").iterdir():
        path.unlink()
    tree.folder("test", "pose").rmdir()
    assert [str(problem) for problem in missing(tree)] == ["test/openpose_json: no-folder"]


def test_a_garment_alone_needs_only_its_mask(tree: Tree) -> None:
    tree.put("train", "cloth", "00050_00", encode_jpeg(GREY, quality=95))
    assert [str(problem) for problem in missing(tree)] == ["train/cloth-mask/00050_00.jpg: no-file"]


def no_skeleton(tree: Tree) -> bytes:
    raw = json.loads(tree.read_bytes("train", "pose", "00001_00"))
    raw["people"][0]["pose_keypoints_2d"] = [0] * 54
    return json.dumps(raw).encode()


@pytest.mark.parametrize(
    ("part", "content", "reason", "detail"),
    [
        ("image", lambda _: b"", "unreadable-picture", "no JPEG or PNG"),
        ("image", lambda _: encode_png(GREY), "wrong-format", "PNG, expected JPEG"),
        ("image", lambda _: encode_jpeg(GREY[:32], quality=95), "wrong-size", "48x32, expected 48x64"),
        ("cloth_mask", lambda _: encode_jpeg(GREY, quality=75), "wrong-mode", "RGB, expected L"),
        ("parse", lambda _: encode_png(GREY), "wrong-mode", "RGB, expected P"),
        ("parse", lambda t: t.read_bytes("train", "parse", "00000_00")[:90], "unreadable-picture", ""),
        ("parse_agnostic", lambda _: foreign_ids(), "label-outside-table", "ids [30] in a table of 20"),
        ("agnostic_mask", lambda _: encode_labels(MASK.astype(np.uint8), table=ATR), "wrong-mode", "P, expected RGB"),
        ("pose", lambda _: b"{}", "bad-json", ""),
        ("pose", lambda _: b'{"people":[]}', "not-one-person", "0 people"),
        ("pose", no_skeleton, "wrong-keypoints", "expected 75 numbers, got 54"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_of_the_wrong_form_is_named(
    tree: Tree, part: str, content: Callable[[Tree], bytes], reason: str, detail: str
) -> None:
    path = tree.put("train", part, "00001_00", content(tree))
    (problem,) = missing(tree)
    assert (problem.where, problem.reason) == (str(path.relative_to(tree.root)), reason)
    assert detail in problem.detail


def foreign_ids() -> bytes:
    table = LabelTable("wide", tuple(f"label-{id}" for id in range(31)), ATR.palette.copy())
    return encode_labels(np.full((SIZE[1], SIZE[0]), 30, np.uint8), table=table)


def test_pairs_that_do_not_resolve_are_named_with_their_line(tree: Tree) -> None:
    tree.pair_file("test").write_text("00100_00.jpg 00101_00.jpg\n00777_00.jpg 00888_00.jpg\n../x.jpg 00100_00.jpg\n\n")
    assert [(problem.where, problem.reason) for problem in missing(tree)] == [
        ("test_pairs.txt:2", "no-cloth"), ("test_pairs.txt:2", "no-person"), ("test_pairs.txt:3", "bad-name"),
        ("test_pairs.txt:4", "bad-pair"),
    ]  # fmt: skip
    tree.pair_file("test").unlink()
    assert [str(problem) for problem in missing(tree)] == ["test_pairs.txt: no-pair-file"]
    assert missing(tree, pair_files=False) == [] == missing(tree, splits=["train"])


def test_foreign_files_are_named_whatever_their_name(tree: Tree) -> None:
    folder = tree.folder("train", "image")
    for name in ("00001_00.png", "Ünïcode.jpg", "a b.jpg"):
        (folder / name).write_bytes(encode_mask_png(MASK))
    (folder / "folder.jpg").mkdir()
    found = [problem for problem in missing(tree) if "folder" not in problem.where]
    assert [problem.reason for problem in found] == ["foreign-file"] * 3
    assert all(problem.where.isascii() for problem in found)
    assert ("train/image/folder.jpg", "unreadable-file") in {(p.where, p.reason) for p in missing(tree)}


def test_folders_that_can_not_be_listed_are_named(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    listing = Path.iterdir

    def refuse_images(path: Path) -> Iterator[Path]:
        if path == tree.folder("test", "image"):
            raise PermissionError(13, "Permission denied")
        return listing(path)

    monkeypatch.setattr(Path, "iterdir", refuse_images)
    assert ("test/image", "unreadable-folder") in {(problem.where, problem.reason) for problem in missing(tree)}


def test_a_dangling_link_is_a_missing_file(tree: Tree) -> None:
    path = tree.path("train", "cloth", "00001_00")
    path.unlink()
    path.symlink_to("nowhere.jpg")
    assert [(problem.where, problem.reason) for problem in missing(tree)] == [("train/cloth/00001_00.jpg", "no-file")]


def test_no_tree_at_all_is_a_problem_not_an_error(tmp_path: Path) -> None:
    assert [problem.reason for problem in missing(Tree(tmp_path / "nowhere"))] == ["no-split"]
    (tmp_path / "test").mkdir()
    reasons = [problem.reason for problem in missing(Tree(tmp_path))]
    assert reasons == ["no-folder"] * 10 + ["no-pair-file"]
