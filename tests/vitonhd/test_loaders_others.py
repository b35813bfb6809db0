"""Loaders of Dress Code and of PF-AFN / Flow-Style-VTON, written from facts about their layouts, read our exports."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.vitonhd.drawn_people import write_people
from tests.vitonhd.reading import ids, lines, normalised, one_hot, opened, threshold
from vitonhd.exports.export import export
from vitonhd.exports.layouts import Layout
from vitonhd.garment_classes import GarmentClass
from vitonhd.sources import TreeSource
from vitonhd.tree import Tree

GARMENTS = {"upper_body": [4], "lower_body": [5, 6, 12, 13], "dresses": [7, 12, 13]}
"""Labels that Dress Code's loader takes for the garment and what it may hide, by category (skirts included)."""


@pytest.fixture(scope="module")
def dress_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All three classes in one folder, as Dress Code comes."""
    folder = tmp_path_factory.mktemp("sets")
    for garment_class in GarmentClass:
        tree = Tree(folder / garment_class)
        write_people(tree, garment_class, train=2, test=2, scale=4)
        export(TreeSource(tree), folder / "DressCode", Layout.DRESS_CODE, garment_class)
    return folder / "DressCode"


@pytest.mark.parametrize("category", GARMENTS)
@pytest.mark.parametrize("pairs", ["train_pairs.txt", "test_pairs_paired.txt", "test_pairs_unpaired.txt"])
def test_dress_code(dress_code: Path, category: str, pairs: str) -> None:
    folder = dress_code / category
    read = lines(folder / pairs)
    assert len(read) == 2
    for person, cloth in read:
        assert person.count("_0") == 1, "loaders replace _0 by the other endings"
        assert (person.replace("_0", "_1") == cloth) == (pairs != "test_pairs_unpaired.txt")
        photo = normalised(folder / "images" / person, 384, 512)
        assert photo.shape == (512, 384, 3) == normalised(folder / "images" / cloth, 384, 512).shape
        labels = ids(folder / "label_maps" / person.replace("_0.jpg", "_4.png"), 384, 512, modes=("P",))
        assert labels.max() < 18 and one_hot(labels, [GARMENTS[category]]).mean() > 0.03
        assert one_hot(labels, [[2], [9, 10], [14, 15]]).max(axis=(1, 2)).tolist() == [1, 1, 1], "kept labels"
        assert normalised(folder / "skeletons" / person.replace("_0", "_5"), 384, 512).max() > 0.5
        dense = ids(folder / "dense" / person.replace("_0.jpg", "_5.png"), 384, 512, modes=("L",))
        assert 2 < dense.max() <= 24 and dense.min() == 0
        assert opened(folder / "image-densepose" / person, "RGB").size == (768, 1024), "IDM-VTON's addition"


@pytest.mark.parametrize("category", GARMENTS)
def test_dress_code_points_lie_on_the_body(dress_code: Path, category: str) -> None:
    """Stored in 384x512, four values a joint, missing -1; the loader multiplies by W/384."""
    for person, _ in lines(dress_code / category / "train_pairs.txt"):
        rows = json.loads((dress_code / category / "keypoints" / person.replace("_0.jpg", "_2.json")).read_text())
        points = np.array(rows["keypoints"])
        assert points.shape == (18, 4)
        labels = ids(dress_code / category / "label_maps" / person.replace("_0.jpg", "_4.png"), 768, 1024)
        seen = points[points[:, 2] > 0]
        assert len(seen) == 18
        x, y = (seen[:, :2] * 768 / 384).astype(int).T
        assert (labels[y, x] > 0).all()


@pytest.fixture(scope="module", params=[GarmentClass.UPPER, GarmentClass.DRESS])
def viton(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    tree = Tree(tmp_path_factory.mktemp("set"))
    write_people(tree, request.param, train=3, test=2, scale=4)
    export(TreeSource(tree), tree.root / "out", Layout.VITON_256, request.param)
    return tree.root / "out"


def test_pf_afn_trains(viton: Path) -> None:
    """Files are matched by sorted order; 45 channels of condition; the garment is label 4, and 7, which is not used."""
    folder = viton / "VITON_traindata"
    columns = [sorted((folder / f"train_{name}").iterdir()) for name in ("label", "img", "edge", "color")]
    assert {len(column) for column in columns} == {3}
    for label, img, edge, colour in zip(*columns, strict=True):
        assert len({path.name[:6] for path in (label, img, edge, colour)}) == 1
        labels = ids(label, 192, 256, modes=("L",))
        assert labels.max() < 14 and not np.isin(labels, (2, 3, 7)).any()
        clothes = one_hot(labels, [[4, 7]])[0]
        assert clothes.mean() > 0.05
        photo, packshot = normalised(img, 192, 256), normalised(colour, 192, 256)
        mask = (np.asarray(opened(edge, "L"), np.float32) / 255 > 0.5).astype(np.float32)
        assert (packshot * mask[..., None])[mask == 0].any() == 0 and 0.1 < mask.mean() < 0.9
        points = json.loads((folder / "train_pose" / img.name.replace(".jpg", "_keypoints.json")).read_text())
        pose = np.array(points["people"][0]["pose_keypoints"]).reshape(-1, 3)
        squares = np.full((18, 256, 192), -1, np.float32)
        for joint, (x, y, _) in enumerate(pose.astype(int)):
            if x > 1 and y > 1:
                squares[joint, y - 5 : y + 5, x - 5 : x + 5] = 1
        assert (squares.max(axis=(1, 2)) == 1).all(), "COCO-18, all joints in the picture"
        dense = np.load(folder / "train_densepose" / img.name.replace(".jpg", ".npy")).astype(np.float32)
        parts = one_hot(dense, [[part] for part in range(25)])
        condition = np.concatenate([one_hot(labels, [[1, 12], [5, 6, 8, 9, 10]]), parts, squares])
        assert condition.shape == (45, 256, 192) and photo.shape == (256, 192, 3)
        assert (one_hot(labels, [[11, 13]])[0] * one_hot(dense, [[3, 4]])[0]).sum() > 0, "hands to keep"


@pytest.mark.parametrize("pairs", ["test_pairs.txt", "test_pairs_same.txt"])
def test_pf_afn_tests(viton: Path, pairs: str) -> None:
    folder = viton / "VITON_test"
    read = lines(folder / pairs)
    assert len(read) == 2
    for person, cloth in read:
        assert normalised(folder / "test_img" / person, 192, 256).shape == (256, 192, 3)
        assert normalised(folder / "test_clothes" / cloth, 192, 256).shape == (256, 192, 3)
        assert set(np.unique(threshold(folder / "test_edge" / cloth, 192, 256))) == {0, 1}
        assert (person[:6] == cloth[:6]) == (pairs == "test_pairs_same.txt")
