"""What each garment class owns: the one table that everything that depends on the class reads.

The contract that must not break: `upper` is HR-VITON exactly as published; `lower` and `dress` reuse its 13 channels
and 7 slots in other roles, so that published checkpoints load unchanged.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from vitonhd.arrays import Labels, Mask
from vitonhd.densepose import DENSEPOSE
from vitonhd.labels import CIHP, HR_VITON_7, HR_VITON_13


class GarmentClass(StrEnum):
    """The three kinds of garment that are tried on."""

    UPPER = "upper"
    LOWER = "lower"
    DRESS = "dress"


@dataclass(frozen=True)
class GarmentRules:
    """One class's rules; label ids are CIHP's, channels HR-VITON's 13, parts DensePose's."""

    dress_code_folder: str
    """The class's folder in Dress Code's layout."""
    labels: tuple[int, ...]
    """Labels that a worn garment of the class carries: the target of the warp."""
    cleared: tuple[int, ...]
    """Labels that become background in the agnostic parse, all over the picture: the garment and what it hides."""
    cleared_near: tuple[int, ...]
    """Labels that become background only inside the region that the agnostic drawing covers (arms, up to the hand)."""
    kept: tuple[int, ...]
    """Labels whose pixels are put back into the agnostic picture after drawing."""
    channel: int
    """The channel that is the garment: composed with the warped mask, compared with the warp."""
    occluders: tuple[int, ...]
    """Channels that hide the warped garment where the network sees them."""
    slots: tuple[tuple[int, ...], ...]
    """For each of the generator's 7 slots the channels that it takes; every channel is in exactly one."""
    body_parts: tuple[int, ...]
    """DensePose parts that a garment of the class may cover whatever its length: the pose-free mask."""

    def slot_of_channel(self) -> Labels:
        """The generator slot of each of the 13 channels, uint8 of length 13."""
        table = np.zeros(len(HR_VITON_13), np.uint8)
        for slot, channels in enumerate(self.slots):
            table[list(channels)] = slot
        return table

    def worn_mask(self, parse: Labels) -> Mask:
        """Where the worn garment is in a CIHP parse, HxW bool."""
        return np.isin(parse, self.labels)


def _channels(*names: str) -> tuple[int, ...]:
    return tuple(sorted(HR_VITON_13.ids(*names)))


def _labels(*names: str) -> tuple[int, ...]:
    return tuple(sorted(CIHP.ids(*names)))


def _slots(**channels: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    return tuple(channels[slot.replace("-", "_")] for slot in HR_VITON_7.labels)


_LEGS = ("left-leg", "right-leg")
_SHOES = ("left-shoe", "right-shoe")
_ARMS = ("left-arm", "right-arm")
_UPPER_PARTS = tuple(id for id, part in enumerate(DENSEPOSE.labels) if "torso" in part or "arm" in part)
_LOWER_PARTS = tuple(id for id, part in enumerate(DENSEPOSE.labels) if "thigh" in part or "calf" in part)
_LIMBS_AND_ALL_BUT_CLOTHES = ("hair", "face", *_ARMS, *_LEGS, *_SHOES, "socks", "noise")

RULES: dict[GarmentClass, GarmentRules] = {
    # The published rules: networks and loader of HR-VITON, agnostic pictures of VITON-HD v3.2.
    GarmentClass.UPPER: GarmentRules(
        dress_code_folder="upper_body",
        labels=_labels("upper-clothes", "dress", "coat"),
        cleared=_labels("upper-clothes", "dress", "coat", "torso-skin"),
        cleared_near=_labels(*_ARMS),
        kept=_labels("sunglasses", "face", "pants", "skirt", *_LEGS, *_SHOES),
        channel=HR_VITON_13.id("upper"),
        occluders=_channels(*_LIMBS_AND_ALL_BUT_CLOTHES),
        slots=_slots(
            background=_channels("background"),
            paste=_channels("face", "bottom", *_LEGS, *_SHOES, "socks"),
            garment=_channels("upper"),
            hair=_channels("hair"),
            left_limb=_channels("left-arm"),
            right_limb=_channels("right-arm"),
            noise=_channels("noise"),
        ),
        body_parts=_UPPER_PARTS,
    ),
    # Bottoms: the shirt may hang over the waistband, so `upper` hides it; legs take the slots that regenerate skin.
    GarmentClass.LOWER: GarmentRules(
        dress_code_folder="lower_body",
        labels=_labels("pants", "skirt"),
        cleared=_labels("pants", "skirt", "dress", "socks", *_LEGS),
        cleared_near=(),
        kept=_labels("hair", "glove", "sunglasses", "upper-clothes", "coat", "scarf", "face", *_ARMS, *_SHOES),
        channel=HR_VITON_13.id("bottom"),
        occluders=_channels("upper", *_LIMBS_AND_ALL_BUT_CLOTHES),
        slots=_slots(
            background=_channels("background"),
            paste=_channels("face", "upper", *_ARMS, *_SHOES, "socks"),
            garment=_channels("bottom"),
            hair=_channels("hair"),
            left_limb=_channels("left-leg"),
            right_limb=_channels("right-leg"),
            noise=_channels("noise"),
        ),
        body_parts=_LOWER_PARTS,
    ),
    # Dresses: CIHP's dress is in channel `upper`; both arms and legs may come out bare, so each side's limbs share
    # the slot that regenerates skin. What lies under a dress (leggings) does not hide it.
    GarmentClass.DRESS: GarmentRules(
        dress_code_folder="dresses",
        labels=_labels("dress"),
        cleared=_labels("upper-clothes", "dress", "coat", "socks", "pants", "torso-skin", "skirt", *_LEGS),
        cleared_near=_labels(*_ARMS),
        kept=_labels("sunglasses", "face", *_SHOES),
        channel=HR_VITON_13.id("upper"),
        occluders=_channels(*_LIMBS_AND_ALL_BUT_CLOTHES),
        slots=_slots(
            background=_channels("background"),
            paste=_channels("face", "bottom", *_SHOES, "socks"),
            garment=_channels("upper"),
            hair=_channels("hair"),
            left_limb=_channels("left-arm", "left-leg"),
            right_limb=_channels("right-arm", "right-leg"),
            noise=_channels("noise"),
        ),
        body_parts=tuple(sorted(_UPPER_PARTS + _LOWER_PARTS)),
    ),
}
