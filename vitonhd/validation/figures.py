"""The figures of one item that limits are set on: shares of its decoded parts, each by a stable name.

The contract that must not break: a figure is a function of the item's pixels and points alone; one whose parts are
not there, or that would divide by nothing, is left out rather than made up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from vitonhd.arrays import Labels, Mask, Picture, Points
from vitonhd.densepose import DENSEPOSE, read_picture
from vitonhd.garment_classes import GarmentRules
from vitonhd.item import Item
from vitonhd.keypoints import BODY_25
from vitonhd.labels import CIHP

GREY = np.uint8(128)
"""The level that the agnostic drawing fills with."""
GREY_NOISE = 24
"""Levels by which JPEG 75 moves a filled pixel."""
PHOTO_NOISE = 40
"""Levels by which JPEG 75 moves a pixel that was left as it is (preprocessing facts, section 4)."""
SEEN = 0.2
"""Score from which a joint counts as seen: official hips in view have 0.35 and more, guesses below the frame 0.16."""
JOINT_REACH = 0.01
"""Part of the picture's height within which a joint may miss the person or its own drawing."""
_SPARSE_FROM = 384
"""From this width on every other row and column is looked at: the shares stay, at a quarter of the cost."""
_BT601 = np.array([0.299, 0.587, 0.114], np.float32)

Figure = tuple[str, float]
Floats = npt.NDArray[np.float32]


