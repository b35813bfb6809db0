"""Truths of random synthetic people: exact, and in agreement with one another."""

from dataclasses import dataclass, replace
from functools import cache

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.items import Draw, Sitting, shot, sitting
from studio.packshot import Packshot
from studio.render import unshaded
from studio.truth import Truth
from vitonhd.densepose import DENSEPOSE
from vitonhd.garment_classes import RULES, GarmentClass
from vitonhd.keypoints import BODY_25
from vitonhd.labels import CIHP

pytest.importorskip("anny", reason="the studio's dependency group is not installed")

WIDTH, HEIGHT = 384, 512
draws = st.builds(Draw, st.sampled_from(list(GarmentClass)), st.integers(0, 1000), st.integers(0, 1000))
some = settings(max_examples=6, deadline=None)


@dataclass(frozen=True)
class Taken:
    seated: Sitting
    pack: Packshot
    truth: Truth


@cache
def taken(draw: Draw) -> Taken:
    seated, pack = sitting(draw, WIDTH, HEIGHT), shot(draw, WIDTH, HEIGHT)
    return Taken(seated, pack, seated.truth(pack))


@some
@given(draws)
def test_the_flow_carries_the_packshots_texture_onto_the_worn_garment(draw: Draw) -> None:
    found = taken(draw)
    flow, seen = found.truth.flow, ~np.isnan(found.truth.flow[..., 0])
    worn = unshaded(found.seated.scene, found.seated.camera)
    large = unshaded(found.pack.scene, found.pack.camera.enlarged(2))  # finer, so that sampling it loses nothing
    carried = cv2.remap(large, 2 * flow[..., 0] + 0.5, 2 * flow[..., 1] + 0.5, cv2.INTER_LINEAR)
    error = np.mean((worn[seen].astype(float) - carried[seen]) ** 2)
    assert 10 * np.log10(255**2 / max(error, 1e-9)) > 30
    assert seen.sum() > 0.7 * found.truth.worn.sum()
    assert not (seen & ~found.truth.worn).any()


@some
@given(draws)
def test_labels_masks_and_densepose_agree(draw: Draw) -> None:
    found = taken(draw)
    truth = found.truth
    assert np.array_equal(RULES[draw.garment_class].worn_mask(truth.parse), truth.worn)
    assert np.array_equal(truth.parse > 0, truth.depth > 0)
    for side in ("left", "right"):
        arm_parts = [id for id, name in enumerate(DENSEPOSE.labels) if name.startswith(f"{side}-") and "arm" in name]
        leg_parts = DENSEPOSE.ids(*(f"{side}-{part}" for part in (
            "thigh-back", "thigh-front", "calf-back", "calf-front", "foot")))  # fmt: skip
        arm, leg = (truth.parse == CIHP.id(f"{side}-{limb}") for limb in ("arm", "leg"))
        assert np.isin(truth.densepose[arm], [*arm_parts, DENSEPOSE.id(f"{side}-hand")]).all()
        assert np.isin(truth.densepose[leg], leg_parts).all()
    face = truth.densepose[truth.parse == CIHP.id("face")]
    assert np.isin(face, DENSEPOSE.ids("left-head", "right-head")).all()
    assert np.isin(truth.densepose[truth.parse == CIHP.id("torso-skin")], (1, 2)).all()


@some
@given(draws)
def test_joints_that_are_seen_lie_on_their_parts(draw: Draw) -> None:
    truth = taken(draw).truth
    parts = {
        "elbow": ("arm", "forearm"),
        "wrist": ("forearm", "hand"),
        "knee": ("thigh", "calf"),
        "ankle": ("calf", "foot"),
    }
    for index, joint in enumerate(BODY_25.joints):
        side, _, name = joint.partition("_")
        x, y, score = truth.pose[index]
        if name not in parts or score < 1:
            continue
        near = truth.densepose[max(round(y) - 3, 0) : round(y) + 4, max(round(x) - 3, 0) : round(x) + 4]
        names = {DENSEPOSE.labels[id] for id in np.unique(near)}
        assert any(found.startswith(side) and any(part in found for part in parts[name]) for found in names), joint


@some
@given(draws)
def test_left_is_the_persons_left(draw: Draw) -> None:
    pose = taken(draw).truth.pose
    for joint in ("shoulder", "hip"):
        left, right = pose[BODY_25.index(f"left_{joint}")], pose[BODY_25.index(f"right_{joint}")]
        assert not (left[2] and right[2]) or left[0] > right[0]


@some
@given(draws)
def test_the_whole_garment_is_in_both_pictures(draw: Draw) -> None:
    found = taken(draw)
    for mask in (found.pack.mask, found.truth.worn):
        assert 0.03 < mask.mean() < 0.8
    assert not (found.pack.mask[[0, -1]].any() or found.pack.mask[:, [0, -1]].any())
    if draw.garment_class is not GarmentClass.UPPER:
        assert not found.truth.worn[[0, -1]].any()


@pytest.mark.parametrize("pose", ["arms-down", "hand-on-hip"])
def test_hands_lie_on_clothes_and_not_in_them(pose: str) -> None:
    draw = Draw(GarmentClass.DRESS, 1, 3)  # a long flared dress
    seated = taken(draw).seated
    seated = replace(seated, person=seated.person.posed(pose, np.random.default_rng(5)))
    truth = seated.truth(taken(draw).pack)
    for side in ("left", "right"):
        hand = truth.densepose == DENSEPOSE.id(f"{side}-hand")
        assert hand.sum() > 100
        assert (truth.parse[hand] == CIHP.id(f"{side}-arm")).mean() > 0.75


def test_another_garment_changes_nothing_where_neither_is() -> None:
    draw, other = Draw(GarmentClass.DRESS, 3, 0), Draw(GarmentClass.DRESS, 3, 1)
    found = taken(draw)
    exchanged = found.seated.in_garment(other.garment())
    truth = exchanged.truth(shot(other, WIDTH, HEIGHT))
    near_either = cv2.dilate((found.truth.worn | truth.worn).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    assert np.array_equal(found.truth.parse[~near_either], truth.parse[~near_either])
    assert np.array_equal(found.truth.densepose, truth.densepose)
    assert np.array_equal(found.truth.pose[:, :2], truth.pose[:, :2])  # scores tell what the garment covers
