import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from preprocess.draw.body import Body, read_body
from preprocess.draw.spread import grow, shrink
from tests.preprocess.mannequin import JOINTS, mannequin
from vitonhd.keypoints import BODY_25

TORSO = ("neck", "right_shoulder", "left_shoulder", "right_hip", "left_hip")


def body(*missing: str) -> Body:
    person = mannequin()
    return read_body(person.without(*missing), int(np.count_nonzero(person.parse)))


def test_a_whole_torso_is_taken_as_it_is() -> None:
    whole = body()
    assert whole.torso and whole.completed == ()
    assert all(whole[joint].tolist() == list(JOINTS[joint]) for joint in JOINTS)
    assert whole.unit == 40 // 16 + 1


@pytest.mark.parametrize(
    "missing",
    [
        ("neck",),
        ("left_shoulder",),
        ("right_shoulder", "neck"),
        ("left_shoulder", "right_shoulder"),
        ("right_shoulder", "left_shoulder", "neck"),
        ("right_hip",),
        ("left_hip", "mid_hip"),
        ("right_hip", "left_hip"),
        ("right_hip", "left_hip", "mid_hip"),
        ("right_shoulder", "right_hip", "mid_hip"),
        ("left_shoulder", "right_hip", "mid_hip", "neck"),
    ],
    ids=" ".join,
)
def test_missing_joints_of_the_torso_are_placed_where_they_belong(missing: tuple[str, ...]) -> None:
    completed = body(*missing)
    assert completed.torso
    assert set(completed.completed) == set(missing) & set(TORSO)
    for joint in TORSO:
        allowed = 0 if joint not in missing else 12  # of a torso 64 high
        assert np.hypot(*(completed[joint] - JOINTS[joint])) <= allowed, joint


def test_a_back_view_is_completed_mirrored() -> None:
    points = mannequin().points.copy()
    points[:, 0] = 192 - points[:, 0]
    points[BODY_25.index("left_hip")] = 0
    behind = read_body(points, 9000)
    assert behind["left_hip"][0] < behind["right_hip"][0]


@pytest.mark.parametrize("seen", [(), ("neck",), ("left_elbow", "right_knee")])
def test_fewer_than_two_joints_of_the_torso_make_no_torso(seen: tuple[str, ...]) -> None:
    found = body(*(set(JOINTS) - set(seen)))
    assert not found.torso and found.completed == ()
    assert 1 < found.unit < 6


def test_joints_in_one_point_make_no_error() -> None:
    points = mannequin().points.copy()
    points[:, :2] = 90
    found = read_body(points, 9000)
    assert found.torso and np.isfinite(found.wide_hips).all()
    for joint in ("neck", "left_hip"):
        points[BODY_25.index(joint)] = 0
    assert not read_body(points, 9000).torso


def test_hips_are_moved_to_the_shoulders_distance() -> None:
    right, left = body().wide_hips
    assert (left - right).tolist() == [40, 0]
    assert ((left + right) / 2).tolist() == [96, 114]


@given(hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9)), st.integers(0, 10))
@settings(max_examples=40, deadline=None)
def test_growing_reaches_as_far_as_said(mask: np.ndarray, radius: int) -> None:
    padded = np.pad(mask, radius)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * radius + 1, 2 * radius + 1))
    assert np.array_equal(grow(mask, radius), windows.any(axis=(2, 3)))
    assert np.array_equal(shrink(mask, radius), ~grow(~mask, radius))
