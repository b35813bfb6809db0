"""`agnostic-v3.2`, `agnostic-mask` and `image-parse-agnostic-v3.2`: the person without the garment, by class.

The contract that must not break: `upper` with neck, shoulders and hips seen is the published drawing; no pixel of a
garment of the class stays visible, but for specks that the published drawing of a whole upper body leaves
(MAX_UNCOVERED).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from preprocess.draw.body import Body, check_reach, read_body
from preprocess.draw.regions import ARMS, ArmRule, Pen, draw_arms, draw_legs, draw_torso, fixed_arm, hidden_arm
from preprocess.draw.spread import grow
from vitonhd.arrays import Labels, Mask, Picture, Points
from vitonhd.errors import FormatError
from vitonhd.garment_classes import RULES, GarmentClass, GarmentRules
from vitonhd.keypoints import BODY_25
from vitonhd.labels import CIHP

GREY = 128
MAX_UNCOVERED = 0.0025
"""Part of the picture that garment outside the published drawing may fill; the official sets reach 0.0011."""


@dataclass(frozen=True)
class Agnostic:
    """The person without the garment; every part HxW of the photo."""

    picture: Picture
    """The photo with the region grey."""
    mask: Mask
    """What is grey."""
    parse: Labels
    """The parse without the garment, CIHP ids."""
    completed: tuple[str, ...]
    """Torso joints that were missing and were placed by proportion."""


def draw_agnostic(
    photo: Picture, parse: Labels, points: Points, garment_class: GarmentClass, *, fixed_parse: bool = False
) -> Agnostic:
    """The three agnostic conditions of a photo (uint8 HxWx3), its CIHP parse (HxW) and BODY_25 points in its pixels.

    Rules: `docs/preprocess.md`. `fixed_parse` clears arms in the parse by HR-VITON's fixed sizes for custom data
    instead of the adaptive ones of the published set. Raises FormatError `wrong-size` for a parse of another size,
    `wrong-keypoints`, `pose-outside-picture` and `no-person` for an empty parse.
    """
    _check(photo, parse, points)
    rules = RULES[garment_class]
    body = read_body(points, int(np.count_nonzero(parse)))
    arms = _hidden_arms(body, rules, parse, hidden_arm)
    parse_arms = _hidden_arms(body, rules, parse, fixed_arm) if fixed_parse else arms
    shown = np.isin(parse, rules.kept) | (np.isin(parse, rules.cleared_near) & ~arms)
    mask: Mask = _region(body, rules, parse, arms) & ~shown
    return Agnostic(
        picture=np.where(mask[..., None], np.uint8(GREY), photo),
        mask=mask,
        parse=np.where(parse_arms | np.isin(parse, rules.cleared), np.uint8(0), parse),
        completed=body.completed,
    )


def _check(photo: Picture, parse: Labels, points: Points) -> None:
    if parse.shape != photo.shape[:2]:
        raise FormatError("wrong-size", f"a parse of {parse.shape} for a photo of {photo.shape[:2]}")
    BODY_25.check(points)
    check_reach(points, photo.shape[1], photo.shape[0])
    if not parse.any():
        raise FormatError("no-person", "the parse is all background")


def _region(body: Body, rules: GarmentRules, parse: Labels, hidden_arms: Mask) -> Mask:
    """What is drawn over, before anything is put back, bool HxW."""
    pen = Pen(parse.shape[1], parse.shape[0])
    trunk, arms, legs = _limbs(rules)
    if trunk and body.torso:
        draw_torso(pen, body)
    if arms:
        draw_arms(pen, body)
    if legs:
        draw_legs(pen, body)
    region = pen.mask
    torso_seen = body.torso and not body.completed
    if legs or not torso_seen:
        return region | grow(np.isin(parse, rules.cleared) | hidden_arms, body.unit)
    uncovered = rules.worn_mask(parse) & ~region
    allowed = MAX_UNCOVERED if all(body.has(*chain) for chain in ARMS.values()) else 0
    return region | grow(uncovered, body.unit) if uncovered.mean() > allowed else region


def _limbs(rules: GarmentRules) -> tuple[bool, bool, bool]:
    """Whether the class hides trunk, arms and legs: those whose skin its agnostic parse clears."""
    trunk, arm, leg = CIHP.ids("torso-skin", "left-arm", "left-leg")
    return trunk in rules.cleared, arm in rules.cleared_near, leg in rules.cleared


def _hidden_arms(body: Body, rules: GarmentRules, parse: Labels, draw: ArmRule) -> Mask:
    """Pixels of arms that are hidden, bool HxW: an arm without a known shoulder is hidden whole, hand and all."""
    hidden = np.zeros(parse.shape, np.bool_)
    for label, chain in ARMS.items():
        if CIHP.id(label) in rules.cleared_near:
            arm = parse == CIHP.id(label)
            hidden |= arm & draw(body, chain, *parse.shape[::-1]) if body.has(chain[0]) else arm
    return hidden
