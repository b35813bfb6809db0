"""Truths of random synthetic people: exact, and in agreement with one another."""

from dataclasses import dataclass, replace
from functools import cache

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.body import EYE, HEAD, PARTS, Body, template
from studio.dataset import partner
from studio.garments import FAMILIES, Garment, sample_garment
from studio.hairstyles import CUTS
from studio.items import Draw, Sitting, shot, sitting
from studio.mesh import Floats
from studio.packshot import Packshot
from studio.person import layered, sample_person
from studio.poses import POSES
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
MEETING = {
    "shoulder": ("torso", "upper-arm"), "elbow": ("upper-arm", "forearm"), "wrist": ("forearm", "hand"),
    "hip": ("torso", "thigh"), "knee": ("thigh", "calf"), "ankle": ("calf", "foot"),
}  # fmt: skip
WITHIN = {
    "shoulder": 0.045, "elbow": 0.018, "wrist": 0.012, "hip": 0.03, "knee": 0.01, "ankle": 0.02, "heel": 0.04,
    "big_toe": 0.018, "small_toe": 0.02, "nose": 0.02, "eye": 0.016, "ear": 0.032,
}  # fmt: skip
"""Metres from a joint to its place on the mesh: what random bodies in all poses show, and 10 to 65 % more."""


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


def places(body: Body, side: str) -> dict[str, Floats]:
    """Where joints of a side are by the mesh's parts and shape alone: not by the body model's keypoints."""
    shared, out = template(), 1 if side == "left" else -1
    part = {name: shared.part_weights[:, PARTS.index(name if name in PARTS else f"{side}-{name}")]
            for pair in MEETING.values() for name in pair}  # fmt: skip
    found = {}
    for joint, (first, second) in MEETING.items():
        both = np.minimum(part[first], part[second])
        found[joint] = both @ body.vertices / both.sum()
    across, depth = shared.rest[:, 0] * out, shared.rest[:, 1]
    foot, head = np.flatnonzero(part["foot"] > 0.5), np.flatnonzero(shared.vertex_parts == HEAD)
    return found | {
        "heel": body.vertices[foot[depth[foot].argmax()]],
        "big_toe": body.vertices[foot[depth[foot].argmin()]],
        "small_toe": body.bones[f"toe5-3.{side[0].upper()}"],
        "eye": body.vertices[(shared.vertex_parts == EYE) & (across > 0)].mean(axis=0),
        "ear": body.vertices[head[across[head].argmax()]],
        "nose": body.vertices[head[depth[head].argmin()]],
    }


@pytest.mark.parametrize("pose", POSES)
def test_joints_lie_where_their_parts_meet(pose: str) -> None:
    for seed in range(4):
        body = sample_person(np.random.default_rng(seed), feminine=bool(seed % 2), pose=pose).body
        for side in ("left", "right"):
            for name, place in places(body, side).items():
                joint = body.joints[BODY_25.index(name if name == "nose" else f"{side}_{name}")]
                assert np.linalg.norm(joint - place) < WITHIN[name], (seed, side, name)


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
    limbs = [index for index, joint in enumerate(BODY_25.joints) if joint.rpartition("_")[2] in parts]
    for some_joints in (truth.pose, truth.pose[limbs]):
        assert (some_joints[:, 2] == 1).sum() >= 0.5 * (some_joints[:, 2] > 0).sum() > 0
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


def with_hair(seated: Sitting, style: str) -> Sitting:
    hair = replace(seated.person.hair, style=style, cut=CUTS[style])
    return replace(seated, person=replace(seated.person, hair=hair))


def scores(truth: Truth) -> dict[str, float]:
    return dict(zip(BODY_25.joints, truth.pose[:, 2], strict=True))


@pytest.mark.parametrize("seed", [1, 3, 5, 6, 7, 8])
def test_an_ear_on_the_far_side_of_a_turned_head_is_not_seen(seed: int) -> None:
    draw = Draw(GarmentClass.UPPER, 1, 1)
    seated = with_hair(taken(draw).seated, "shaved")
    seated = replace(seated, person=seated.person.posed("turned", np.random.default_rng(seed)))
    forwards = seated.person.body.head[:3, :3] @ (0, -1, 0)
    assert abs(forwards[0]) > 0.19
    far, near = ("right", "left") if forwards[0] < 0 else ("left", "right")
    found = scores(seated.truth(taken(draw).pack))
    assert found[f"{far}_ear"] == 0.5
    assert [found[joint] for joint in ("nose", "left_eye", "right_eye", f"{near}_ear")] == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("index", "style", "ear"),
    [(3, "long", "left_ear"), (8, "fringe", "right_ear"), (11, "bob", "right_ear"), (20, "long", "right_ear")],
)
def test_what_hair_covers_is_not_seen(index: int, style: str, ear: str) -> None:
    draw = Draw(GarmentClass.UPPER, 1, index)
    truth = with_hair(taken(draw).seated, style).truth(taken(draw).pack)
    found = scores(truth)
    assert found[ear] == 0.5
    assert [found[joint] for joint in ("nose", "left_eye", "right_eye")] == [1, 1, 1]
    bald = scores(with_hair(taken(draw).seated, "shaved").truth(taken(draw).pack))
    assert bald[ear] == 1
    for x, y, score in truth.pose[truth.pose[:, 2] > 0]:
        near = truth.parse[round(y) - 2 : round(y) + 3, round(x) - 2 : round(x) + 3]
        assert score < 1 or (near != CIHP.id("hair")).any()


