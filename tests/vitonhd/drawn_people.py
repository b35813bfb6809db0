"""A synthetic data set whose conditions agree with one another: people of plain shapes in plain garments, 192x256.

All eleven folders, both splits, all pair files: what the validator, the exports and the loaders' tests need, made with
numpy and Pillow alone in a few milliseconds an item.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from vitonhd.arrays import Labels, Mask, Picture, Points
from vitonhd.densepose import DENSEPOSE
from vitonhd.garment_classes import RULES, GarmentClass
from vitonhd.item import Item
from vitonhd.keypoints import BODY_25
from vitonhd.labels import CIHP
from vitonhd.openpose_json import Person, PoseFile
from vitonhd.pair_files import Pair
from vitonhd.tree import Tree

SIZE = (192, 256)
_WIDTH, _HEIGHT = SIZE
Box = tuple[float, float, float, float]

# Boxes of a body in 192x256, x0 y0 x1 y1; "left" is the person's, on the viewer's right.
_BODY: dict[str, tuple[Box, str]] = {
    "head": ((80, 16, 112, 56), "left-head"),
    "neck": ((88, 56, 104, 64), "torso-front"),
    "torso": ((64, 64, 128, 136), "torso-front"),
    "left-thigh": ((96, 136, 120, 184), "left-thigh-front"),
    "right-thigh": ((72, 136, 96, 184), "right-thigh-front"),
    "left-calf": ((100, 184, 116, 232), "left-calf-front"),
    "right-calf": ((76, 184, 92, 232), "right-calf-front"),
    "left-foot": ((98, 232, 120, 244), "left-foot"),
    "right-foot": ((72, 232, 94, 244), "right-foot"),
    "left-upper-arm": ((128, 66, 144, 104), "left-upper-arm-1"),
    "right-upper-arm": ((48, 66, 64, 104), "right-upper-arm-1"),
    "left-forearm": ((130, 104, 144, 140), "left-forearm-1"),
    "right-forearm": ((48, 104, 62, 140), "right-forearm-1"),
    "left-hand": ((130, 140, 144, 152), "left-hand"),
    "right-hand": ((48, 140, 62, 152), "right-hand"),
}
_BARE = {
    "head": "face", "neck": "torso-skin", "left-thigh": "left-leg", "right-thigh": "right-leg", "left-calf": "left-leg",
    "right-calf": "right-leg", "left-foot": "left-shoe", "right-foot": "right-shoe", "left-upper-arm": "left-arm",
    "right-upper-arm": "right-arm", "left-forearm": "left-arm", "right-forearm": "right-arm", "left-hand": "left-arm",
    "right-hand": "right-arm",
}  # fmt: skip
_SLEEVES = ("left-upper-arm", "right-upper-arm")
_THIGHS = ("left-thigh", "right-thigh")
_WORN: dict[GarmentClass, dict[str, str]] = {
    GarmentClass.UPPER: {
        "torso": "upper-clothes",
        **dict.fromkeys(_SLEEVES, "upper-clothes"),
        **dict.fromkeys(_THIGHS, "pants"),
    },
    GarmentClass.LOWER: {"torso": "upper-clothes", **dict.fromkeys(_THIGHS, "pants")},
    GarmentClass.DRESS: {"torso": "dress", **dict.fromkeys(_SLEEVES, "dress"), **dict.fromkeys(_THIGHS, "dress")},
}
_JOINTS = {
    "nose": (96, 36), "neck": (96, 64), "right_shoulder": (60, 70), "right_elbow": (55, 103), "right_wrist": (55, 138),
    "left_shoulder": (132, 70), "left_elbow": (137, 103), "left_wrist": (137, 138), "mid_hip": (96, 134),
    "right_hip": (82, 134), "right_knee": (84, 183), "right_ankle": (84, 230), "left_hip": (110, 134),
    "left_knee": (108, 183), "left_ankle": (108, 230), "right_eye": (90, 32), "left_eye": (102, 32),
    "right_ear": (84, 36), "left_ear": (108, 36),
}  # fmt: skip
_CLOTH: dict[GarmentClass, tuple[Box, ...]] = {
    GarmentClass.UPPER: ((56, 48, 136, 200), (32, 56, 56, 128), (136, 56, 160, 128)),
    GarmentClass.LOWER: ((56, 32, 136, 88), (56, 88, 92, 224), (100, 88, 136, 224)),
    GarmentClass.DRESS: ((64, 24, 128, 120), (48, 120, 144, 232)),
}


@dataclass(frozen=True)
class _Look:
    """What differs between two drawn people."""

    shift: int
    skin: tuple[int, int, int]
    garment: tuple[int, int, int]
    rest: tuple[int, int, int]
    stripes: int
    backdrop: int

    @classmethod
    def of(cls, seed: int) -> _Look:
        random = np.random.default_rng(seed)
        colours = random.integers(20, 110, (2, 3))
        skin = (int(random.integers(150, 200)), 120, 100)
        return cls(
            int(random.integers(-2, 3)) * 8, skin, tuple(colours[0].tolist()), tuple(colours[1].tolist()),
            int(random.integers(1, 5)) * 16, int(random.integers(215, 245)),
        )  # fmt: skip


def drawn_item(stem: str, garment_class: GarmentClass = GarmentClass.UPPER, seed: int = 0) -> Item:
    """Every part of an item, the seed decides how it looks."""
    look, rules = _Look.of(seed), RULES[garment_class]
    parse, densepose = _parse(garment_class, look), _densepose(look)
    photo = _photo(parse, look, rules.worn_mask(parse))
    hands = densepose_mask(densepose, "left-hand", "right-hand")
    hidden = np.isin(parse, rules.cleared) | (np.isin(parse, rules.cleared_near) & ~hands)
    cloth_mask = _boxes(_CLOTH[garment_class])
    pose = _pose(look)
    return Item(
        stem, image=photo, cloth=np.where(cloth_mask[..., None], _fabric(look), np.uint8(250)), cloth_mask=cloth_mask,
        densepose=DENSEPOSE.paint(densepose), parse=parse,
        parse_agnostic=np.where(hidden, 0, parse).astype(np.uint8),
        agnostic=np.where(hidden[..., None], np.uint8(128), photo), agnostic_mask=hidden,
        pose_picture=_pose_picture(pose),
        pose=PoseFile.of(Person.of(pose)), worn_mask=rules.worn_mask(parse),
    )  # fmt: skip


def write_people(
    tree: Tree, garment_class: GarmentClass = GarmentClass.UPPER, *, train: int = 3, test: int = 3, scale: int = 1
) -> None:
    """A sound tree with both splits and all pair files; test items are numbered from 100. Pictures are `scale` times
    192x256.
    """
    for split, count, first in (("train", train, 0), ("test", test, 100)):
        stems = [f"{first + number:05d}_00" for number in range(count)]
        for number, stem in enumerate(stems):
            tree.write(split, _enlarged(drawn_item(stem, garment_class, first + number), scale))
        tree.write_pairs(split, [Pair(stem, stem) for stem in stems])
        if split == "test":
            tree.write_pairs("test_unpaired", map(Pair, stems, stems[1:] + stems[:1]))


def _enlarged(item: Item, scale: int) -> Item:
    large = Item(item.stem)
    for folder, content in item.parts():
        if isinstance(content, PoseFile):
            large.pose = PoseFile.of(Person.of(content.person.body * (scale, scale, 1)))
        else:
            setattr(large, folder.part, content.repeat(scale, axis=0).repeat(scale, axis=1))
    return large


def densepose_mask(densepose: Labels, *parts: str) -> Mask:
    return np.isin(densepose, DENSEPOSE.ids(*parts))


def _boxes(boxes: tuple[Box, ...], shift: int = 0) -> Mask:
    mask = np.zeros((_HEIGHT, _WIDTH), bool)
    for x0, y0, x1, y1 in boxes:
        mask[int(y0) : int(y1), int(x0) + shift : int(x1) + shift] = True
    return mask


def _parse(garment_class: GarmentClass, look: _Look) -> Labels:
    labels = _BARE | _WORN[garment_class]
    parse = np.zeros((_HEIGHT, _WIDTH), np.uint8)
    for part, (box, _) in _BODY.items():
        parse[_boxes((box,), look.shift)] = CIHP.id(labels[part])
    parse[_boxes(((76, 8, 116, 24),), look.shift)] = CIHP.id("hair")
    return parse


def _densepose(look: _Look) -> Labels:
    ids = np.zeros((_HEIGHT, _WIDTH), np.uint8)
    for box, part in _BODY.values():
        ids[_boxes((box,), look.shift)] = DENSEPOSE.id(part)
    return ids


def _fabric(look: _Look) -> Picture:
    rows = np.arange(_HEIGHT)[:, None, None] // look.stripes % 2
    lighter = np.array(look.garment) + np.array((60, 30, 90)) * rows
    return np.broadcast_to(lighter, (_HEIGHT, _WIDTH, 3)).astype(np.uint8)


def _photo(parse: Labels, look: _Look, worn: Mask) -> Picture:
    photo = np.full((_HEIGHT, _WIDTH, 3), look.backdrop, np.uint8)
    photo[parse > 0] = look.rest
    photo[np.isin(parse, CIHP.ids("face", "torso-skin", "left-arm", "right-arm", "left-leg", "right-leg"))] = look.skin
    return np.where(worn[..., None], _fabric(look), photo)


def _pose(look: _Look) -> Points:
    points = np.zeros((len(BODY_25), 3))
    for joint, (x, y) in _JOINTS.items():
        points[BODY_25.index(joint)] = x + look.shift + 0.25, y + 0.5, 0.75
    return points


def _pose_picture(points: Points) -> Picture:
    picture = Image.new("RGB", SIZE)
    draw = ImageDraw.Draw(picture)
    for number, (x, y, score) in enumerate(points):
        if score:
            draw.ellipse((x - 3, y - 3, x + 3, y + 3), fill=(255, 10 * number, 255 - 10 * number))
    return np.array(picture)
