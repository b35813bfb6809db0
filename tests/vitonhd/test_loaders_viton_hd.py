"""Loaders of the VITON-HD family, written from the facts about their layouts, read a set of ours whole.

HR-VITON (train, test paired and unpaired), VITON-HD of 2021, StableVITON, IDM-VTON and CatVTON. Each reader takes the
paths, name rules, modes, sizes and label groups of its original; none of their code is here.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.vitonhd.drawn_people import write_people
from tests.vitonhd.reading import ids, lines, normalised, one_hot, opened, threshold
from vitonhd.atomic import write_atomic
from vitonhd.exports.export import export
from vitonhd.exports.layouts import Layout
from vitonhd.exports.tags import tagged, tags_file
from vitonhd.garment_classes import GarmentClass
from vitonhd.sources import TreeSource
from vitonhd.tree import Tree

HR_GROUPS = [[0, 10], [1, 2], [4, 13], [5, 6, 7], [9, 12], [14], [15], [16], [17], [18], [19], [8], [3, 11]]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Full-size pictures, 768x1024: HR-VITON draws agnostics in fixed pixels."""
    tree = Tree(tmp_path_factory.mktemp("set"))
    write_people(tree, train=2, test=2, scale=4)
    return tree.root


def pose(path: Path) -> np.ndarray:
    """The first person's 25 points without scores."""
    person = json.loads(path.read_text())["people"][0]
    points = np.array(person["pose_keypoints_2d"]).reshape(-1, 3)[:, :2]
    assert points.shape == (25, 2)
    return points


def hr_viton_item(root: Path, split: str, person: str, clothes: dict[str, str]) -> dict[str, np.ndarray]:
    """Section 7 of the facts on HR-VITON, at 192x256: paths come from replacing `image` in `image/<name>`."""
    folder, name = root / split, f"image/{person}"
    parse = ids(folder / name.replace("image", "image-parse-v3").replace(".jpg", ".png"), 192, 256)
    agnostic = ids(folder / name.replace("image", "image-parse-agnostic-v3.2").replace(".jpg", ".png"), 192, 256)
    item = {
        "image": normalised(folder / name, 192, 256),
        "parse": one_hot(parse, HR_GROUPS),
        "parse_agnostic": one_hot(agnostic, HR_GROUPS),
        "densepose": normalised(folder / name.replace("image", "image-densepose"), 192, 256),
        "pose": normalised(folder / name.replace("image", "openpose_img").replace(".jpg", "_rendered.png"), 192, 256),
        "points": pose(folder / name.replace("image", "openpose_json").replace(".jpg", "_keypoints.json")),
    }
    for key, cloth in clothes.items():
        item[f"cloth_{key}"] = normalised(folder / "cloth" / cloth, 192, 256)
        item[f"mask_{key}"] = threshold(folder / "cloth-mask" / cloth, 192, 256)
    return item


def check_hr_viton(item: dict[str, np.ndarray]) -> None:
    for key, content in item.items():
        if key in ("parse", "parse_agnostic"):
            assert content.shape == (13, 256, 192)
            assert (content.sum(axis=0) == 1).all(), "every label is in exactly one group"
        elif key.startswith("mask"):
            assert content.shape == (256, 192) and set(np.unique(content)) == {0, 1}
        elif key != "points":
            assert content.shape == (256, 192, 3) and content.min() >= -1 and content.max() <= 1
    assert item["parse"][3].sum() > 0, "the warp's target"
    assert item["parse_agnostic"][3].sum() == 0
    shoulders, hips = item["points"][[2, 5]], item["points"][[9, 12]]
    assert np.linalg.norm(shoulders[1] - shoulders[0]) > 0 and np.linalg.norm(hips[1] - hips[0]) > 0
    assert (item["points"] < (768, 1024)).all()


def test_hr_viton_trains(root: Path) -> None:
    """Training takes the cloth of the person's own name, whatever the second column says."""
    pairs = lines(root / "train_pairs.txt")
    assert len(pairs) == 2
    for person, _ in pairs:
        check_hr_viton(hr_viton_item(root, "train", person, {"paired": person}))


def test_hr_viton_tests_paired_and_unpaired(root: Path) -> None:
    """The test loader opens both cloths of each line; the unpaired list is read by giving its name."""
    for name in ("test_pairs.txt", "test_pairs_unpaired.txt"):
        for person, cloth in lines(root / name):
            item = hr_viton_item(root, "test", person, {"paired": person, "unpaired": cloth})
            check_hr_viton(item)
            assert np.array_equal(item["cloth_paired"], item["cloth_unpaired"]) == (person == cloth)


