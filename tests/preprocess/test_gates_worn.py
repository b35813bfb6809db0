"""Worn photos against the gates, on the studio's truth: sound ones pass, each broken one has its reason and figure."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
import pytest

from preprocess.gates.limits import WORN
from preprocess.gates.worn import NEEDED, WornFigures, count_people, cut, frontality, own_share, worn_figures
from preprocess.intake.framing import Box, frame_subject, mask_box
from tests.preprocess.mannequin import mannequin
from vitonhd.arrays import Labels, Picture, Points
from vitonhd.garment_classes import GarmentClass
from vitonhd.keypoints import BODY_25
from vitonhd.labels import CIHP

pytest.importorskip("anny", reason="the studio's dependency group is not installed")

SIZE = (192, 256)
UPPER, LOWER, DRESS = GarmentClass


@dataclass(frozen=True)
class Shown:
    photo: Picture
    parse: Labels
    pose: Points

    def figures(self, garment_class: GarmentClass, **more: object) -> WornFigures:
        return worn_figures(self.photo, self.parse, self.pose, garment_class, **more)  # type: ignore[arg-type]

    def reasons(self, garment_class: GarmentClass, **more: object) -> list[str]:
        return [verdict.reason for verdict in self.figures(garment_class, **more).verdicts()]

    def part(self, top: int, bottom: int, left: int = 0, right: int | None = None) -> "Shown":
        """A cut-out, its joints outside missing."""
        window = np.s_[top:bottom, left : right or self.parse.shape[1]]
        pose = self.pose.copy()
        pose[:, :2] -= np.where(pose[:, 2:] > 0, (left, top), 0)
        height, width = self.parse[window].shape
        pose[((pose[:, :2] < 0) | (pose[:, :2] >= (width, height))).any(axis=1)] = 0
        return Shown(self.photo[window], self.parse[window], pose)


@pytest.fixture(scope="module")
def studio() -> dict[GarmentClass, Shown]:
    from studio.items import Draw, shot, sitting

    found = {}
    for kind, index in ((UPPER, 1), (LOWER, 4), (DRESS, 4)):
        draw = Draw(kind, 77, index)
        seated = sitting(draw, *SIZE)
        truth = seated.truth(shot(draw, *SIZE))
        found[kind] = Shown(seated.photo(), truth.parse, truth.pose)
    return found


def turned(yaw: float) -> Points:
    """The pose of a studio person turned by degrees."""
    from studio.camera import frame
    from studio.person import sample_person
    from studio.poses import standing_pose
    from studio.stance import stand

    rng = np.random.default_rng(5)
    person = sample_person(rng, feminine=True, pose="arms-down")
    body = stand(person.phenotype, replace(standing_pose("arms-down", rng), yaw=yaw))
    camera = frame(DRESS, replace(person, body=body), *SIZE, rng)
    return np.concatenate([camera.project(body.joints)[:, :2], np.ones((25, 1))], axis=1)


@pytest.mark.parametrize("kind", list(GarmentClass))
def test_sound_photos_pass_and_score(studio: dict[GarmentClass, Shown], kind: GarmentClass) -> None:
    figures = studio[kind].figures(kind)
    assert figures.verdicts() == () and figures.missing == ()
    assert 0.3 < figures.score <= 1
    assert figures.figures["turned"] == pytest.approx(1, abs=0.2)


def test_nobody_is_a_reason(studio: dict[GarmentClass, Shown]) -> None:
    photo = studio[UPPER].photo
    nobody = Shown(photo, np.zeros(photo.shape[:2], np.uint8), np.zeros((25, 3)))
    verdicts = nobody.figures(UPPER).verdicts()
    assert verdicts[0].reason == "no-person"
    assert (verdicts[0].figure, verdicts[0].limit) == (0, WORN["no-person"].value)
    assert nobody.figures(UPPER).score == 0


@pytest.mark.parametrize("apart", [True, False])
def test_two_people_side_by_side_are_a_reason(studio: dict[GarmentClass, Shown], apart: bool) -> None:
    """Bodies that touch are told apart by their faces."""
    one = studio[UPPER]
    parse, photo = (np.concatenate([plane, plane], axis=1) for plane in (one.parse, one.photo))
    if not apart:
        parse = parse.copy()
        parse[150:160] = CIHP.id("upper-clothes")
    both = Shown(photo, parse, one.pose)
    verdict = next(v for v in both.figures(UPPER).verdicts() if v.reason == "several-people")
    assert (verdict.figure, verdict.limit) == (2, 1)
    assert "several-people" in one.reasons(UPPER, people=2)


def test_crumbs_of_a_parser_are_no_second_person(studio: dict[GarmentClass, Shown]) -> None:
    parse = studio[UPPER].parse.copy()
    parse[5:20, 5:20] = CIHP.id("face")
    assert count_people(parse) == 1


@pytest.mark.parametrize(("yaw", "passes"), [(0, True), (25, True), (40, True), (70, False), (90, False), (180, False)])
def test_people_who_turn_away_are_rejected(studio: dict[GarmentClass, Shown], yaw: float, passes: bool) -> None:
    pose = turned(yaw)
    figure = frontality(pose)
    assert figure == pytest.approx(np.cos(np.radians(yaw)), abs=0.2)
    shown = replace(studio[UPPER], pose=pose)
    assert ("turned" not in shown.reasons(UPPER)) == passes


def test_hips_and_knees_tell_the_turn_where_shoulders_are_cut_off() -> None:
    for yaw in (0, 45, 90):
        pose = turned(yaw)
        pose[[BODY_25.index(joint) for joint in ("left_shoulder", "right_shoulder", "neck")]] = 0
        assert frontality(pose) == pytest.approx(np.cos(np.radians(yaw)), abs=0.2)
    assert frontality(np.zeros((25, 3))) is None


@pytest.mark.parametrize("kind", list(GarmentClass))
def test_missing_joints_are_named(studio: dict[GarmentClass, Shown], kind: GarmentClass) -> None:
    pose = studio[kind].pose.copy()
    lost = NEEDED[kind][-1]
    pose[BODY_25.index(lost)] = (30, 30, 0.05)
    verdict = next(v for v in replace(studio[kind], pose=pose).figures(kind).verdicts() if v.reason == "joints-missing")
    assert verdict.figure == 1 and verdict.detail == lost and lost in str(verdict)


def test_a_cut_garment_is_a_reason(studio: dict[GarmentClass, Shown]) -> None:
    whole = studio[DRESS]
    worn = mask_box(whole.parse == CIHP.id("dress"))
    assert worn is not None
    middle = (worn.top + worn.bottom) // 2
    assert "garment-cut" in whole.part(0, middle).reasons(DRESS)
    assert "joints-missing" in whole.part(0, middle).reasons(DRESS)
    assert "garment-cut" in whole.part(0, 256, left=(worn.left + worn.right) // 2).reasons(DRESS)


def test_a_cut_is_seen_where_the_photo_ends_inside_its_frame() -> None:
    mask = np.zeros((40, 30), bool)
    mask[10:30, 5:25] = True
    assert cut(mask) == 0
    assert cut(mask, Box(0, 0, 30, 30)) == pytest.approx(1)
    assert cut(np.zeros((40, 30), bool)) == 0


@pytest.mark.parametrize(
    ("worn", "sold", "reason"),
    [
        (DRESS, UPPER, "other-class"),
        (DRESS, LOWER, "class-not-seen"),
        (LOWER, DRESS, "class-not-seen"),
        (UPPER, DRESS, "other-class"),
    ],
)
def test_another_class_than_the_products_is_a_reason(
    studio: dict[GarmentClass, Shown], worn: GarmentClass, sold: GarmentClass, reason: str
) -> None:
    assert reason in studio[worn].reasons(sold)


def test_a_long_top_that_a_parser_calls_a_dress_is_still_a_top(studio: dict[GarmentClass, Shown]) -> None:
    parse = studio[UPPER].parse.copy()
    parse[parse == CIHP.id("upper-clothes")] = CIHP.id("dress")
    assert own_share(parse, UPPER) == 1
    parse[np.isin(parse, CIHP.ids("pants", "skirt"))] = CIHP.id("left-leg")
    assert own_share(parse, UPPER) == 0


def test_small_blurred_enlarged_padded_and_repeated_are_reasons(studio: dict[GarmentClass, Shown]) -> None:
    shown = studio[UPPER]
    soft = replace(shown, photo=np.asarray(cv2.GaussianBlur(shown.photo, (0, 0), 3), np.uint8))
    assert soft.reasons(UPPER) == ["blurred"]
    assert shown.reasons(UPPER, scale=2.5) == ["enlarged"]
    assert shown.reasons(UPPER, shown=Box(40, 40, 150, 200))[-1] == "padded"
    assert shown.reasons(UPPER, near_duplicate=True) == ["near-duplicate"]
    far = np.zeros((1024, 768), np.uint8)
    far[:256, :192] = shown.parse
    photo = np.zeros((1024, 768, 3), np.uint8)
    photo[:256, :192] = shown.photo
    assert "garment-small" in Shown(photo, far, shown.pose).reasons(UPPER)


def test_framing_makes_a_small_person_a_sound_one(studio: dict[GarmentClass, Shown]) -> None:
    shown = studio[DRESS]
    photo = np.full((800, 900, 3), 225, np.uint8)
    parse = np.zeros((800, 900), np.uint8)
    place = np.s_[500:756, 600:792]
    photo[place], parse[place] = shown.photo, shown.parse
    pose = shown.pose + np.array([600, 500, 0])
    assert worn_figures(photo, parse, pose, DRESS).verdicts()
    box = mask_box(parse > 0)
    assert box is not None
    frame = frame_subject(box, 900, 800, size=SIZE)
    framed = frame.picture(photo, parse > 0), frame.labels(parse), frame.points(pose)
    found = worn_figures(*framed, DRESS, shown=frame.shown(900, 800), scale=frame.scale)
    assert found.verdicts() == ()


def test_a_better_photo_scores_higher(studio: dict[GarmentClass, Shown]) -> None:
    good = studio[UPPER]
    base = good.figures(UPPER).score
    soft = replace(good, photo=np.asarray(cv2.GaussianBlur(good.photo, (0, 0), 1.5), np.uint8))
    aside = replace(good, pose=turned(45))
    no_hands = good.pose.copy()
    no_hands[[BODY_25.index("left_wrist"), BODY_25.index("right_wrist")]] = 0
    for worse in (soft, aside, replace(good, pose=no_hands)):
        assert worse.figures(UPPER).score < base


def test_a_drawn_person_of_plain_shapes_passes_too() -> None:
    for kind in GarmentClass:
        person = mannequin(kind)
        assert worn_figures(person.photo, person.parse, person.points, kind).verdicts() == ()
