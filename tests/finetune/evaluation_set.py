"""A small drawn test set of two classes with known answers: blocks for people, nothing real."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vitonhd.arrays import Labels, Mask, Picture
from vitonhd.atomic import write_atomic
from vitonhd.densepose import DENSEPOSE
from vitonhd.garment_classes import RULES, GarmentClass
from vitonhd.item import Item
from vitonhd.keypoints import BODY_25
from vitonhd.labels import CIHP
from vitonhd.names import item_id
from vitonhd.openpose_json import Person, PoseFile
from vitonhd.pair_files import Pair
from vitonhd.pictures import encode_jpeg, encode_mask_png
from vitonhd.tree import Tree

SIZE = (128, 192)
CLASSES = (GarmentClass.LOWER, GarmentClass.UPPER)
_BOXES = {GarmentClass.UPPER: (50, 110), GarmentClass.LOWER: (110, 170)}


def cloth(number: int) -> Picture:
    """A striped pattern, HxWx3; every number another colour and width."""
    width, height = SIZE
    colours = np.random.default_rng(number).integers(30, 225, (2, 3))
    stripes = (np.arange(height) // (4 + number % 4)) % 2
    return np.broadcast_to(colours[stripes][:, None], (height, width, 3)).astype(np.uint8)


def worn_mask(person: int, garment_class: GarmentClass) -> Mask:
    """Where a person's garment of the class is."""
    mask = np.zeros((SIZE[1], SIZE[0]), bool)
    top, bottom = _BOXES[garment_class]
    mask[top:bottom, 40 + person : 90 + person] = True
    return mask


def dressed(person: int, garment: int, garment_class: GarmentClass, *, shifted: int = 0) -> Picture:
    """A person in a garment, which may be shifted down by some pixels of its pattern's height."""
    chance = np.random.default_rng(1000 + person)
    picture = np.full((SIZE[1], SIZE[0], 3), 200, np.uint8)
    picture[20:50, 50 + person : 80 + person] = chance.integers(60, 220, 3)
    for other in CLASSES:
        picture[worn_mask(person, other)] = chance.integers(30, 225, 3)
    mask = worn_mask(person, garment_class)
    picture[mask] = np.roll(cloth(garment), shifted, axis=0)[mask]
    return picture


def write_set(root: Path, *, count: int = 4, truth: bool = True) -> None:
    """Trees `lower` and `upper` with `count` test items each; person n tries on the garment of n + 1."""
    for garment_class in CLASSES:
        tree = Tree(root / garment_class, size=SIZE)
        numbers = range(count)
        for number in numbers:
            tree.write("test", _item(number, garment_class))
        tree.write_pairs("test", [Pair(item_id(number), item_id(number)) for number in numbers])
        unpaired = [(number, (number + 1) % count) for number in numbers]
        tree.write_pairs("test_unpaired", [Pair(item_id(one), item_id(other)) for one, other in unpaired])
        for one, other in unpaired if truth else []:
            name = tree.root / "truth" / "test_unpaired" / f"{item_id(one)}_{item_id(other)}"
            picture = encode_jpeg(dressed(one, other, garment_class), quality=100)
            write_atomic(name.with_suffix(".jpg"), picture)
            write_atomic(name.with_name(f"{name.name}_worn.png"), encode_mask_png(worn_mask(one, garment_class)))


def _item(number: int, garment_class: GarmentClass) -> Item:
    parse = _parse(number)
    cleared = np.isin(parse, RULES[garment_class].labels)
    image = dressed(number, number, garment_class)
    shown = np.zeros((SIZE[1], SIZE[0]), bool)
    shown[30:160, 30:100] = True
    return Item(
        item_id(number),
        image=image,
        cloth=np.where(shown[..., None], cloth(number), np.uint8(255)),
        cloth_mask=shown,
        densepose=DENSEPOSE.paint((parse > 0).astype(np.uint8)),
        parse=parse,
        parse_agnostic=np.where(cleared, 0, parse).astype(np.uint8),
        agnostic=np.where(cleared[..., None], np.uint8(128), image),
        agnostic_mask=cleared,
        pose_picture=image,
        pose=PoseFile.of(Person.of(np.zeros((len(BODY_25), 3)))),
        worn_mask=worn_mask(number, garment_class),
    )


def _parse(number: int) -> Labels:
    parse = np.zeros((SIZE[1], SIZE[0]), np.uint8)
    parse[20:50, 50 + number : 80 + number] = CIHP.id("face")
    parse[worn_mask(number, GarmentClass.UPPER)] = CIHP.id("upper-clothes")
    parse[worn_mask(number, GarmentClass.LOWER)] = CIHP.id("pants")
    return parse