def test_viton_hd_of_2021(root: Path, tmp_path: Path) -> None:
    export(TreeSource(Tree(root)), tmp_path, Layout.VITON_HD_2021, GarmentClass.UPPER)
    folder = tmp_path / "test"
    for person, cloth in lines(tmp_path / "test_pairs_unpaired.txt"):
        stem = person.removesuffix(".jpg")
        assert normalised(folder / "openpose-img" / f"{stem}_rendered.png", 768, 1024).shape == (1024, 768, 3)
        assert pose(folder / "openpose-json" / f"{stem}_keypoints.json").max() > 192
        parse = ids(folder / "image-parse" / f"{stem}.png", 768, 1024)
        agnostic = np.where(np.isin(parse, (5, 6, 7)), 0, parse)
        assert (one_hot(agnostic, HR_GROUPS)[3] == 0).all() and parse.max() < 20
        assert normalised(folder / "image" / person, 768, 1024).shape == (1024, 768, 3)
        assert normalised(folder / "cloth" / cloth, 768, 1024).shape == (1024, 768, 3)
        assert threshold(folder / "cloth-mask" / cloth, 768, 1024).mean() > 0.05


@pytest.mark.parametrize(("split", "pairs"), [("train", "train_pairs.txt"), ("test", "test_pairs_unpaired.txt")])
def test_stable_viton(root: Path, split: str, pairs: str) -> None:
    """512x384; the agnostic is grey where the mask is set, and training has the worn garment's mask."""
    folder = root / split
    for person, cloth in lines(root / pairs):
        garment = person if split == "train" else cloth
        mask = threshold(folder / "agnostic-mask" / person.replace(".jpg", "_mask.png"), 384, 512, mode="RGB")
        agnostic = normalised(folder / "agnostic-v3.2" / person, 384, 512)
        inside = agnostic[4:-4, 4:-4][mask[4:-4, 4:-4] == 1]
        assert np.abs(inside).mean() < 0.05, "grey is 0 in -1..1"
        assert normalised(folder / "image" / person, 384, 512).shape == agnostic.shape
        assert normalised(folder / "image-densepose" / person, 384, 512).min() == -1, "black behind the person"
        assert normalised(folder / "cloth" / garment, 384, 512).shape == agnostic.shape
        assert set(np.unique(threshold(folder / "cloth-mask" / garment, 384, 512))) == {0, 1}
        if split == "train":
            assert threshold(folder / "gt_cloth_wraped_mask" / person, 384, 512).sum() > 0


@pytest.mark.parametrize("order", ["paired", "unpaired"])
def test_idm_vton(root: Path, order: str) -> None:
    """Captions come from `vitonhd_<split>_tagged.json`; what the mask leaves is the photo times 1 - mask."""
    write_atomic(
        root / "test" / tags_file("test"), tagged(GarmentClass.UPPER, {"00100_00": {"item": "T-shirt"}, "00101_00": {}})
    )
    words = {}
    for elements in json.loads((root / "test" / tags_file("test")).read_text()).values():
        for element in elements:
            said = {tag["tag_name"]: tag["tag_category"] for tag in element["tag_info"]}
            wanted = (said[name] for name in ("sleeveLength", "neckLine", "item"))
            words[element["file_name"]] = " ".join(word for word in wanted if word is not None)
    for person, other in lines(root / "test_pairs_unpaired.txt"):
        cloth = person if order == "paired" else other
        assert words[cloth] in ("T-shirt", "top")
        photo = normalised(root / "test/image" / person, 768, 1024)
        mask = threshold(root / "test/agnostic-mask" / person.replace(".jpg", "_mask.png"), 768, 1024, mode="RGB")
        assert 0 < mask.mean() < 1
        assert ((photo * (1 - mask[..., None]))[mask == 1] == 0).all()
        assert normalised(root / "test/image-densepose" / person, 768, 1024).shape == photo.shape
        assert opened(root / "test/cloth" / cloth, "RGB").size == (768, 1024)


def test_cat_vton(root: Path) -> None:
    """Reads `test_pairs_unpaired.txt`; its evaluator pairs results by eight characters from the first digit on."""
    for person, cloth in lines(root / "test_pairs_unpaired.txt"):
        for path in (root / "test/image" / person, root / "test/cloth" / cloth):
            assert opened(path, "RGB").size == (768, 1024)
        mask = opened(root / "test/agnostic-mask" / person.replace(".jpg", "_mask.png"), "RGB").convert("L")
        assert set(np.unique(mask)) == {0, 255}
        first = next(place for place, letter in enumerate(person) if letter.isdigit())
        assert person[first : first + 8] == person.removesuffix(".jpg")
