"""Who stands there: body, skin, face, hair, shoes and pose, sampled; and what they wear together.

The contract that must not break: a person is a function of the generator's state alone, and nobody is real.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from studio.body import Body
from studio.complexion import EYES, SKINS, Complexion
from studio.footwear import Shoes, sample_shoes
from studio.garments import THICK, WAIST, Garment, sample_garment
from studio.hairstyles import Hair, sample_hair
from studio.poses import POSES, standing_pose
from studio.stance import stand
from vitonhd.garment_classes import GarmentClass

_DARK = 5
"""From this skin on, afros and dark hair."""


@dataclass(frozen=True)
class Person:
    """A made-up person in a pose."""

    phenotype: Mapping[str, float]
    body: Body
    feminine: bool
    pose: str
    complexion: Complexion
    hair: Hair
    shoes: Shoes

    def posed(self, pose: str, rng: np.random.Generator) -> Person:
        """The same person in another of the POSES."""
        body = stand(self.phenotype, standing_pose(pose, rng), heel=self.shoes.make.heel)
        return replace(self, pose=pose, body=body)


@dataclass(frozen=True)
class Outfit:
    """What is worn, from the inside out."""

    garments: tuple[Garment, ...]
    target: int
    """Index of the garment that the picture is about."""
    tucked: bool = False


def sample_person(rng: np.random.Generator, *, feminine: bool, pose: str | None = None) -> Person:
    """A random adult; `pose` is one of POSES."""
    phenotype = {
        "gender": float(np.clip((0.96 if feminine else 0.02) + rng.normal(0, 0.03), 0, 1)),
        "age": rng.uniform(0.6, 0.78),
        "muscle": rng.uniform(0.35, 0.65),
        "weight": rng.uniform(0.25, 0.62),
        "height": rng.uniform(0.42, 0.62),
        "proportions": rng.uniform(0.5, 0.95),
    }
    pose = pose if pose is not None else str(rng.choice(POSES))
    shoes = sample_shoes(rng, feminine=feminine)
    body = stand(phenotype, standing_pose(pose, rng), heel=shoes.make.heel)
    number, shade = int(rng.integers(len(SKINS))), float(rng.uniform(0.97, 1.03))
    skin = tuple(min(1.0, channel * shade) for channel in SKINS[number])
    iris = EYES[int(rng.integers(2 if number >= _DARK else len(EYES)))]
    hair = sample_hair(rng, feminine=feminine, dark_skin=number >= _DARK)
    stubble = 0.0 if feminine else float(np.clip(rng.normal(0.12, 0.14), 0, 0.45))
    complexion = Complexion(skin, hair.colour, iris, feminine, stubble)  # type: ignore[arg-type]
    return Person(phenotype, body, feminine, pose, complexion, hair, shoes)


def dress_up(garment: Garment, feminine: bool, rng: np.random.Generator) -> Outfit:
    """The garment with what belongs to it: a bottom under or over a top, a top with a bottom, nothing with a dress."""
    if garment.garment_class is GarmentClass.DRESS:
        return Outfit((garment,), 0)
    upper = garment.garment_class is GarmentClass.UPPER
    other_class = GarmentClass.LOWER if upper else GarmentClass.UPPER
    while True:
        other = sample_garment(other_class, rng, feminine=feminine)
        top, bottom = (garment, other) if upper else (other, garment)
        if _go_together(top, bottom):
            break
    return layered(top, bottom, upper, wants_tuck=bool(rng.random() < (0.35 if upper else 0.7)))


def layered(top: Garment, bottom: Garment, upper: bool, *, wants_tuck: bool) -> Outfit:
    """Top over bottom, or tucked in: with a skirt always, with trousers never a thick top; never a too short one."""
    short = top.hem > WAIST - 0.1
    tucked = (bottom.skirt is not None or (wants_tuck and top.family not in THICK)) and not short
    garments = (top, bottom) if tucked else (bottom, top)
    return Outfit(garments, garments.index(top if upper else bottom), tucked)


def _go_together(top: Garment, bottom: Garment) -> bool:
    return bottom.skirt is None or top.family not in THICK


def suits(outfit: Outfit, garment: Garment) -> bool:
    """Whether a garment may take the target's place and all else stays worn as it is: tucked or not, over or under."""
    if garment.garment_class is not outfit.garments[outfit.target].garment_class:
        return False
    if len(outfit.garments) == 1:
        return True
    other, upper = outfit.garments[1 - outfit.target], garment.garment_class is GarmentClass.UPPER
    top, bottom = (garment, other) if upper else (other, garment)
    again = layered(top, bottom, upper, wants_tuck=outfit.tucked)
    return _go_together(top, bottom) and (again.tucked, again.target) == (outfit.tucked, outfit.target)


def exchanged(outfit: Outfit, garment: Garment) -> Outfit:
    """The outfit with a garment in the target's place. Raises ValueError where it does not suit."""
    target = outfit.garments[outfit.target]
    if not suits(outfit, garment):
        raise ValueError(f"a {garment.family} is not worn as the {target.family} is: choose another garment")
    garments = tuple(garment if number == outfit.target else worn for number, worn in enumerate(outfit.garments))
    return replace(outfit, garments=garments)
