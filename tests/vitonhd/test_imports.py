"""Imports: what is right is copied, what can be converted is, what can't be taken is named; round trips come back."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.vitonhd.drawn_people import SIZE, write_people
from vitonhd.colours import voc_palette
from vitonhd.errors import FormatError
from vitonhd.exports.export import export
from vitonhd.exports.layouts import Layout
from vitonhd.folders import FOLDERS
from vitonhd.garment_classes import GarmentClass
from vitonhd.imports.dress_code import import_dress_code
from vitonhd.imports.taking import Imported
from vitonhd.imports.viton_hd import import_tree
from vitonhd.keypoint_conversions import convert_points
from vitonhd.keypoints import BODY_25, COCO_18
from vitonhd.label_conversions import convert_labels
from vitonhd.labels import CIHP, DRESS_CODE
from vitonhd.sources import TreeSource
from vitonhd.tree import Tree
from vitonhd.validation.validator import validate


def rejections(folder: Path) -> list[tuple[str, str]]:
    return [
        (line["item"], line["reason"])
        for line in map(json.loads, (folder / "rejections.jsonl").read_text().splitlines())
    ]


def take(folder: Path, out: Path, **options: bool | str) -> tuple[Tree, Imported]:
    return Tree(out, size=SIZE), import_tree(folder, out, size=SIZE, **options)  # type: ignore[arg-type]


def saved(data: bytes, format: str, mode: str | None = None) -> bytes:
    buffer = io.BytesIO()
    picture = Image.open(io.BytesIO(data))
    (picture.convert(mode) if mode else picture).save(buffer, format)
    return buffer.getvalue()


def test_a_sound_tree_is_copied_byte_for_byte(drawn: Tree, tmp_path: Path) -> None:
    copy, result = take(drawn.root, tmp_path / "copy")
    assert (result.items, result.rejected) == ({"train": 3, "test": 3}, {})
    originals = [path.relative_to(drawn.root) for path in drawn.root.rglob("*") if path.is_file()]
    assert len(originals) == 6 * len(FOLDERS) + 3
    assert all((copy.root / path).read_bytes() == (drawn.root / path).read_bytes() for path in originals)
    assert validate(TreeSource(copy), GarmentClass.UPPER).sound


def test_the_layout_of_2021_and_other_encodings_are_taken(drawn: Tree, tmp_path: Path) -> None:
    test = drawn.root / "test"
    for name, other in (
        ("image-parse-v3", "image-parse"), ("openpose_json", "openpose-json"), ("openpose_img", "openpose-img"),
        ("cloth-mask", "cloth_mask"), ("agnostic-v3.2", "agnostic"),
    ):  # fmt: skip
        (test / name).rename(test / other)
    (test / "image/00100_00.jpg").rename(test / "image/00100_00.png")
    picture = saved((test / "image/00100_00.png").read_bytes(), "PNG")
    (test / "image/00100_00.png").write_bytes(picture)
    mask = (test / "cloth_mask/00100_00.jpg").read_bytes()
    (test / "cloth_mask/00100_00.jpg").unlink()
    (test / "cloth_mask/00100_00.png").write_bytes(saved(mask, "PNG", "RGB"))
    parse = Image.open(test / "image-parse/00100_00.png")
    before = np.array(parse)
    parse.putpalette(voc_palette().tobytes())
    parse.save(test / "image-parse/00100_00.png")
    copy, result = take(drawn.root, tmp_path / "copy")
    assert (result.items, result.rejected) == ({"train": 3, "test": 3}, {})
    assert np.array_equal(copy.read("test", "00100_00", ["parse"]).parse, before)
    report = validate(TreeSource(copy), GarmentClass.UPPER)
    assert report.sound, report.first


def test_parses_in_lips_table_are_converted(drawn: Tree, tmp_path: Path) -> None:
    parse = drawn.read("train", "00000_00", ["parse"]).parse
    assert parse is not None and (parse == CIHP.id("torso-skin")).any()
    copy, _ = take(drawn.root, tmp_path / "copy", lip_labels=True)
    converted = copy.read("train", "00000_00", ["parse"]).parse
    assert converted is not None
    assert np.array_equal(converted == CIHP.id("dress"), parse == CIHP.id("torso-skin")), "LIP's 10 is jumpsuits"


def test_a_body_of_18_points_becomes_one_of_25(drawn: Tree, tmp_path: Path) -> None:
    pose = drawn.read("train", "00001_00", ["pose"]).pose
    assert pose is not None
    points = convert_points(pose.person.body, BODY_25, COCO_18)
    old = json.dumps({"people": [{"pose_keypoints": points.ravel().tolist()}]}).encode()
    drawn.put("train", "pose", "00001_00", old)
    copy, result = take(drawn.root, tmp_path / "copy")
    assert not result.rejected
    taken = copy.read("train", "00001_00", ["pose"]).pose
    assert taken is not None
    assert np.allclose(taken.person.body[:8], pose.person.body[:8])
    assert np.allclose(taken.person.body[8, :2], pose.person.body[[9, 12], :2].mean(axis=0)), "mid-hip is derived"


def test_a_flat_folder_is_one_split(drawn: Tree, tmp_path: Path) -> None:
    _, result = take(drawn.root / "train", tmp_path / "copy", split="test")
    assert result.items == {"test": 3}
    with pytest.raises(FormatError, match="no-split"):
        take(tmp_path / "nowhere", tmp_path / "copy")


def test_what_can_not_be_taken_has_a_reason(drawn: Tree, tmp_path: Path) -> None:
    drawn.path("train", "image", "00001_00").write_bytes(b"")
    drawn.path("train", "parse", "00000_00").write_bytes(drawn.read_bytes("train", "image", "00000_00"))
    packshot = drawn.read_bytes("train", "cloth", "00002_00")
    drawn.put("train", "cloth", "00002_00", saved(packshot, "JPEG", "CMYK"))
    (drawn.folder("train", "image") / "a b.jpg").write_bytes(b"")
    drawn.put("test", "image", "00000_00", drawn.read_bytes("train", "image", "00000_00"))
    drawn.pair_file("train").write_text("00000_00.jpg 00001_00.jpg\n../x.jpg 00000_00.jpg\n00001_00.jpg 00000_00.jpg\n")
    copy, result = take(drawn.root, tmp_path / "copy")
    assert result.items == {"train": 3, "test": 3}
    assert sorted(rejections(copy.root)) == [
        ("00000_00", "duplicate-name"), ("00000_00 parse", "wrong-mode"), ("00001_00 00000_00", "pair-not-taken"),
        ("00001_00 image", "unreadable-picture"), ("image/a b.jpg", "bad-name"), ("train_pairs.txt:2", "bad-name"),
    ]  # fmt: skip
    assert copy.stems("train", "cloth") == ["00000_00", "00001_00", "00002_00"], "a packshot may stand alone"
    assert copy.stems("train", "pose") == ["00000_00", "00002_00"]
    assert [pair.person for pair in copy.pairs("train")] == ["00000_00"]
    codes = validate(TreeSource(copy), GarmentClass.UPPER, splits=["train"]).codes
    assert set(codes) == {"no-file", "item-without-pair"}, "the CMYK packshot was made RGB"


@pytest.mark.parametrize("garment_class", GarmentClass)
def test_dress_code_and_back(tmp_path: Path, garment_class: GarmentClass) -> None:
    """Pictures and masks come back byte for byte, points exactly, labels as far as both tables know them."""
    tree = Tree(tmp_path / "tree", size=SIZE)
    write_people(tree, garment_class)
    export(TreeSource(tree), tmp_path / "dresscode", Layout.DRESS_CODE, garment_class)
    results = import_dress_code(tmp_path / "dresscode", tmp_path / "back", size=SIZE)
    back = Tree(tmp_path / "back" / garment_class, size=SIZE)
    assert {name: (one.items, one.rejected) for name, one in results.items()} == {
        garment_class: ({"train": 3, "test": 3}, {})
    }
    for split in tree.splits():
        for stem in tree.stems(split):
            for part in ("image", "cloth", "densepose"):
                assert back.read_bytes(split, part, stem) == tree.read_bytes(split, part, stem)
            parts = ["parse", "pose", "cloth_mask"]
            one, other = tree.read(split, stem, parts), back.read(split, stem, parts)
            assert one.parse is not None and one.pose is not None and other.pose is not None
            there_and_back = convert_labels(convert_labels(one.parse, CIHP, DRESS_CODE), DRESS_CODE, CIHP)
            assert np.array_equal(other.parse, there_and_back)
            assert np.array_equal(other.cloth_mask, one.cloth_mask)
            known = [joint for joint in range(len(BODY_25)) if BODY_25.joints[joint] in COCO_18.joints]
            assert np.allclose(other.pose.person.body[known], one.pose.person.body[known])
    assert back.pairs("train") == tree.pairs("train")
    assert back.pairs("test_unpaired") == tree.pairs("test_unpaired")
    codes = validate(TreeSource(back), garment_class).codes
    assert codes == {"no-folder": 8}, "agnostics and pose pictures are drawn from what was taken"


def test_dress_code_as_published_is_taken(tmp_path: Path) -> None:
    """No garment masks, no DensePose picture but ids, a category in the pairs' third column."""
    tree = Tree(tmp_path / "tree", size=SIZE)
    write_people(tree, GarmentClass.LOWER)
    category = tmp_path / "dresscode" / "lower_body"
    export(TreeSource(tree), category.parent, Layout.DRESS_CODE, GarmentClass.LOWER)
    shutil.rmtree(category / "cloth_masks")
    shutil.rmtree(category / "image-densepose")
    lines = (category / "train_pairs.txt").read_text().splitlines()
    (category / "train_pairs.txt").write_text("".join(f"{line} 1\n" for line in lines))
    (category / "keypoints/000001_2.json").write_text("[")
    (category / "images/000002_0.jpg").unlink()
    (category / "images/000777_0.jpg").write_bytes(b"")
    out = tmp_path / "out"
    (result,) = import_dress_code(tmp_path / "dresscode", out, size=SIZE).values()
    assert result.items == {"train": 3, "test": 3}
    assert result.parts["cloth_mask"] == 0 and result.parts["densepose"] == 5 and result.parts["image"] == 5
    assert sorted(rejections(out / "lower")) == [
        ("00001_00 pose", "bad-json"), ("00002_00 00002_00", "pair-not-taken"), ("000777", "no-split"),
    ]  # fmt: skip


@pytest.mark.parametrize("line", ["../../x_0.jpg 000000_1.jpg", "000000_0.jpg", "a_b_0.jpg 000000_1.jpg", "\x00", ""])
def test_pairs_of_dress_code_can_not_leave_the_folder(tmp_path: Path, line: str) -> None:
    folder = tmp_path / "in" / "upper_body"
    folder.mkdir(parents=True)
    for name in ("train_pairs.txt", "test_pairs_paired.txt", "test_pairs_unpaired.txt"):
        (folder / name).write_text(line + "\n" if name.startswith("train") else "")
    (result,) = import_dress_code(folder.parent, tmp_path / "out", size=SIZE).values()
    assert result.items == {} and sum(result.rejected.values()) == 1
    with pytest.raises(FormatError, match="no-category"):
        import_dress_code(folder, tmp_path / "out")
