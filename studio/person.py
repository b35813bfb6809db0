"""Who stands there: body, skin, face, hair, shoes and pose, sampled; and what they wear together.

The contract that must not break: a person is a function of the generator's state alone, and nobody is real.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from studio.body import Body, posed_body
from studio.garments import WAIST, Garment, sample_garment
from studio.patterns import Colour
from studio.poses import POSES, standing_pose
from vitonhd.garment_classes import GarmentClass

_SKINS: tuple[Colour, ...] = (
    (0.96, 0.83, 0.75), (0.93, 0.77, 0.66), (0.87, 0.69, 0.56), (0.78, 0.58, 0.44), (0.62, 0.43, 0.31),
    (0.44, 0.29, 0.21), (0.32, 0.21, 0.16),
)  # fmt: skip
_HAIR: tuple[Colour, ...] = (
    (0.07, 0.06, 0.06), (0.15, 0.10, 0.08), (0.28, 0.18, 0.12), (0.42, 0.28, 0.17), (0.72, 0.56, 0.36),
    (0.45, 0.20, 0.12), (0.55, 0.54, 0.53),
)  # fmt: skip
_SHOES: tuple[Colour, ...] = ((0.95, 0.95, 0.94), (0.08, 0.08, 0.09), (0.38, 0.24, 0.16), (0.60, 0.60, 0.62))
HAIR_STYLES = ("short", "cropped", "bob", "long")


@dataclass(frozen=True)
class Person:
    """A made-up person in a pose."""

    body: Body
    feminine: bool
    pose: str
    skin: Colour
    hair_style: str
    hair: Colour
    shoes: Colour


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
        "gender": float(np.clip((0.92 if feminine else 0.06) + rng.normal(0, 0.05), 0, 1)),
        "age": rng.uniform(0.6, 0.78),
        "muscle": rng.uniform(0.35, 0.65),
        "weight": rng.uniform(0.25, 0.62),
        "height": rng.uniform(0.42, 0.62),
        "proportions": rng.uniform(0.5, 0.95),
    }
    pose = pose if pose is not None else str(rng.choice(POSES))
    body = posed_body(phenotype, standing_pose(pose, rng))
    shade = float(rng.uniform(0.95, 1.04))
    skin = tuple(min(1.0, channel * shade) for channel in _SKINS[int(rng.integers(len(_SKINS)))])
    style = str(rng.choice(("bob", "long", "long", "short") if feminine else ("short", "short", "cropped")))
    hair, shoes = _HAIR[int(rng.integers(len(_HAIR)))], _SHOES[int(rng.integers(len(_SHOES)))]
    return Person(body, feminine, pose, skin, style, hair, shoes)  # type: ignore[arg-type]


def dress_up(garment: Garment, feminine: bool, rng: np.random.Generator) -> Outfit:
    """The garment with what belongs to it: a bottom under or over a top, a top with a bottom, nothing with a dress."""
    if garment.garment_class is GarmentClass.DRESS:
        return Outfit((garment,), 0)
    upper = garment.garment_class is GarmentClass.UPPER
    other_class = GarmentClass.LOWER if upper else GarmentClass.UPPER
    other = sample_garment(other_class, rng, feminine=feminine)
    top, bottom = (garment, other) if upper else (other, garment)
    return layered(top, bottom, upper, wants_tuck=bool(rng.random() < (0.35 if upper else 0.7)))


def layered(top: Garment, bottom: Garment, upper: bool, *, wants_tuck: bool) -> Outfit:
    """Top over bottom, or tucked in: always with a skirt, never with a top too short or too thick for it."""
    short = top.hem > WAIST - 0.1
    tucked = (bottom.skirt is not None or wants_tuck) and not short
    garments = (top, bottom) if tucked else (bottom, top)
    return Outfit(garments, garments.index(top if upper else bottom), tucked)
