"""The garment class table: complete, consistent, and HR-VITON's own rules for uppers."""

from __future__ import annotations

import numpy as np
import pytest

from vitonhd.densepose import DENSEPOSE
from vitonhd.garment_classes import RULES, GarmentClass
from vitonhd.label_conversions import CONVERSIONS
from vitonhd.labels import CIHP, HR_VITON_7, HR_VITON_13

EVERY_CLASS = pytest.mark.parametrize("garment_class", GarmentClass)


@EVERY_CLASS
def test_every_channel_has_exactly_one_slot(garment_class: GarmentClass) -> None:
    slots = RULES[garment_class].slots
    assert len(slots) == len(HR_VITON_7)
    assert sorted(channel for channels in slots for channel in channels) == list(range(len(HR_VITON_13)))
    table = RULES[garment_class].slot_of_channel()
    assert all(channel in slots[table[channel]] for channel in range(len(HR_VITON_13)))


@EVERY_CLASS
def test_the_garment_is_cleared_never_kept_and_in_its_channel_and_slot(garment_class: GarmentClass) -> None:
    rules = RULES[garment_class]
    assert set(rules.labels) <= set(rules.cleared)
    assert not set(rules.kept) & (set(rules.cleared) | set(rules.cleared_near))
    channels = {CONVERSIONS[CIHP, HR_VITON_13][label] for label in rules.labels}
    assert channels == {rules.channel}
    assert rules.slots[HR_VITON_7.id("garment")] == (rules.channel,)
    assert rules.channel not in rules.occluders and 0 not in rules.occluders


@EVERY_CLASS
def test_every_rule_is_the_same_for_both_sides_of_the_body(garment_class: GarmentClass) -> None:
    rules = RULES[garment_class]
    for ids, table in (
        (rules.cleared, CIHP), (rules.cleared_near, CIHP), (rules.kept, CIHP), (rules.occluders, HR_VITON_13),
        (rules.slots[1], HR_VITON_13), (rules.body_parts, DENSEPOSE),
    ):  # fmt: skip
        assert {table.mirror[id] for id in ids} == set(ids)


def test_upper_is_hr_viton_as_published() -> None:
    rules = RULES[GarmentClass.UPPER]
    assert rules.cleared == (5, 6, 7, 10) and rules.cleared_near == (14, 15)
    assert rules.kept == (4, 9, 12, 13, 16, 17, 18, 19)
    assert rules.channel == 3 and rules.occluders == (1, 2, *range(5, 13))
    assert rules.slots == ((0,), (2, 4, 7, 8, 9, 10, 11), (3,), (1,), (5,), (6,), (12,))


def test_lower_swaps_the_roles_of_shirt_and_bottom_and_of_arms_and_legs() -> None:
    rules = RULES[GarmentClass.LOWER]
    assert rules.channel == 4 and rules.occluders == (1, 2, 3, *range(5, 13))
    assert rules.slots == ((0,), (2, 3, 5, 6, 9, 10, 11), (4,), (1,), (7,), (8,), (12,))
    assert {9, 12, 16, 17} <= set(rules.cleared), "bare legs or the old hem would tell the worn garment's length"
    assert set(CIHP.ids("upper-clothes", "left-arm", "right-arm", "left-shoe", "right-shoe")) <= set(rules.kept)


def test_the_worn_mask_is_the_garments_labels() -> None:
    parse = np.array([[0, 5, 9], [12, 6, 13]], np.uint8)
    assert RULES[GarmentClass.LOWER].worn_mask(parse).tolist() == [[False, False, True], [True, False, False]]
    assert RULES[GarmentClass.UPPER].worn_mask(parse).tolist() == [[False, True, False], [False, True, False]]
    assert RULES[GarmentClass.DRESS].worn_mask(parse).tolist() == [[False, False, False], [False, True, False]]
