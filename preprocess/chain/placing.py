"""What kind of shot a picture is, and the 3:4 frame around its person or garment.

The contract that must not break: worn photos and packshots get a frame, nothing else does; the framed picture and the
sight in it are of the same pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from preprocess.chain.masks import off_the_edge, solid
from preprocess.chain.moving import moved_sight
from preprocess.chain.taking import Taken
from preprocess.intake.framing import SIZE, Box, Frame, frame_subject, mask_box, person_box
from preprocess.shots import Shot, ShotKind, evidence, shot_kind, skin_share
from preprocess.student.student import Sight
from vitonhd.arrays import Mask, Picture
from vitonhd.garment_classes import RULES, GarmentClass
from vitonhd.keypoints import BODY_25


@dataclass(frozen=True)
class Framed:
    """A worn photo or packshot in its frame, and what is seen there."""

    frame: Frame
    picture: Picture
    sight: Sight
    shown: Box
    """Where in the framed picture the photo is; the rest is continued backdrop."""

    def seen_again(self, sight: Sight) -> Framed:
        """With what was seen in the framed picture itself."""
        return replace(self, sight=sight)


@dataclass(frozen=True)
class Placed:
    """A picture after the first look."""

    taken: Taken
    garment_class: GarmentClass
    shot: Shot
    skin: float
    """Share of the whole picture that is face, hair or skin."""
    framed: Framed | None
    """None for details, text, and where no subject is found after all."""

    @property
    def wants_look(self) -> bool:
        """Whether a look at the framed picture shows more: not where it is the whole photo, no larger than that."""
        if self.framed is None:
            return False
        height, width = self.taken.intake.colour.shape[:2]
        return self.framed.frame.window != Box(0, 0, width, height) or self.framed.frame.scale > 1


def place(taken: Taken, sight: Sight, garment_class: GarmentClass, *, size: tuple[int, int] = SIZE) -> Placed:
    """The shot's kind by what is seen in the whole picture, and its frame of `size` (width, height, 3:4)."""
    pose = None if sight.person is None else sight.person.body
    garment = solid(off_the_edge(taken.intake.on_white, sight.garment_mask))
    shot = shot_kind(evidence(taken.statistics, sight.parse, pose, garment))
    framed = None
    if shot.kind is ShotKind.WORN:
        framed = _worn(taken, sight, garment_class, size)
    elif shot.kind is ShotKind.FLAT:
        framed = _flat(taken, sight, garment, size)
    return Placed(taken, garment_class, shot, skin_share(sight.parse), framed)


def _worn(taken: Taken, sight: Sight, garment_class: GarmentClass, size: tuple[int, int]) -> Framed | None:
    person = solid(sight.parse > 0)
    pose = np.zeros((len(BODY_25), 3)) if sight.person is None else sight.person.body
    worn = RULES[garment_class].worn_mask(sight.parse) & person
    box = person_box(person, pose, garment_class, worn)
    return None if box is None else _framed(taken.intake.on_border_colour, sight, person, box, "person", size)


def _flat(taken: Taken, sight: Sight, garment: Mask, size: tuple[int, int]) -> Framed | None:
    box = mask_box(garment)
    return None if box is None else _framed(taken.intake.on_white, sight, garment, box, "garment", size)


def _framed(photo: Picture, sight: Sight, subject: Mask, box: Box, kind: str, size: tuple[int, int]) -> Framed:
    height, width = subject.shape
    frame = frame_subject(box, width, height, kind=kind, size=size)
    picture = frame.picture(photo, subject)
    return Framed(frame, picture, moved_sight(sight, frame.labels, frame.points), frame.shown(width, height))
