"""The published networks as eyes: each looks only at what needs it.

The contract that must not break: what is left out never changes a shot's kind: DensePose runs on worn photos only, the
segmenter on what may be a packshot only, and the parser on either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from preprocess.backends.interfaces import Box, DensePose, DensePoseEstimator, GarmentSegmenter, Parser, PoseEstimator
from preprocess.gates.statistics import statistics
from preprocess.intake.framing import mask_box
from preprocess.shots import Evidence, ShotKind, evidence, shot_kind, skin_share
from preprocess.student.student import Sight
from vitonhd.arrays import Labels, Mask, Picture
from vitonhd.openpose_json import Person


@dataclass(frozen=True)
class Networks:
    """Names of `preprocess.backends.opening`."""

    parser: str = "graphonomy"
    densepose: str = "densepose-s1x"
    pose: str = "rtmpose-m-halpe26"
    """With feet, as BODY_25 has them."""
    segmenter: str = "cloth-unet"

    @property
    def entries(self) -> tuple[str, ...]:
        """The entries of the weights registry that they are loaded from."""
        return tuple(
            entry
            for name in (self.parser, self.densepose, self.pose, self.segmenter)
            for entry in _ENTRIES.get(name, (name,))
        )


_ENTRIES = {
    "graphonomy-one-scale": ("graphonomy",),
    "schp": ("schp-lip", "schp-atr"),
    "detectron2": ("densepose-s1x",),
}
"""Backends that are not named as their weights are."""
NETWORKS = Networks()


class OfficialEyes:
    """Parser, DensePose, pose and garment segmenter, 17 to 100 s of CPU for a photo: there is no second look."""

    name = "official"
    looks_again = False

    def __init__(
        self,
        parser: Parser,
        densepose: DensePoseEstimator,
        pose: PoseEstimator,
        segmenter: GarmentSegmenter,
        identity: str,
        *,
        batch: int = 1,
    ) -> None:
        self.parser, self.densepose, self.pose, self.segmenter = parser, densepose, pose, segmenter
        self.identity = identity
        self.batch = batch

    def look(self, pictures: Sequence[Picture]) -> list[Sight]:
        """Pose first, which is cheap; then the parser where pose or backdrop says that it matters.

        The pose of a worn photo is then estimated again inside the person's box, which these networks are made for.
        """
        known = [evidence(statistics(picture)) for picture in pictures]
        poses = self.pose.estimate(pictures)
        views = [_View(*each) for each in zip(pictures, known, poses, strict=True)]
        of_use = [view for view in views if view.may_be_worn or view.may_be_flat]
        for view, parse in zip(of_use, self.parser.parse(_pictures(of_use)), strict=True):
            view.parse = parse
        worn = [view for view in of_use if view.may_be_worn]
        boxes = [view.box for view in worn]
        found = zip(self.densepose.estimate(_pictures(worn)), self.pose.estimate(_pictures(worn), boxes), strict=True)
        for view, (surface, person) in zip(worn, found, strict=True):
            view.densepose, view.person = surface, person or view.person
        flat = [view for view in of_use if view.may_be_flat]
        for view, garment in zip(flat, self.segmenter.segment(_pictures(flat)), strict=True):
            view.garment = garment
        return [view.sight for view in views]


class _View:
    """One picture, and what is known of it so far."""

    def __init__(self, picture: Picture, known: Evidence, person: Person | None) -> None:
        self.picture, self.known, self.person = picture, known, person
        self.parse: Labels | None = None
        self.densepose: DensePose | None = None
        self.garment: Mask | None = None

    @property
    def may_be_worn(self) -> bool:
        """By pose and, once there is a parse, by skin."""
        pose = None if self.person is None else self.person.body
        seen = evidence(self.known.statistics, self.parse, pose)
        skin = 1.0 if self.parse is None else seen.skin
        return shot_kind(replace(seen, skin=skin)).kind is ShotKind.WORN

    @property
    def may_be_flat(self) -> bool:
        """By backdrop and text and, once there is a parse, by skin: with the best of garments."""
        skin = 0.0 if self.parse is None else skin_share(self.parse)
        best = replace(self.known, skin=skin, garment=1.0, garment_cut=0.0)
        return shot_kind(best).kind is ShotKind.FLAT and not self.may_be_worn

    @property
    def box(self) -> Box:
        """Where the parse shows the person; the whole picture where it shows nobody."""
        height, width = self.picture.shape[:2]
        box = None if self.parse is None else mask_box(self.parse > 0)
        return (0.0, 0.0, width, height) if box is None else (box.left, box.top, box.right, box.bottom)

    @property
    def sight(self) -> Sight:
        """What was not looked at is empty."""
        height, width = self.picture.shape[:2]
        parse = np.zeros((height, width), np.uint8) if self.parse is None else self.parse
        garment = np.zeros((height, width), np.bool_) if self.garment is None else self.garment
        return Sight(parse, self.densepose, self.person, parse > 0, garment)


def _pictures(views: Sequence[_View]) -> list[Picture]:
    return [view.picture for view in views]
