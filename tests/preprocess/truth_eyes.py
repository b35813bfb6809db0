"""Eyes that know the answers: what is true of synthetic pictures, or what the official files say of real ones.

They show what the chain makes of right answers; a picture that they were not told of is one of nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from preprocess.backends.interfaces import DensePose
from preprocess.intake.framing import mask_box
from preprocess.student.student import Sight
from tests.preprocess.mannequin import mannequin
from tests.preprocess.student_drawn import densepose_of
from vitonhd.arrays import Labels, Mask, Picture
from vitonhd.densepose import read_picture
from vitonhd.garment_classes import GarmentClass
from vitonhd.labels import CIHP
from vitonhd.openpose_json import Person
from vitonhd.tree import Tree


class TruthEyes:
    name = "truth"
    identity = "truth"
    looks_again = False
    batch = 1

    def __init__(self) -> None:
        self._known: dict[bytes, Sight] = {}
        self.looked = 0

    def tell(self, picture: Picture, sight: Sight) -> Picture:
        """What is true of a picture; the picture again."""
        self._known[_key(picture)] = sight
        return picture

    def tell_tree(self, tree: Tree, split: str) -> None:
        """What a tree's files say of its photos and packshots."""
        for stem in tree.stems(split, "pose"):
            item = tree.read(split, stem, ("image", "parse", "pose", "densepose", "cloth", "cloth_mask"))
            assert item.image is not None and item.parse is not None and item.pose is not None
            assert item.densepose is not None and item.cloth is not None and item.cloth_mask is not None
            surface, _ = read_picture(item.densepose)
            self.tell(item.image, worn_sight(item.parse, surface, item.pose.person))
            self.tell(item.cloth, packshot_sight(item.cloth_mask))

    def look(self, pictures: Sequence[Picture]) -> list[Sight]:
        self.looked += len(pictures)
        return [self._known.get(_key(picture)) or nothing(picture) for picture in pictures]


def worn_sight(parse: Labels, surface: Labels, person: Person) -> Sight:
    box = mask_box(surface > 0)
    assert box is not None
    sides = (float(box.left), float(box.top), float(box.right), float(box.bottom))
    uv = np.zeros((2, *parse.shape), np.float32)
    return Sight(parse, DensePose(surface, uv, sides, 1.0, 1), person, parse > 0, np.zeros(parse.shape, bool))


def packshot_sight(garment: Mask) -> Sight:
    return Sight(np.zeros(garment.shape, np.uint8), None, None, np.zeros(garment.shape, bool), garment)


def nothing(picture: Picture) -> Sight:
    return packshot_sight(np.zeros(picture.shape[:2], bool))


def drawn_person(
    eyes: TruthEyes, garment_class: GarmentClass = GarmentClass.UPPER, *, backdrop: int = 210, copies: int = 1
) -> Picture:
    """A drawn person, 384 x 512, before a grey backdrop; `copies` of them beside each other."""
    drawn = mannequin(garment_class)
    parse = _tiled(drawn.parse, copies)
    photo = _tiled(drawn.photo, copies)
    photo[parse == 0] = backdrop
    points = drawn.points.copy()
    seen = points[:, 2] > 0
    points[seen, :2] = points[seen, :2] * 2 + 0.5
    return eyes.tell(photo, worn_sight(parse, densepose_of(parse), Person.of(points)))


def drawn_packshot(eyes: TruthEyes, *, backdrop: int = 244) -> Picture:
    """The drawn person's shirt alone, 384 x 512."""
    drawn = mannequin()
    shirt = drawn.parse == CIHP.id("upper-clothes")
    rows, columns = np.flatnonzero(shirt.any(1)), np.flatnonzero(shirt.any(0))
    piece = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    mask = np.zeros((512, 384), bool)
    large = shirt[piece].repeat(5, 0).repeat(5, 1)
    top, left = (512 - large.shape[0]) // 2, (384 - large.shape[1]) // 2
    mask[top : top + large.shape[0], left : left + large.shape[1]] = large
    picture = np.full((512, 384, 3), backdrop, np.uint8)
    picture[mask] = (120, 40, 60)
    return eyes.tell(picture, packshot_sight(mask))


def _tiled(array: Picture, copies: int) -> Picture:
    return np.concatenate([array.repeat(2, 0).repeat(2, 1)] * copies, axis=1)


def _key(picture: Picture) -> bytes:
    return hashlib.sha256(np.ascontiguousarray(picture).tobytes() + repr(picture.shape).encode()).digest()