def _densepose_ids(side: str, words: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(
        number
        for number, part in enumerate(DENSEPOSE.labels)
        if part.startswith(side) and any(word in part for word in words)
    )


_ARM, _LEG = ("arm", "hand"), ("thigh", "calf", "foot")
_SIDES = tuple(
    (CIHP.id(f"{side}-{limb}"), _densepose_ids(side, words), _densepose_ids(other, words))
    for limb, words in (("arm", _ARM), ("leg", _LEG))
    for side, other in (("left", "right"), ("right", "left"))
)
"""For each limb of a parse the DensePose parts of its own side and of the other."""
_LIMB_JOINTS = tuple(
    (BODY_25.index(f"{side}_{joint}"), _densepose_ids(side, words), _densepose_ids(other, words))
    for words, joints in ((_ARM, ("elbow", "wrist")), (_LEG, ("knee", "ankle")))
    for joint in joints
    for side, other in (("left", "right"), ("right", "left"))
)
"""For each joint of a limb the DensePose parts of its own side and of the other."""
_SKIN = CIHP.ids("face", "left-arm", "right-arm", "left-leg", "right-leg")


def item_figures(item: Item, rules: GarmentRules) -> dict[str, float]:
    """Every figure that the item's parts allow; parts must have one size. Shares are 0..1, contrasts in levels."""
    sparse = _thinned(item)
    found: dict[str, float] = {}
    for figures in _FIGURES:
        found.update(figures(sparse, rules))
    if item.pose is not None:
        found.update(_pose_figures(item, item.pose.person.body))
    return found


def _thinned(item: Item) -> Item:
    """The item's pixels, every other one of large pictures."""
    step = 2 if any(_is_wide(content) for _, content in item.parts()) else 1
    thinned = Item(item.stem)
    for folder, content in item.parts():
        if isinstance(content, np.ndarray):
            setattr(thinned, folder.part, np.ascontiguousarray(content[::step, ::step]))
    return thinned


def _is_wide(content: object) -> bool:
    return isinstance(content, np.ndarray) and content.shape[1] >= _SPARSE_FROM


def _photo_figures(item: Item, rules: GarmentRules) -> Iterator[Figure]:
    if item.image is not None:
        yield "photo-contrast", float((item.image @ _BT601).std())
    if item.parse is None:
        return
    yield "person-share", float((item.parse > 0).mean())
    yield "garment-share", float(rules.worn_mask(item.parse).mean())
    if item.image is not None and (contrast := outline_contrast(item.image, item.parse > 0)) is not None:
        yield "outline-contrast", contrast


def _cloth_figures(item: Item, rules: GarmentRules) -> Iterator[Figure]:
    if item.cloth_mask is not None:
        yield "cloth-mask-share", float(item.cloth_mask.mean())
        yield "cloth-mask-frame", float(item.cloth_mask[_frame(item.cloth_mask.shape)].mean())
    if item.cloth is None:
        return
    yield "cloth-contrast", float((item.cloth @ _BT601).std())
    if item.cloth_mask is not None and not item.cloth_mask.all():
        backdrop = np.median(item.cloth[~item.cloth_mask], axis=0).astype(np.uint8)
        yield "cloth-outside-mask", float((_off(item.cloth, backdrop)[~item.cloth_mask] > PHOTO_NOISE).mean())


def _densepose_figures(item: Item, rules: GarmentRules) -> Iterator[Figure]:
    if item.densepose is None:
        return
    ids, sure = read_picture(item.densepose)
    there = ids > 0
    yield "densepose-share", float(there.mean())
    if not there.any():
        return
    yield "densepose-colours", float(sure[there].mean())
    if item.parse is None:
        return
    if (there & sure).any():
        yield "densepose-on-person", float((item.parse[there & sure] > 0).mean())
    skin = np.isin(item.parse, _SKIN)
    if skin.any():
        yield "densepose-on-skin", float(there[skin].mean())
    own = other = 0
    for label, mine, theirs in _SIDES:
        parts = ids[(item.parse == label) & sure]
        own += int(np.isin(parts, mine).sum())
        other += int(np.isin(parts, theirs).sum())
    if own + other:
        yield "densepose-sides", own / (own + other)


def _agnostic_figures(item: Item, rules: GarmentRules) -> Iterator[Figure]:
    mask, agnostic = item.agnostic_mask, item.agnostic
    if mask is not None:
        yield "agnostic-mask-share", float(mask.mean())
    if item.parse is not None and (worn := rules.worn_mask(item.parse)).any():
        if mask is not None:
            yield "garment-unmasked", float((~mask[worn]).mean())
        if agnostic is not None and item.image is not None:
            shown = (_off(agnostic, GREY) > GREY_NOISE) & (_off(agnostic, item.image) <= PHOTO_NOISE)
            yield "garment-shown", float(shown[worn].mean())
    if mask is None or agnostic is None:
        return
    if mask.any():
        yield "mask-not-grey", float((_off(agnostic, GREY)[mask] > GREY_NOISE).mean())
    if item.image is not None and not mask.all():
        yield "photo-changed", float((_off(agnostic, item.image)[~mask] > PHOTO_NOISE).mean())


def _agnostic_parse_figures(item: Item, rules: GarmentRules) -> Iterator[Figure]:
    if item.parse is None or item.parse_agnostic is None:
        return
    cleared = np.isin(item.parse, rules.cleared)
    if cleared.any():
        yield "garment-in-parse", float((item.parse_agnostic[cleared] > 0).mean())
    rest = ~cleared & ~(np.isin(item.parse, rules.cleared_near) & (item.parse_agnostic == 0))
    yield "parse-changed", float((item.parse_agnostic != item.parse)[rest].mean()) if rest.any() else 0.0


def _worn_figures(item: Item, rules: GarmentRules) -> Iterator[Figure]:
    if item.worn_mask is None or item.parse is None:
        return
    worn = rules.worn_mask(item.parse)
    union = worn | item.worn_mask
    if union.any():
        yield "worn-mask-overlap", float((worn & item.worn_mask).sum() / union.sum())


_FIGURES: tuple[Callable[[Item, GarmentRules], Iterator[Figure]], ...] = (
    _photo_figures, _cloth_figures, _densepose_figures, _agnostic_figures, _agnostic_parse_figures, _worn_figures,
)  # fmt: skip


def _pose_figures(item: Item, body: Points) -> Iterator[Figure]:
    """Joints are looked up at full size: a handful of pixels."""
    seen = body[:, 2] >= SEEN
    yield "joints-seen", float(seen.sum())
    shape = next((content.shape[:2] for _, content in item.parts() if isinstance(content, np.ndarray)), None)
    if shape is None or not seen.any():
        return
    inside = seen & (body[:, :2] >= 0).all(axis=1) & (body[:, 0] < shape[1]) & (body[:, 1] < shape[0])
    yield "joints-inside", float(inside.sum() / seen.sum())
    joints = np.flatnonzero(inside)
    reach = max(2, round(JOINT_REACH * shape[0]))
    if item.parse is not None and len(joints):
        near = [bool(_around(item.parse, body[joint], reach).any()) for joint in joints]
        yield "joints-on-person", float(np.mean(near))
    if item.densepose is not None:
        yield from _joint_sides(item.densepose, body, inside)
    if item.pose_picture is not None and len(joints):
        lit = _off(item.pose_picture, np.uint8(0))
        yield (
            "joints-drawn",
            float(np.mean([bool((_around(lit, body[joint], reach) > SEEN * 255).any()) for joint in joints])),
        )


def _joint_sides(densepose: Picture, body: Points, inside: Mask) -> Iterator[Figure]:
    """The share of elbows, wrists, knees and ankles on their own side's limb; DensePose sees limbs under clothes."""
    limbs = [(joint, own, other) for joint, own, other in _LIMB_JOINTS if inside[joint]]
    pixels = np.array([densepose[int(body[joint, 1]), int(body[joint, 0])] for joint, _, _ in limbs], np.uint8)
    ids, sure = read_picture(pixels.reshape(1, -1, 3))
    mine = [part in own for (_, own, _), part, known in zip(limbs, ids[0], sure[0], strict=True) if known]
    theirs = [part in other for (_, _, other), part, known in zip(limbs, ids[0], sure[0], strict=True) if known]
    if sum(mine) + sum(theirs) >= 2:
        yield "joints-sides", sum(mine) / (sum(mine) + sum(theirs))


def _around(plane: Labels, point: npt.NDArray[np.float64], reach: int) -> Labels:
    x, y = int(point[0]), int(point[1])
    return plane[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1]


def outline_contrast(picture: Picture, person: Mask) -> float | None:
    """How much steeper the picture is along the person's outline than elsewhere; about 1 for a parse of another photo.

    None where there is no outline or the picture is even.
    """
    luma = picture @ _BT601
    steep: Floats = np.zeros(luma.shape, np.float32)
    steep[1:-1, 1:-1] = np.abs(luma[1:-1, 2:] - luma[1:-1, :-2]) + np.abs(luma[2:, 1:-1] - luma[:-2, 1:-1])
    outline = np.zeros(person.shape, bool)
    outline[:, 1:] |= person[:, 1:] != person[:, :-1]
    outline[1:] |= person[1:] != person[:-1]
    everywhere = float(steep.mean())
    return float(steep[outline].mean()) / everywhere if outline.any() and everywhere > 0 else None


def _off(picture: Picture, other: Picture | np.uint8) -> Labels:
    """The greatest difference of a pixel's channels, uint8 HxW in levels."""
    difference = np.maximum(picture, other) - np.minimum(picture, other)
    # Channel by channel: a reduction over an axis of three is many times slower.
    greatest: Labels = np.maximum(np.maximum(difference[..., 0], difference[..., 1]), difference[..., 2])
    return greatest


def _frame(shape: tuple[int, ...]) -> Mask:
    frame = np.ones(shape, bool)
    frame[1:-1, 1:-1] = False
    return frame
