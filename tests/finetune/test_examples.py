"""Training examples: as inference reads them, from trees and from shards, and in other views."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from finetune.augmentation import augment, to_scene
from finetune.errors import DataUnusable
from finetune.examples import FLOW, FLOW_UNIT, Examples, Source, find_sources
from finetune.hr_viton.conditions import read_pair
from finetune.hr_viton.recipe import garments_of, persons_of
from finetune.loader import Batch, Loader
from finetune.sampling import Sampler
from finetune.settings import AugmentationSettings
from vitonhd.garment_classes import GarmentClass
from vitonhd.pair_files import Pair
from vitonhd.shards import write_shards
from vitonhd.tree import Tree
from vitonhd.tree_shards import pack

PARTS = ("image", "cloth", "cloth_mask", "densepose", "parse", "parse_agnostic", "agnostic")
ALL = AugmentationSettings(
    flip=1, person_shift=0.1, person_zoom=1.3, person_turn=15, garment_shift=0.1, garment_zoom=1.3, garment_turn=15
)


def batches(examples: Examples, workers: int = 0) -> list[Batch]:
    sampler = Sampler(examples.counts(), {}, batch=3, seed=1, steps=3)
    return list(Loader(examples, sampler, seed=1, device=torch.device("cpu"), workers=workers))


@pytest.mark.parametrize("size", [(64, 64), (96, 32)])
def test_training_sees_what_inference_sees(renders: Path, size: tuple[int, int]) -> None:
    examples = Examples([Source(renders / "lower", GarmentClass.LOWER)], "train", PARTS, size)
    batch = batches(examples)[0]
    scene = to_scene(batch)
    for place, name in enumerate(batch.names):
        stem = name.rsplit("/", 1)[1]
        tree = Tree(renders / "lower", size=(64, 64))
        garments, persons = read_pair(tree, "train", Pair(stem, stem), "paired", size)
        for found, wanted in ((garments_of(scene), garments), (persons_of(scene), persons)):
            for key, value in vars(wanted).items():
                torch.testing.assert_close(vars(found)[key][place : place + 1], value)


def test_shards_give_the_same_examples_as_the_tree(renders: Path, tmp_path: Path) -> None:
    tree = Tree(renders / "upper", size=(64, 64))
    list(write_shards(pack(tree, "train", tree.stems("train")), tmp_path, "train", max_samples=4))
    assert len(list(tmp_path.glob("*.tar"))) == 2
    one, other = (
        batches(Examples([Source(root, GarmentClass.UPPER)], "train", PARTS, (64, 64)))
        for root in (tmp_path, renders / "upper")
    )
    for left, right in zip(one, other, strict=True):
        assert all(torch.equal(left.maps[part], right.maps[part]) for part in PARTS)


def test_workers_change_nothing(renders: Path) -> None:
    examples = Examples(find_sources([str(renders)]), "train", PARTS, (64, 64))
    for left, right in zip(batches(examples), batches(examples, workers=2), strict=True):
        assert left.names == right.names
        assert torch.equal(left.draws, right.draws)
        assert all(torch.equal(left.maps[part], right.maps[part]) for part in PARTS)


def test_a_damaged_file_is_named(renders: Path, tmp_path: Path) -> None:
    tree = Tree(tmp_path, size=(64, 64))
    item = Tree(renders / "upper", size=(64, 64)).read("train", "00001_00", PARTS)
    tree.write("train", item)
    path = tree.path("train", "cloth", "00001_00")
    path.write_bytes(path.read_bytes()[:200])
    examples = Examples([Source(tmp_path, GarmentClass.UPPER)], "train", PARTS, (64, 64))
    with pytest.raises(DataUnusable, match="00001_00"):
        examples.read(GarmentClass.UPPER, 0)


def test_data_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataUnusable, match="no such folder"):
        find_sources([f"upper={tmp_path}/nowhere"])
    with pytest.raises(DataUnusable, match="whose garments"):
        find_sources([str(tmp_path)])
    with pytest.raises(DataUnusable, match="parse_agnostic"):
        Examples([Source(tmp_path, GarmentClass.UPPER)], "train", PARTS, (64, 64))


def smooth(channels: int, seed: int) -> Tensor:
    rough = torch.rand(1, channels, 6, 6, generator=torch.Generator().manual_seed(seed))
    return functional.interpolate(rough, (64, 64), mode="bicubic").clamp(0, 1)


def test_the_flow_stays_true_in_every_view(renders: Path) -> None:
    """A photo made by carrying the packshot along a flow is still that after both have moved."""
    places = torch.stack(
        torch.meshgrid(torch.linspace(-0.7, 0.7, 64), torch.linspace(-0.6, 0.6, 64), indexing="xy"), -1
    )
    places = (places + 0.1 * (smooth(2, 0).permute(0, 2, 3, 1)[0] - 0.5))[None]
    cloth = smooth(3, 1)
    image = functional.grid_sample(cloth, places, align_corners=False)
    examples = Examples([Source(renders / "upper", GarmentClass.UPPER)], "train", PARTS, (64, 64))
    stored = batches(examples)[0]
    maps = {part: values[:1] for part, values in stored.maps.items()}
    maps["cloth"], maps["image"] = (picture.mul(255).round().byte().permute(0, 2, 3, 1) for picture in (cloth, image))
    maps[FLOW] = (places * FLOW_UNIT).round().to(torch.int16)
    for row in range(3):
        batch = Batch(maps, stored.classes[:1], stored.draws[row : row + 1])
        scene = augment(batch, ALL)
        known = ~scene.flow[..., :1].isnan().permute(0, 3, 1, 2)
        seen = known & (scene.flow.nan_to_num(9).abs() < 0.95).all(-1)[:, None]
        carried = functional.grid_sample(scene.cloth, scene.flow.nan_to_num(0), align_corners=False)
        assert seen.float().mean() > 0.3
        assert float(((carried - scene.image).abs() * seen).sum() / seen.sum() / 3) < 0.03


def test_a_mirror_changes_sides_and_twice_changes_nothing(renders: Path) -> None:
    examples = Examples([Source(renders / "upper", GarmentClass.UPPER)], "train", PARTS, (64, 64))
    batch = batches(examples)[0]
    plain, mirrored = to_scene(batch), augment(batch, AugmentationSettings(flip=1))
    torch.testing.assert_close(mirrored.image, plain.image.flip(-1), atol=1e-4, rtol=0)
    left, right = 14, 15
    assert torch.equal(mirrored.parse == left, (plain.parse == right).flip(-1))
    assert torch.equal(mirrored.cloth_mask, plain.cloth_mask.flip(-1))


def test_a_garment_gets_the_same_new_colour_flat_and_worn(renders: Path) -> None:
    examples = Examples([Source(renders / "upper", GarmentClass.UPPER)], "train", PARTS, (64, 64))
    batch = batches(examples)[0]
    plain, scene = to_scene(batch), augment(batch, AugmentationSettings(recolour=1))
    for place in range(len(batch)):
        worn = scene.parse[place] == 5
        flat = scene.cloth[place][:, scene.cloth_mask[place, 0] > 0].mean(1)
        np.testing.assert_allclose(scene.image[place][:, worn].median(1).values, flat, atol=0.1)
        assert torch.equal(scene.image[place][:, ~worn], plain.image[place][:, ~worn])
        assert (scene.image[place][:, worn] - plain.image[place][:, worn]).abs().mean() > 0.01


def test_the_cache_holds_no_more_than_its_room(renders: Path) -> None:
    source = Source(renders / "upper", GarmentClass.UPPER)
    one = sum(
        array.nbytes for array in Examples([source], "train", PARTS, (64, 64)).read(GarmentClass.UPPER, 0).values()
    )
    examples = Examples([source], "train", PARTS, (64, 64), cache_bytes=2 * one)
    for index in range(4):
        examples.read(GarmentClass.UPPER, index)
    assert examples.read(GarmentClass.UPPER, 1) is examples.read(GarmentClass.UPPER, 1)
    assert examples.read(GarmentClass.UPPER, 3) is not examples.read(GarmentClass.UPPER, 3)
