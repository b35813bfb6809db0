"""The official VITON-HD samples, where present: our tables describe them, our reader and writer keep them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vitonhd.densepose import DENSEPOSE, read_picture
from vitonhd.folders import FOLDERS, PARTS
from vitonhd.garment_classes import RULES, GarmentClass
from vitonhd.item import encode_part
from vitonhd.keypoints import BODY_25
from vitonhd.labels import CIHP
from vitonhd.openpose_json import PoseFile
from vitonhd.problems import missing
from vitonhd.shard_reading import read_shard
from vitonhd.shards import write_shards
from vitonhd.tree import Tree
from vitonhd.tree_shards import pack, unpack

ROOT = Path(__file__).parents[3] / "shared" / "samples" / "viton-hd"

pytestmark = pytest.mark.skipif(not ROOT.is_dir(), reason="the official VITON-HD samples are not on this machine")

TREE = Tree(ROOT)
LOSSLESS = ("parse", "parse_agnostic", "cloth_mask", "agnostic_mask", "pose_picture", "pose", "worn_mask")


def every(part: str) -> list[tuple[str, str]]:
    return [(split, stem) for split in TREE.splits() for stem in TREE.stems(split, part)]


def test_the_test_sets_are_sound_and_the_gaps_of_the_train_sets_are_named() -> None:
    assert missing(TREE, splits=["test"], pair_files=False) == []
    assert [str(problem) for problem in missing(TREE)] == [
        "test_pairs.txt: no-pair-file",
        "train/agnostic-mask/00012_00_mask.png: no-file",
        "train/image/01723_00.jpg: no-photo (only in agnostic-mask)",
        "train/openpose_json: no-folder",
        "train_pairs.txt: no-pair-file",
    ]


def test_copying_through_shards_gives_identical_files(tmp_path: Path) -> None:
    copy = Tree(tmp_path / "copy")
    for split in TREE.splits():
        stems = sorted({stem for folder in FOLDERS for stem in TREE.stems(split, folder.part)})
        for shard in list(write_shards(pack(TREE, split, stems), tmp_path, split, max_samples=4)):
            unpack(read_shard(tmp_path / shard.name), copy, split)
    originals = {path.relative_to(ROOT): path.read_bytes() for path in ROOT.rglob("*") if path.is_file()}
    assert {
        path.relative_to(copy.root): path.read_bytes() for path in copy.root.rglob("*") if path.is_file()
    } == originals


def test_decoding_and_encoding_keeps_labels_masks_and_poses(tmp_path: Path) -> None:
    copy = Tree(tmp_path)
    for part in LOSSLESS:
        for split, stem in every(part):
            item = TREE.read(split, stem, [part])
            copy.write(split, item)
            again = copy.read(split, stem, [part])
            if part == "pose":
                assert copy.read_bytes(split, part, stem) == TREE.read_bytes(split, part, stem)
            else:
                assert np.array_equal(getattr(item, part), getattr(again, part)), (part, stem)


def test_our_files_have_the_official_modes_palettes_and_quantisation() -> None:
    for part, folder in PARTS.items():
        if part == "pose":
            continue
        for split, stem in every(part):
            data = TREE.read_bytes(split, part, stem)
            content = getattr(TREE.read(split, stem, [part]), part)
            theirs, ours = Image.open(io.BytesIO(data)), Image.open(io.BytesIO(encode_part(folder, content)))
            assert (ours.format, ours.mode, ours.size) == (theirs.format, theirs.mode, theirs.size)
            assert ours.getpalette() == theirs.getpalette()
            assert getattr(ours, "quantization", None) == getattr(theirs, "quantization", None), (part, stem)
            assert getattr(ours, "layer", None) == getattr(theirs, "layer", None)


def test_densepose_pictures_decode() -> None:
    """JPEG mixes colours at part borders; everywhere else the palette is met within 3 levels."""
    exact = sure = foreground = 0
    for split, stem in every("densepose"):
        picture = TREE.read(split, stem, ["densepose"]).densepose
        assert picture is not None
        ids, near = read_picture(picture)
        exact += int(((picture == DENSEPOSE.paint(ids)).all(axis=-1) & (ids > 0)).sum())
        sure += int((near & (ids > 0)).sum())
        foreground += int((ids > 0).sum())
    assert exact / foreground > 0.5
    assert sure / foreground > 0.9


def test_left_is_the_persons_left_in_parse_densepose_and_pose() -> None:
    """The three tables agree on sides: each forearm's parse and DensePose lie by the wrist of the same name."""
    compared = 0
    for split, stem in every("pose"):
        item = TREE.read(split, stem, ["parse", "densepose", "pose"])
        assert item.parse is not None and item.densepose is not None and item.pose is not None
        body = item.pose.person.body
        parts, sure = read_picture(item.densepose)
        for side, other in (("left", "right"), ("right", "left")):
            own, opposite = (body[BODY_25.index(f"{name}_elbow")] for name in (side, other))
            if not own[2] or not opposite[2]:
                continue
            forearm = np.isin(parts, DENSEPOSE.ids(f"{side}-forearm-1", f"{side}-forearm-2")) & sure
            for region in (forearm, item.parse == CIHP.id(f"{side}-arm")):
                if region.sum() < 500:
                    continue
                ys, xs = np.nonzero(region)
                assert np.hypot(xs - own[0], ys - own[1]).mean() < np.hypot(xs - opposite[0], ys - opposite[1]).mean()
                compared += 1
    assert compared >= 15


def test_the_agnostic_parse_follows_the_upper_rules() -> None:
    """Cleared labels are gone, arms may shrink, everything else is untouched."""
    rules = RULES[GarmentClass.UPPER]
    for split, stem in every("parse_agnostic"):
        item = TREE.read(split, stem, ["parse", "parse_agnostic"])
        assert item.parse is not None and item.parse_agnostic is not None
        cleared = np.isin(item.parse, rules.cleared)
        near = np.isin(item.parse, rules.cleared_near)
        assert not item.parse_agnostic[cleared].any()
        assert np.array_equal(item.parse_agnostic[~cleared & ~near], item.parse[~cleared & ~near])


def test_poses_are_one_person_in_the_picture() -> None:
    for split, stem in every("pose"):
        pose = PoseFile.parse(TREE.read_bytes(split, "pose", stem))
        pose.person.check()
        body = pose.person.body
        seen = body[body[:, 2] > 0]
        assert len(seen) >= 8 and (seen[:, :2] >= 0).all() and (seen[:, :2] <= TREE.size).all()
