"""A drawn person with exact labels and joints, synthetic: plain shapes, one colour per label, nothing real."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from vitonhd.arrays import Labels, Picture, Points
from vitonhd.garment_classes import GarmentClass
from vitonhd.item import Item
from vitonhd.keypoints import BODY_25
from vitonhd.labels import CIHP
from vitonhd.openpose_json import Person, PoseFile

SIZE = (192, 256)

JOINTS = {
    "nose": (96, 26), "neck": (96, 48), "right_shoulder": (76, 50), "right_elbow": (64, 86), "right_wrist": (60, 118),
    "left_shoulder": (116, 50), "left_elbow": (128, 86), "left_wrist": (132, 118), "mid_hip": (96, 114),
    "right_hip": (84, 114), "right_knee": (82, 166), "right_ankle": (80, 218), "left_hip": (108, 114),
    "left_knee": (110, 166), "left_ankle": (112, 218),
}  # fmt: skip
SHIRT = [(74, 44), (118, 44), (122, 70), (116, 122), (76, 122), (70, 70)]
TROUSERS = [(78, 106), (114, 106), (120, 208), (104, 208), (96, 132), (88, 208), (72, 208)]
DRESS = [(74, 44), (118, 44), (122, 70), (112, 100), (134, 190), (58, 190), (80, 100), (70, 70)]


@dataclass(frozen=True)
class Mannequin:
    photo: Picture
    parse: Labels
    points: Points

    def without(self, *joints: str) -> Points:
        """The pose with joints missing."""
        points = self.points.copy()
        points[[BODY_25.index(joint) for joint in joints]] = 0
        return points

    def item(self, stem: str) -> Item:
        return Item(stem, image=self.photo, parse=self.parse, pose=PoseFile.of(Person.of(self.points)))


def mannequin(garment_class: GarmentClass = GarmentClass.UPPER) -> Mannequin:
    """Someone in shirt and trousers, or in a dress, standing; 192x256."""
    parse = Image.new("L", SIZE)
    draw = ImageDraw.Draw(parse)
    for side, x in (("right", 81), ("left", 111)):
        draw.line([*JOINTS[f"{side}_hip"], *JOINTS[f"{side}_knee"], *JOINTS[f"{side}_ankle"]], _id(f"{side}-leg"), 10)
        draw.ellipse((x - 8, 214, x + 8, 232), _id(f"{side}-shoe"))
    draw.rectangle((90, 34, 102, 50), _id("torso-skin"))
    draw.ellipse((84, 8, 108, 42), _id("face"))
    draw.pieslice((83, 5, 109, 40), 180, 360, _id("hair"))
    if garment_class is GarmentClass.DRESS:
        draw.polygon(DRESS, _id("dress"))
    else:
        draw.polygon(TROUSERS, _id("pants"))
        draw.polygon(SHIRT, _id("upper-clothes"))
    for side in ("right", "left"):
        x, y = JOINTS[f"{side}_wrist"]
        label = _id(f"{side}-arm")
        draw.line([*JOINTS[f"{side}_shoulder"], *JOINTS[f"{side}_elbow"], x, y], label, 8)
        draw.ellipse((x - 6, y - 2, x + 6, y + 18), label)
    labels = np.array(parse)
    colours = np.array([(220, 221, 222), *((40 + 9 * i, 250 - 7 * i, (37 * i) % 200) for i in range(1, 20))], np.uint8)
    points = np.zeros((25, 3))
    for joint, place in JOINTS.items():
        points[BODY_25.index(joint)] = (*place, 0.9)
    return Mannequin(colours[labels], labels, points)


def _id(label: str) -> int:
    return CIHP.id(label)
