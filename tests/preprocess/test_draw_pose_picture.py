from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preprocess.draw.pose_picture import BODY, HAND, draw_pose
from tests.preprocess.mannequin import JOINTS, SIZE, mannequin
from tests.preprocess.official import compare
from vitonhd.errors import FormatError
from vitonhd.keypoints import BODY_25, FACE_70, HAND_21
from vitonhd.openpose_json import Person
from vitonhd.tree import Tree

WIDTH, HEIGHT = SIZE


def scored(**scores: float) -> np.ndarray:
    """The mannequin's body with only these joints, at these scores."""
    points = np.zeros((25, 3))
    for joint, score in scores.items():
        points[BODY_25.index(joint)] = (*JOINTS[joint], score)
    return points


def test_the_official_poses_give_the_official_pictures(samples: Path) -> None:
    tree = Tree(samples / "viton-hd")
    stems = tree.stems("test", "pose")
    assert len(stems) >= 5
    for stem in stems:
        assert compare(tree, stem).pose_picture <= 5, stem


def test_a_limb_has_its_second_joints_colour_and_joints_are_brighter() -> None:
    picture = draw_pose(Person.of(scored(right_shoulder=1, right_elbow=1)), WIDTH, HEIGHT)
    colour = BODY.colours[BODY_25.index("right_elbow")].astype(float)
    assert picture[68, 70].tolist() == (0.6 * colour + 1e-3).astype(int).tolist()
    assert picture[86, 64].tolist() == (0.84 * colour + 1e-3).astype(int).tolist()


@pytest.mark.parametrize(("score", "drawn"), [(0.04, False), (0.06, True)])
def test_body_joints_below_the_threshold_are_not_drawn(score: float, drawn: bool) -> None:
    assert draw_pose(Person.of(scored(nose=score)), WIDTH, HEIGHT).any() == drawn


def test_hands_are_drawn_and_the_face_is_not() -> None:
    hand = np.column_stack([np.linspace(50, 90, 21), np.linspace(100, 140, 21), np.full(21, 0.9)])
    face = np.column_stack([np.linspace(80, 110, 70), np.linspace(10, 40, 70), np.full(70, 0.9)])
    assert len(hand) == len(HAND_21) and len(face) == len(FACE_70)
    plain = draw_pose(Person.of(mannequin().points), WIDTH, HEIGHT)
    with_face = draw_pose(Person.of(mannequin().points, face=face), WIDTH, HEIGHT)
    with_hand = draw_pose(Person.of(mannequin().points, right_hand=hand), WIDTH, HEIGHT)
    assert np.array_equal(plain, with_face)
    changed = (with_hand != plain).any(axis=-1)
    assert changed.any() and not changed[:90].any()
    unsure = hand * [1, 1, 0]
    unsure[:, 2] = HAND.threshold
    assert np.array_equal(draw_pose(Person.of(mannequin().points, right_hand=unsure), WIDTH, HEIGHT), plain)


@given(st.lists(st.tuples(st.floats(-150, 350), st.floats(-200, 450), st.floats(0, 1)), min_size=25, max_size=25))
@settings(max_examples=30, deadline=None)
def test_any_pose_is_drawn_within_its_reach(joints: list[tuple[float, float, float]]) -> None:
    points = np.array(joints)
    picture = draw_pose(Person.of(points), WIDTH, HEIGHT)
    assert picture.shape == (HEIGHT, WIDTH, 3)
    ys, xs = np.nonzero(picture.any(axis=-1))
    seen = points[points[:, 2] > BODY.threshold]
    if len(xs):
        assert xs.min() >= seen[:, 0].min() - 50 and xs.max() <= seen[:, 0].max() + 50
        assert ys.min() >= seen[:, 1].min() - 50 and ys.max() <= seen[:, 1].max() + 50
    inside = seen[(seen[:, :2] >= 0).all(axis=1) & (seen[:, :2] <= [WIDTH - 1, HEIGHT - 1]).all(axis=1)]
    for x, y, _ in inside:
        assert picture[round(y), round(x)].any()


def test_a_point_far_from_the_picture_is_refused() -> None:
    points = mannequin().points
    points[3] = (1e300, 0, 0.9)
    with pytest.raises(FormatError, match="pose-outside-picture"):
        draw_pose(Person.of(points), WIDTH, HEIGHT)
