"""One data set item from a seed and an index: person, garment, outfit, light and camera, and all that follows.

The contract that must not break: each of them has its own random stream, so the same person, pose and light can be
shown in another item's garment: the true answer of an unpaired try-on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from studio.backdrop import Studio, sample_studio
from studio.camera import frame
from studio.garments import Garment, sample_garment
from studio.packshot import Packshot, packshot
from studio.person import Outfit, Person, dress_up, exchanged, sample_person
from studio.raster import Camera, Fragments, rasterise
from studio.render import photograph
from studio.scene import Scene, dressed, undressed
from studio.truth import Truth, truth_of
from vitonhd.arrays import Picture
from vitonhd.garment_classes import GarmentClass

_CLASSES = tuple(GarmentClass)


@dataclass(frozen=True)
class Draw:
    """Which item: the same draw gives the same pictures everywhere."""

    garment_class: GarmentClass
    seed: int
    index: int

    def stream(self, what: str) -> np.random.Generator:
        number = ("kind", "garment", "person", "outfit", "view").index(what)
        return np.random.default_rng([self.seed, _CLASSES.index(self.garment_class), self.index, number])

    @property
    def feminine(self) -> bool:
        """Whether person and garment are women's; dresses always are."""
        return self.garment_class is GarmentClass.DRESS or bool(self.stream("kind").random() < 0.5)

    def garment(self) -> Garment:
        return sample_garment(self.garment_class, self.stream("garment"), feminine=self.feminine)

    def person(self) -> Person:
        return sample_person(self.stream("person"), feminine=self.feminine)

    def outfit(self) -> Outfit:
        return dress_up(self.garment(), self.feminine, self.stream("outfit"))


@dataclass(frozen=True)
class Sitting:
    """A person before the camera in an outfit."""

    person: Person
    outfit: Outfit
    camera: Camera
    studio: Studio

    @cached_property
    def scene(self) -> Scene:
        return dressed(self.person, self.outfit)

    @cached_property
    def fragments(self) -> Fragments:
        """What of the scene is before the camera."""
        return rasterise(self.scene.vertices, self.scene.faces, self.camera)

    def photo(self) -> Picture:
        """uint8 HxWx3."""
        return photograph(self.scene, self.camera, self.studio, fragments=self.fragments)

    def truth(self, shot: Packshot) -> Truth:
        """The truth of the photo; `shot` is the target garment's packshot."""
        bare = undressed(self.person)
        return truth_of(self.scene, self.fragments, bare, self.camera, self.outfit.target, shot)

    def in_garment(self, garment: Garment) -> Sitting:
        """The same person, pose, light and camera, the target garment exchanged for another of its class.

        Raises ValueError where what else is worn would be worn otherwise with it (`person.suits`).
        """
        return replace(self, outfit=exchanged(self.outfit, garment))

    def without_garment(self) -> Sitting:
        """The same without the target garment; below it is a painted bodysuit."""
        rest = tuple(g for number, g in enumerate(self.outfit.garments) if number != self.outfit.target)
        return replace(self, outfit=Outfit(rest, -1))


def sitting(draw: Draw, width: int, height: int) -> Sitting:
    """The person of a draw, dressed, before a camera with pictures of the given size."""
    view, person = draw.stream("view"), draw.person()
    camera = frame(draw.garment_class, person, width, height, view)
    return Sitting(person, draw.outfit(), camera, sample_studio(view))


def shot(draw: Draw, width: int, height: int) -> Packshot:
    """The packshot of a draw's garment."""
    return packshot(draw.garment(), width, height)
