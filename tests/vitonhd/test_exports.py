"""Exports: every layout holds the items exactly as far as it can, names what it can't, and is the same done again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.vitonhd.arrays_strategies import masks
from tests.vitonhd.drawn_people import SIZE, write_people
from vitonhd.densepose import read_picture
from vitonhd.errors import FormatError
from vitonhd.exports.coco import categories, mask_of, run_lengths
from vitonhd.exports.digit_ids import digit_id, stem_of
from vitonhd.exports.dress_code import draw_skeleton
from vitonhd.exports.export import export
from vitonhd.exports.layouts import Layout
from vitonhd.exports.tags import tagged, tags_file
from vitonhd.garment_classes import RULES, GarmentClass
from vitonhd.keypoint_conversions import convert_points
from vitonhd.keypoints import BODY_25, COCO_18
from vitonhd.label_conversions import convert_labels
from vitonhd.labels import CIHP, DRESS_CODE, VITON
from vitonhd.sources import ShardSource, TreeSource
from vitonhd.tree import PAIR_FILES, Tree

TEST, TRAIN = ["00100_00", "00101_00", "00102_00"], ["00000_00", "00001_00", "00002_00"]
ALL = {"train": 3, "test": 3}


def export_tree(tree: Tree, layout: Layout, garment_class: GarmentClass = GarmentClass.UPPER) -> Path:
    out = tree.root.parent / layout
    result = export(TreeSource(tree), out, layout, garment_class)
    assert (result.items, dict(result.rejected)) == (ALL, {})
    assert (out / "rejections.jsonl").read_bytes() == b""
    return out


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def array(path: Path, mode: str) -> np.ndarray:
    with Image.open(path) as picture:
        assert picture.mode == mode
        return np.array(picture)


@pytest.mark.parametrize("layout", Layout)
def test_an_export_done_again_or_from_shards_writes_the_same_bytes(drawn: Tree, layout: Layout) -> None:
    first = files(export_tree(drawn, layout))
    assert files(export_tree(drawn, layout)) == first
    shards = drawn.root.parent / "shards"
    export(TreeSource(drawn), shards, Layout.WEBDATASET, GarmentClass.UPPER)
    source = ShardSource(
        {split: sorted(shards.glob(f"{split}-*.tar")) for split in ("train", "test")},
        {name: drawn.read_pairs(name) for name in PAIR_FILES}, SIZE,
    )  # fmt: skip
    again = drawn.root.parent / "again"
    assert export(source, again, layout, GarmentClass.UPPER).items == ALL
    assert files(again) == first


def test_two_workers_write_what_one_writes(drawn: Tree, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for out, workers in ((one, 1), (two, 2)):
        export(TreeSource(drawn), out, Layout.HUGGING_FACE, GarmentClass.UPPER, workers=workers)
    assert files(one) == files(two)


@pytest.mark.parametrize("garment_class", GarmentClass)
def test_dress_code(tmp_path: Path, garment_class: GarmentClass) -> None:
    tree = Tree(tmp_path / "tree", size=SIZE)
    write_people(tree, garment_class)
    folder = export_tree(tree, Layout.DRESS_CODE, garment_class) / RULES[garment_class].dress_code_folder
    item = tree.read("test", "00101_00")
    assert item.parse is not None and item.densepose is not None and item.pose is not None
    assert (folder / "images/000101_0.jpg").read_bytes() == tree.read_bytes("test", "image", "00101_00")
    assert (folder / "images/000101_1.jpg").read_bytes() == tree.read_bytes("test", "cloth", "00101_00")
    labels = array(folder / "label_maps/000101_4.png", "P")
    assert np.array_equal(labels, convert_labels(item.parse, CIHP, DRESS_CODE))
    assert np.array_equal(array(folder / "dense/000101_5.png", "L"), read_picture(item.densepose)[0])
    rows = json.loads((folder / "keypoints/000101_2.json").read_bytes())["keypoints"]
    neck = item.pose.person.body[1]
    assert rows[1][:3] == [neck[0] * 384 / SIZE[0], neck[1] * 512 / SIZE[1], neck[2]]
    assert not (folder / "dense/000101_5_uv.npz").exists(), "nothing is made up"
    assert (folder / "train_pairs.txt").read_text().splitlines()[0] == "000000_0.jpg 000000_1.jpg"
    assert (folder / "test_pairs_paired.txt").read_text().splitlines()[1] == "000101_0.jpg 000101_1.jpg"
    assert (folder / "test_pairs_unpaired.txt").read_text().splitlines()[1] == "000101_0.jpg 000102_1.jpg"


def test_dress_code_skeletons_have_its_colours(drawn: Tree) -> None:
    """Facts, section 4.1: shoulders (1-2) blue, neck to right hip (1-8) green, left hip to knee (11-12) orange."""
    pose = drawn.read("train", "00000_00", ["pose"]).pose
    assert pose is not None
    points = convert_points(pose.person.body, BODY_25, COCO_18) * (4, 4, 1)
    picture = np.array(draw_skeleton(points, (768, 1024)))
    for one, other, colour in ((1, 2, (0, 0, 255)), (1, 8, (0, 255, 0)), (11, 12, (255, 170, 0))):
        x, y = ((points[one] + points[other]) / 2)[:2].astype(int)
        assert tuple(picture[y, x]) == colour
    assert 0.85 < (picture.max(axis=2) == 0).mean() < 1


def test_splits_that_share_names_can_not_share_a_folder(drawn: Tree) -> None:
    for part in ("image", "cloth", "cloth_mask", "parse", "densepose", "pose"):
        drawn.put("test", part, "00001_00", drawn.read_bytes("train", part, "00001_00"))
    out = drawn.root.parent / "out"
    with pytest.raises(FormatError, match="duplicate-id: 00001_00"):
        export(TreeSource(drawn), out, Layout.DRESS_CODE, GarmentClass.UPPER)
    assert not list(out.rglob("*pairs*")), "an export without pair files is not complete"


def test_viton_256(drawn: Tree) -> None:
    out = export_tree(drawn, Layout.VITON_256)
    train = out / "VITON_traindata"
    item = drawn.read("train", "00001_00")
    assert item.parse is not None and item.pose is not None
    labels = array(train / "train_label/000001_0.png", "L")
    assert np.array_equal(labels, convert_labels(item.parse, CIHP, VITON)), "the drawn tree is 192x256 already"
    assert array(train / "train_img/000001_0.jpg", "RGB").shape == (256, 192, 3)
    assert set(np.unique(array(train / "train_edge/000001_1.jpg", "L") >= 128)) == {False, True}
    densepose = np.load(train / "train_densepose/000001_0.npy")
    assert densepose.dtype == np.float32 and densepose.shape == (256, 192) and 2 < densepose.max() <= 24
    (person,) = json.loads((train / "train_pose/000001_0_keypoints.json").read_bytes())["people"]
    points = np.array(person["pose_keypoints"]).reshape(18, 3)
    assert np.allclose(points[4], item.pose.person.body[4]), "COCO-18 and BODY_25 agree up to the wrists"
    assert np.allclose(points[8], item.pose.person.body[9]), "and part at the hips"
    assert (out / "VITON_test/test_pairs_same.txt").read_text().splitlines()[0] == "000100_0.jpg 000100_1.jpg"
    assert (out / "VITON_test/test_pairs.txt").read_text().splitlines()[0] == "000100_0.jpg 000101_1.jpg"


def test_bottoms_are_no_garment_in_viton_256(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "tree", size=SIZE)
    write_people(tree, GarmentClass.LOWER, train=1, test=1)
    result = export(TreeSource(tree), tmp_path / "out", Layout.VITON_256, GarmentClass.LOWER)
    assert (result.items, result.rejected) == ({"train": 0, "test": 0}, {"class-not-held": 2})


def test_webdataset_shards_hold_every_file(drawn: Tree) -> None:
    out = export_tree(drawn, Layout.WEBDATASET)
    index = json.loads((out / "index.json").read_bytes())
    assert [(shard["name"], shard["samples"]) for shard in index["shards"]] == [
        ("train-000000.tar", 3), ("test-000000.tar", 3),
    ]  # fmt: skip
    source = ShardSource({"test": [out / "test-000000.tar"]}, {}, SIZE)
    for batch in source.batches("test"):
        for item in batch:
            assert item.files == {part: drawn.read_bytes("test", part, item.stem) for part in item.files}
            assert len(item.files) == 11
    assert (out / "test_pairs_unpaired.txt").read_bytes() == drawn.read_pairs("test_unpaired")


def test_coco_masks_are_the_parse(drawn: Tree) -> None:
    out = export_tree(drawn, Layout.COCO)
    data = json.loads((out / "annotations/instances_train.json").read_bytes())
    assert [image["file_name"] for image in data["images"]] == [f"train/{stem}.jpg" for stem in TRAIN]
    assert {category["id"]: category["name"] for category in categories()}[5] == "upper-clothes"
    assert len({annotation["id"] for annotation in data["annotations"]}) == len(data["annotations"])
    for image in data["images"]:
        parse = np.zeros((image["height"], image["width"]), np.uint8)
        for annotation in data["annotations"]:
            if annotation["image_id"] != image["id"]:
                continue
            mask = mask_of(annotation["segmentation"]["counts"], tuple(annotation["segmentation"]["size"]))
            parse[mask] = annotation["category_id"]
            x, y, width, height = annotation["bbox"]
            assert mask[y : y + height, x : x + width].sum() == mask.sum() == annotation["area"]
        stem = Path(image["file_name"]).stem
        assert np.array_equal(parse, drawn.read("train", stem, ["parse"]).parse)
        assert (out / image["file_name"]).read_bytes() == drawn.read_bytes("train", "image", stem)


@given(masks())
def test_run_lengths_come_back(mask: np.ndarray) -> None:
    counts = run_lengths(mask)
    assert sum(counts) == mask.size and all(count > 0 for count in counts[1:])
    assert np.array_equal(mask_of(counts, mask.shape), mask)


def test_run_lengths_of_another_picture_are_refused() -> None:
    for counts in ([3, 4], [-1, 13], []):
        with pytest.raises(FormatError, match="bad-run-lengths"):
            mask_of(counts, (3, 4))


def test_hugging_face_image_folder(drawn: Tree) -> None:
    out = export_tree(drawn, Layout.HUGGING_FACE)
    rows = [json.loads(line) for line in (out / "test/metadata.jsonl").read_text().splitlines()]
    assert [row["stem"] for row in rows] == TEST
    named = {path for row in rows for key, path in row.items() if key.endswith("_file_name")}
    there = {path.relative_to(out / "test").as_posix() for path in (out / "test").rglob("*") if path.is_file()} - {
        "metadata.jsonl"
    }
    assert named == there, "the loader refuses pictures that no line names"
    assert np.array(rows[0]["keypoints"]).shape == (25, 3)
    assert 'path: "train/**"' in (out / "README.md").read_text()


def test_items_that_a_layout_can_not_hold_have_a_reason(drawn: Tree) -> None:
    drawn.path("train", "pose", "00001_00").unlink()
    drawn.put("test", "parse", "00101_00", b"no picture")
    out = drawn.root.parent / "out"
    result = export(TreeSource(drawn), out, Layout.DRESS_CODE, GarmentClass.UPPER)
    assert (result.items, result.rejected) == ({"train": 2, "test": 2}, {"no-file": 1, "unreadable-picture": 1})
    lines = [json.loads(line) for line in (out / "rejections.jsonl").read_text().splitlines()]
    assert [(line["split"], line["item"], line["reason"]) for line in lines] == [
        ("train", "00001_00", "no-file"), ("test", "00101_00", "unreadable-picture"),
    ]  # fmt: skip
    names = {path.name[:6] for path in out.rglob("*_0.jpg")}
    assert names == {"000000", "000002", "000100", "000102"}
    assert (out / "upper_body/test_pairs_unpaired.txt").read_text() == "000102_0.jpg 000100_1.jpg\n"


def test_a_set_without_pair_files_gets_own_garments(drawn: Tree) -> None:
    for name in PAIR_FILES:
        drawn.pair_file(name).unlink()
    folder = export_tree(drawn, Layout.DRESS_CODE) / "upper_body"
    assert (folder / "test_pairs_paired.txt").read_text().count("\n") == 3
    assert (folder / "test_pairs_unpaired.txt").read_text() == ""


stems = st.from_regex(r"[0-9A-Za-z][0-9A-Za-z_-]{0,20}", fullmatch=True) | st.from_regex(r"[0-9]{5}_00", fullmatch=True)


@given(stems, stems)
def test_names_for_other_layouts_are_unique_and_come_back(one: str, other: str) -> None:
    assert stem_of(digit_id(one)) == one
    assert "_" not in digit_id(one)
    assert (digit_id(one) == digit_id(other)) == (one == other)


def test_tags_name_every_item() -> None:
    data = json.loads(tagged(GarmentClass.LOWER, {"00006_00": {"item": "jeans", "fit": "wide"}, "00007_00": {}}))
    one, other = data["data"]
    assert one["file_name"] == "00006_00.jpg"
    assert {tag["tag_name"]: tag["tag_category"] for tag in one["tag_info"]} == {
        "item": "jeans", "sleeveLength": None, "neckLine": None, "fit": "wide",
    }  # fmt: skip
    assert other["tag_info"][0] == {"tag_name": "item", "tag_category": "bottoms"}
    assert tags_file("test") == "vitonhd_test_tagged.json"
