"""Every condition file of an assessed picture, encoded as `vitonhd` prescribes, by its folder's name.

The contract that must not break: the drawn conditions are those that `lookbook preprocess draw` makes from the same
tree: they are drawn from the photo as its JPEG shows it and the pose as its JSON says it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from preprocess.chain.assess import Assessed, garment_of, pose_of
from preprocess.chain.moving import moved_person
from preprocess.chain.placing import Framed
from preprocess.draw.agnostic import draw_agnostic
from preprocess.draw.pose_picture import draw_pose
from preprocess.gates.verdict import Rejected, Verdict
from preprocess.intake.backdrop import white_behind
from preprocess.shots import ShotKind
from vitonhd.densepose import DENSEPOSE
from vitonhd.errors import FormatError
from vitonhd.folders import PARTS
from vitonhd.garment_classes import GarmentClass
from vitonhd.item import Item, encode_part
from vitonhd.openpose_json import Person, PoseFile
from vitonhd.pictures import decode_rgb

_DIGITS = 3
"""Of coordinates and scores in the JSON: a thousandth of a pixel."""
PACKSHOT_FOLDERS = tuple(folder.name for folder in PARTS.values() if folder.garment)
WORN_FOLDERS = tuple(folder.name for folder in PARTS.values() if folder.required and not folder.garment)


@dataclass(frozen=True)
class Drawn:
    """Every condition of a picture before it is encoded."""

    item: Item
    """All but `image`; its stem is empty."""
    image: bytes | None
    """A worn photo's JPEG, which the agnostic is drawn from as it is read back."""


def condition_files(assessed: Assessed) -> dict[str, bytes]:
    """Bytes by folder name: WORN_FOLDERS of a worn photo, PACKSHOT_FOLDERS of a packshot.

    Raises ValueError for a picture that did not pass, and Rejected where a condition can't be drawn.
    """
    return encoded_files(drawn_conditions(assessed))


def drawn_conditions(assessed: Assessed) -> Drawn:
    """The first half of `condition_files`; raises as it does."""
    if assessed.framed is None or not assessed.passed:
        raise ValueError(f"a picture that is not taken has no conditions: {', '.join(map(str, assessed.verdicts))}")
    try:
        if assessed.shot.kind is ShotKind.FLAT:
            garment = garment_of(assessed.framed)
            return Drawn(Item("", cloth=white_behind(assessed.framed.picture, garment), cloth_mask=garment), None)
        return _worn(assessed.framed, assessed.garment_class)
    except Rejected:
        raise
    except FormatError as error:
        raise Rejected(Verdict(error.reason, detail=error.detail)) from None


def encoded_files(drawn: Drawn) -> dict[str, bytes]:
    """The second half of `condition_files`."""
    image = {} if drawn.image is None else {PARTS["image"].name: drawn.image}
    return image | {folder.name: encode_part(folder, content) for folder, content in drawn.item.parts()}


def _worn(framed: Framed, garment_class: GarmentClass) -> Drawn:
    sight = framed.sight
    if sight.densepose is None:
        raise Rejected(Verdict("no-densepose"))
    image = encode_part(PARTS["image"], framed.picture)
    person = _stored(framed)
    agnostic = draw_agnostic(decode_rgb(image), sight.parse, person.body, garment_class)
    width, height = framed.frame.size
    item = Item(
        "", parse=sight.parse, densepose=DENSEPOSE.paint(sight.densepose.labels), pose=PoseFile.of(person),
        pose_picture=draw_pose(person, width, height), agnostic=agnostic.picture, agnostic_mask=agnostic.mask,
        parse_agnostic=agnostic.parse,
    )  # fmt: skip
    return Drawn(item, image)


def _stored(framed: Framed) -> Person:
    """The person as its JSON holds it."""
    person = framed.sight.person or Person.of(pose_of(framed))
    rounded = moved_person(person, lambda points: np.round(points, _DIGITS))
    return person if rounded is None else rounded
