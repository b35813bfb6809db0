"""Bodies, poses, garments and the studio's command."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from lookbook.cli import app
from studio.body import ARMS, HANDS, HEAD, PARTS, SKIN_LABELS, template
from studio.footwear import MAKES, Shoes
from studio.garments import FAMILIES, sample_garment
from studio.hairstyles import CUTS, HAIR_STYLES
from studio.items import Draw, shot, sitting
from studio.person import layered, sample_person
from studio.poses import POSES, bone_turns, rotation, standing_pose
from vitonhd.garment_classes import RULES, GarmentClass
from vitonhd.keypoints import BODY_25
from vitonhd.labels import CIHP

pytest.importorskip("anny", reason="the studio's dependency group is not installed")


def test_the_mean_body_is_a_standing_adult_whose_left_is_plus_x() -> None:
    shared = template()
    assert 1.5 < np.ptp(shared.rest[:, 2]) < 2.0
    assert shared.rest[:, 2].min() == pytest.approx(0)
    assert shared.rest_joints[BODY_25.index("left_shoulder"), 0] > 0
    assert shared.rest_joints[BODY_25.index("nose"), 1] < 0
    left_hand = shared.part_weights[:, PARTS.index("left-hand")] > 0.5
    assert (shared.rest[left_hand, 0] > 0).all()
    assert SKIN_LABELS[PARTS.index("left-forearm")] == CIHP.id("left-arm")


@pytest.mark.parametrize("pose", POSES)
def test_people_stand_upright_on_the_floor(pose: str) -> None:
    person = sample_person(np.random.default_rng(4), feminine=True, pose=pose)
    joints = person.body.joints
    assert person.body.vertices[:, 2].min() == pytest.approx(0)
    heights = [joints[BODY_25.index(name), 2] for name in ("nose", "neck", "mid_hip", "left_knee", "left_ankle")]
    assert heights == sorted(heights, reverse=True)
    for side in ("left", "right"):
        assert joints[BODY_25.index(f"{side}_wrist"), 2] < joints[BODY_25.index(f"{side}_shoulder"), 2]


@pytest.mark.parametrize("pose", POSES)
def test_a_pose_is_made_of_rotations(pose: str) -> None:
    turns = bone_turns(standing_pose(pose, np.random.default_rng(0)), template().rest_bones)
    assert {"upperarm01.L", "wrist.R", "head", "root"} <= set(turns)
    for turn in turns.values():
        assert np.allclose(turn @ turn.T, np.eye(3))
        assert np.linalg.det(turn) == pytest.approx(1)
    assert rotation(0, 0, 90) @ (1, 0, 0) == pytest.approx((0, 1, 0))


@pytest.mark.parametrize("feminine", [True, False])
@pytest.mark.parametrize("pose", POSES)
def test_hands_stay_outside_the_trunk(pose: str, feminine: bool) -> None:
    for seed in range(3):
        body = sample_person(np.random.default_rng(seed), feminine=feminine, pose=pose).body
        weights, points = template().part_weights, body.vertices
        trunk = points[weights[:, [*ARMS, HEAD]].sum(axis=1) < 0.05]
        for hand in points[weights[:, HANDS].sum(axis=1) > 0.9][::7]:
            near = trunk[(np.abs(trunk[:, 2] - hand[2]) < 0.02) & (trunk[:, 0] * hand[0] > 0)][:, :2]
            middle = (near.min(axis=0) + near.max(axis=0)) / 2
            towards = hand[:2] - middle
            towards /= np.linalg.norm(towards)
            assert (hand[:2] - middle) @ towards > ((near - middle) @ towards).max() - 0.012


def test_a_hand_on_the_hip_is_near_it() -> None:
    for seed in range(4):
        body = sample_person(np.random.default_rng(seed), feminine=bool(seed % 2), pose="hand-on-hip").body
        wrists, hip = body.joints[[4, 7]], body.joints[8]
        nearest = np.linalg.norm(wrists - hip, axis=1).min()
        assert nearest < 0.32
        assert body.joints[[4, 7], 2].max() > hip[2]


@pytest.mark.parametrize("style", HAIR_STYLES)
def test_every_hair_style_covers_the_crown_and_leaves_the_face_free(style: str) -> None:
    draw = Draw(GarmentClass.UPPER, 1, 0)
    seated = sitting(draw, 384, 512)
    hair = replace(seated.person.hair, style=style, cut=CUTS[style])
    person = replace(seated.person, hair=hair).posed("arms-down", np.random.default_rng(1))
    seated = replace(seated, person=person)
    truth = seated.truth(shot(draw, 384, 512))
    nose, crown = truth.pose[BODY_25.index("nose")], truth.densepose.max(axis=1).nonzero()[0].min()
    assert truth.parse[round(nose[1]), round(nose[0])] == CIHP.id("face")
    assert (truth.parse == CIHP.id("hair")).any(axis=1).nonzero()[0].min() <= crown
    for eye in ("left_eye", "right_eye"):
        x, y, _ = truth.pose[BODY_25.index(eye)]
        assert truth.parse[round(y), round(x)] == CIHP.id("face")


def test_long_hair_falls_over_what_is_worn() -> None:
    draw = Draw(GarmentClass.UPPER, 1, 0)
    seated = sitting(draw, 384, 512)
    long = replace(seated.person.hair, style="long", cut=CUTS["long"])
    seated = replace(seated, person=replace(seated.person, hair=long))
    truth = seated.truth(shot(draw, 384, 512))
    below = round(truth.pose[BODY_25.index("neck"), 1]) + 5
    assert (truth.parse[below:] == CIHP.id("hair")).sum() > 100


@pytest.mark.parametrize("kind", MAKES)
def test_shoes_are_on_their_feet(kind: str) -> None:
    draw = Draw(GarmentClass.LOWER, 1, 3)
    seated = sitting(draw, 384, 512)
    person = replace(seated.person, shoes=Shoes(kind, (0.1, 0.1, 0.1))).posed("arms-down", np.random.default_rng(1))
    truth = replace(seated, person=person).truth(shot(draw, 384, 512))
    for side in ("left", "right"):
        x, y, _ = truth.pose[BODY_25.index(f"{side}_big_toe")]
        assert truth.parse[round(y), round(x)] == CIHP.id(f"{side}-shoe")


@pytest.mark.parametrize(
    ("garment_class", "family"), [(kind, family) for kind, families in FAMILIES.items() for family in families]
)
def test_every_family_has_its_classs_label(garment_class: GarmentClass, family: str) -> None:
    garment = sample_garment(garment_class, np.random.default_rng(1), family=family)
    assert (garment.family, garment.garment_class) == (family, garment_class)
    assert garment.label in RULES[garment_class].labels


def test_a_family_of_another_class_is_refused() -> None:
    with pytest.raises(ValueError, match="no family 'jeans'"):
        sample_garment(GarmentClass.UPPER, np.random.default_rng(1), family="jeans")


@pytest.mark.parametrize("wants_tuck", [True, False])
def test_a_long_top_is_tucked_into_a_skirt_and_a_crop_top_never(wants_tuck: bool) -> None:
    rng = np.random.default_rng(2)
    skirt = sample_garment(GarmentClass.LOWER, rng, family="midi-skirt")
    tee, crop = (sample_garment(GarmentClass.UPPER, rng, family=family) for family in ("tee", "crop"))
    tucked, loose = (layered(top, skirt, upper=True, wants_tuck=wants_tuck) for top in (tee, crop))
    assert (tucked.tucked, tucked.garments[tucked.target]) == (True, tee)
    assert (loose.tucked, loose.garments[loose.target]) == (False, crop)


def test_items_differ_by_index_and_not_by_what_else_is_drawn() -> None:
    first, again, other = (Draw(GarmentClass.LOWER, 1, index) for index in (0, 0, 1))
    assert first.garment() == again.garment() != other.garment()
    assert np.array_equal(sitting(first, 96, 128).person.body.vertices, again.person().body.vertices)


@pytest.mark.parametrize("verb", ["person", "garment"])
def test_the_command_writes_a_picture(verb: str, tmp_path: Path) -> None:
    out = tmp_path / "one.png"
    result = CliRunner().invoke(app, ["studio", verb, "--out", str(out), "--size", "96x128", "--index", "2"])
    assert result.exit_code == 0
    assert out.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("size", ["0x0", "96", "96x", "99999x128", "²x64", "-96x128"])
def test_a_bad_size_is_a_usage_error(size: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["studio", "person", "--out", str(tmp_path / "one.png"), f"--size={size}"])
    assert result.exit_code == 2