def around(mask: np.ndarray, pixels: int) -> np.ndarray:
    """A mask with everything up to so many pixels from it."""
    return cv2.dilate(mask.astype(np.uint8), np.ones((2 * pixels + 1, 2 * pixels + 1), np.uint8)) > 0


UNPAIRED = (
    *(Draw(GarmentClass.UPPER, 1, index) for index in (54, 64, 84)),
    *(Draw(GarmentClass.LOWER, 1, index) for index in (34, 129, 139)),
    Draw(GarmentClass.DRESS, 1, 9),
)
"""Among them some whose nearest earlier garment of their kind would be worn otherwise."""


@pytest.mark.parametrize("draw", UNPAIRED, ids=lambda draw: f"{draw.garment_class}-{draw.index}")
def test_another_garment_changes_nothing_where_neither_is(draw: Draw) -> None:
    found, other = taken(draw), partner(draw)
    assert other is not None
    exchanged = found.seated.in_garment(other.garment())
    truth = exchanged.truth(shot(other, WIDTH, HEIGHT))
    worn = found.truth.worn | truth.worn
    hair = (found.truth.parse == CIHP.id("hair")) | (truth.parse == CIHP.id("hair"))
    outside = ~around(worn, 2) & ~around(hair, 2)  # hair lies on what is worn
    colours = [unshaded(seated.scene, seated.camera) for seated in (found.seated, exchanged)]
    assert np.array_equal(found.truth.parse[outside], truth.parse[outside])
    assert ((colours[0] != colours[1]).any(axis=2) & outside).sum() < 10  # sleeves dent what they lie on
    unlit = ~around(worn, HEIGHT // 16)  # further off than shadows that are more than faint
    photos = [seated.photo().astype(int) for seated in (found.seated, exchanged)]
    assert np.abs(photos[0] - photos[1])[unlit].max() < 12
    assert np.array_equal(found.truth.densepose, truth.densepose)
    assert np.array_equal(found.truth.pose[:, :2], truth.pose[:, :2])  # scores tell what the garment covers


@pytest.mark.parametrize(
    ("top", "bottom", "target", "other"),
    [
        ("tee", "midi-skirt", "tee", "crop"),  # too short to stay tucked
        ("tee", "midi-skirt", "tee", "hoodie"),  # too thick to tuck
        ("tee", "slacks", "slacks", "midi-skirt"),  # skirts go over tops
        ("tee", "slacks", "tee", "slacks"),  # another class
    ],
)
def test_a_garment_that_would_be_worn_otherwise_is_refused(top: str, bottom: str, target: str, other: str) -> None:
    seated = taken(Draw(GarmentClass.UPPER, 1, 3)).seated
    family = {name: of_family(name) for name in (top, bottom, other)}
    worn = layered(family[top], family[bottom], target == top, wants_tuck=False)
    with pytest.raises(ValueError, match=f"{other} is not worn as the {target} is"):
        replace(seated, outfit=worn).in_garment(family[other])


def test_an_exchanged_garment_is_worn_as_the_other_was() -> None:
    seated = taken(Draw(GarmentClass.UPPER, 1, 3)).seated
    tee, sleeves, trousers = (of_family(name) for name in ("tee", "long-sleeve", "slacks"))
    for tucked in (True, False):
        worn = layered(tee, trousers, True, wants_tuck=tucked)
        found = replace(seated, outfit=worn).in_garment(sleeves).outfit
        assert (found.tucked, found.target) == (tucked, worn.target)
        assert {garment.family for garment in found.garments} == {"long-sleeve", "slacks"}


def of_family(family: str) -> Garment:
    kind = next(kind for kind, families in FAMILIES.items() if family in families)
    return sample_garment(kind, np.random.default_rng(2), family=family)
