"""The folder tree: lossless where it must be, official file names, atomic writes, no way out of the root."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.vitonhd.synthetic_tree import SIZE, synthetic_item, write_tree
from vitonhd.errors import FormatError
from vitonhd.folders import FOLDERS, Kind
from vitonhd.item import Item
from vitonhd.names import check_stem, is_item_id, item_id
from vitonhd.pair_files import Pair, format_pairs, parse_pairs
from vitonhd.tree import Tree


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path / "set", size=SIZE)


def test_files_are_named_as_the_official_ones(tree: Tree) -> None:
    tree.write("test", synthetic_item("00006_00"))
    assert sorted(str(path.relative_to(tree.root)) for path in tree.root.rglob("*") if path.is_file()) == [
        "test/agnostic-mask/00006_00_mask.png",
        "test/agnostic-v3.2/00006_00.jpg",
        "test/cloth-mask/00006_00.jpg",
        "test/cloth/00006_00.jpg",
        "test/image-densepose/00006_00.jpg",
        "test/image-parse-agnostic-v3.2/00006_00.png",
        "test/image-parse-v3/00006_00.png",
        "test/image/00006_00.jpg",
        "test/openpose_img/00006_00_rendered.png",
        "test/openpose_json/00006_00_keypoints.json",
    ]


def test_an_item_comes_back_exactly_but_for_jpeg_pictures(tree: Tree) -> None:
    written = synthetic_item("00006_00", seed=4)
    tree.write("train", written)
    read = tree.read("train", "00006_00")
    assert read.pose == written.pose
    for part in ("parse", "parse_agnostic", "cloth_mask", "agnostic_mask", "pose_picture"):
        assert np.array_equal(getattr(read, part), getattr(written, part)), part
        assert getattr(read, part).dtype == getattr(written, part).dtype
    for part in ("image", "cloth", "densepose", "agnostic"):
        assert np.abs(getattr(read, part).astype(int) - getattr(written, part)).mean() < 12, part
    assert read.worn_mask is None


def test_copied_bytes_stay_those_bytes(tree: Tree) -> None:
    for folder in FOLDERS:
        data = os.urandom(300)
        tree.put("test", folder.part, "00001_00", data)
        assert tree.read_bytes("test", folder.part, "00001_00") == data


def test_parts_can_be_read_alone_and_missing_ones_are_named(tree: Tree) -> None:
    tree.write("test", Item("00001_00", parse=synthetic_item("x").parse))
    assert tree.read("test", "00001_00", ["parse"]).parse is not None
    with pytest.raises(FormatError, match=r"no-file: .*test/image/00001_00\.jpg"):
        tree.read("test", "00001_00")


def test_a_bad_part_stops_an_item_before_anything_is_written(tree: Tree) -> None:
    item = synthetic_item("00001_00")
    item.pose_picture = np.zeros((10, 10, 3), np.uint8)
    with pytest.raises(FormatError, match="wrong-size: 00001_00 pose_picture"):
        tree.write("test", item)
    assert not tree.root.exists()


def test_a_write_that_fails_leaves_the_old_file_and_no_rest(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tree.put("test", "image", "00001_00", b"old")

    def full_disk(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        tree.put("test", "image", "00001_00", b"new")
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    assert path.read_bytes() == b"old"


def test_a_decoding_error_names_the_file(tree: Tree) -> None:
    tree.put("test", "parse", "00001_00", b"no picture")
    with pytest.raises(FormatError, match=r"unreadable-picture: .*image-parse-v3/00001_00\.png"):
        tree.read("test", "00001_00", ["parse"])


def test_a_pipe_in_a_tree_does_not_block_the_reader(tree: Tree) -> None:
    path = tree.path("test", "image", "00001_00")
    path.parent.mkdir(parents=True)
    os.mkfifo(path)
    with pytest.raises(FormatError, match=r"unreadable-file: .*not a regular file"):
        tree.read_bytes("test", "image", "00001_00")


def test_listing_ignores_foreign_and_hidden_files(tree: Tree) -> None:
    tree.write("test", synthetic_item("00001_00"))
    folder = tree.folder("test", "image")
    for name in (".partial-1", "Thumbs.db", "00002_00.png", "a b.jpg"):
        (folder / name).write_bytes(b"")
    assert tree.stems("test") == ["00001_00"]
    assert sorted(name for stem, name in tree.entries("test", "image") if stem is None) == [
        "00002_00.png", "Thumbs.db", "a b.jpg",
    ]  # fmt: skip
    assert tree.splits() == ["test"] and tree.stems("train") == []


@given(st.text(max_size=80))
@example("../../etc/passwd")
@example("..")
@example("")
@example("/etc/passwd")
@example("00001_00\x00")
@example("a\n")
@example("٣٤")
def test_no_name_leaves_the_root(name: str) -> None:
    root = Path("/data/set")
    tree = Tree(root)
    for names in (("test", "image", name), (name, "image", "1"), ("test", name, "1")):
        try:
            path = tree.path(*names)
        except FormatError:
            continue
        assert Path(os.path.normpath(path)) == path and path.is_relative_to(root)
        assert path.name.isascii() and path.name.isprintable()


def test_item_ids() -> None:
    assert [item_id(0), item_id(99_999)] == ["00000_00", "99999_00"]
    assert all(len(item_id(number)) == 8 and is_item_id(item_id(number)) for number in range(0, 100_000, 999))
    assert not any(is_item_id(stem) for stem in ("00001_01", "00001_000", "000001_00", "00001_00\n", "٠٠٠٠١_00"))
    for number in (-1, 100_000):
        with pytest.raises(ValueError, match=r"0\.\.99999"):
            item_id(number)


STEMS = st.from_regex(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}", fullmatch=True).filter(str.isascii)


@given(st.lists(st.builds(Pair, STEMS, STEMS)))
def test_pairs_come_back(pairs: list[Pair]) -> None:
    assert [pair for _, pair in parse_pairs(format_pairs(pairs))] == pairs


def test_pair_files_are_written_and_read(tree: Tree) -> None:
    write_tree(tree)
    assert (tree.root / "train_pairs.txt").read_text() == "00000_00.jpg 00000_00.jpg\n00001_00.jpg 00001_00.jpg\n"
    assert tree.pairs("test_unpaired") == [Pair("00100_00", "00101_00"), Pair("00101_00", "00100_00")]


def test_a_bad_line_is_named_with_its_number(tree: Tree) -> None:
    tree.root.mkdir()
    for line in (
        "",
        "one.jpg",
        "a.jpg b.jpg c.jpg",
        "a.png b.jpg",
        "../a.jpg b.jpg",
        "a.jpg " + "b" * 2000 + ".jpg",
        "\ufffd",
    ):
        tree.pair_file("test").write_text(f"00001_00.jpg 00002_00.jpg\n{line}\n")
        with pytest.raises(FormatError, match=r"test_pairs\.txt, line 2") as caught:
            tree.pairs("test")
        assert caught.value.reason in ("bad-pair", "bad-name")
        assert len(str(caught.value)) < 400
    with pytest.raises(FormatError, match="no-file"):
        tree.pairs("train")


@given(st.binary(max_size=200))
def test_any_bytes_are_pairs_or_numbered_errors(data: bytes) -> None:
    for number, entry in parse_pairs(data):
        assert number >= 1
        if isinstance(entry, Pair):
            assert [check_stem(stem) for stem in entry] == list(entry)


def test_a_pose_where_pixels_belong_is_refused(tree: Tree) -> None:
    item = synthetic_item("00001_00")
    item.parse, item.pose = item.pose, None  # type: ignore[assignment]
    with pytest.raises(FormatError, match="wrong-kind: parse holds labels, not PoseFile"):
        tree.write("test", item)


def test_the_folder_table_is_whole() -> None:
    assert {folder.part for folder in FOLDERS} == set(Item.__dataclass_fields__) - {"stem"}
    assert len({folder.member for folder in FOLDERS}) == len(FOLDERS)
    assert all((folder.format == "JPEG") == bool(folder.quality) for folder in FOLDERS)
    assert all((folder.kind is Kind.POSE) == (folder.format == "JSON") for folder in FOLDERS)
