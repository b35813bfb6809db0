"""Keypoint formats: the published orders, conversions between them, mirrors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vitonhd.arrays_strategies import bodies, synthetic_points
from vitonhd.errors import FormatError
from vitonhd.keypoint_conversions import convert_points, from_dress_code, sources, split_whole_body, to_dress_code
from vitonhd.keypoints import (
    BODY_25,
    COCO_17,
    COCO_18,
    FACE_70,
    HALPE_26,
    HAND_21,
    MEDIAPIPE_33,
    WHOLE_BODY_133,
    Skeleton,
    visible,
)

ALL = (BODY_25, COCO_17, COCO_18, HALPE_26, HAND_21, FACE_70, WHOLE_BODY_133, MEDIAPIPE_33)


@pytest.mark.parametrize("skeleton", ALL, ids=lambda skeleton: skeleton.name)
def test_every_skeleton_is_sound(skeleton: Skeleton) -> None:
    assert len(set(skeleton.joints)) == len(skeleton)
    assert [skeleton.mirror[joint] for joint in skeleton.mirror] == list(range(len(skeleton)))
    limbs = {frozenset(limb) for limb in skeleton.limbs}
    assert {frozenset(skeleton.mirror[joint] for joint in limb) for limb in limbs} == limbs
    assert len(limbs) == len(skeleton.limbs)


def test_sizes_and_the_joints_that_readers_index() -> None:
    assert [len(skeleton) for skeleton in ALL] == [25, 17, 18, 26, 21, 70, 133, 33]
    indices = {"neck": 1, "right_shoulder": 2, "left_wrist": 7, "right_hip": 9, "left_hip": 12, "right_heel": 24}
    assert {joint: BODY_25.index(joint) for joint in indices} == indices
    assert (COCO_18.joints[9], COCO_18.joints[12]) == ("right_knee", "left_knee")
    assert [len(skeleton.limbs) for skeleton in (BODY_25, COCO_18, HAND_21)] == [24, 17, 20]
    with pytest.raises(KeyError, match="COCO-17 has no joint 'neck'"):
        COCO_17.index("neck")


def test_the_published_index_tables() -> None:
    coco = [
        (0,),
        (5, 6),
        (6,),
        (8,),
        (10,),
        (5,),
        (7,),
        (9,),
        (12,),
        (14,),
        (16,),
        (11,),
        (13,),
        (15,),
        (2,),
        (1,),
        (4,),
        (3,),
    ]
    assert list(sources(COCO_17, COCO_18)) == coco
    halpe = [0, 18, 6, 8, 10, 5, 7, 9, 19, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3, 20, 22, 24, 21, 23, 25]
    assert list(sources(HALPE_26, BODY_25)) == [(joint,) for joint in halpe]
    assert list(sources(BODY_25, COCO_18)) == [(joint,) for joint in range(19) if joint != 8]
    assert sources(WHOLE_BODY_133, BODY_25)[19:] == ((17,), (18,), (19,), (20,), (21,), (22,))
    mediapipe = [(0,), (11, 12), (12,), (14,), (16,), (11,), (13,), (15,), (23, 24), (24,), (26,), (28,), (23,), (25,)]
    assert list(sources(MEDIAPIPE_33, BODY_25)) == [
        *mediapipe, (27,), (5,), (2,), (8,), (7,), (31,), (), (29,), (32,), (), (30,)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("small", "large"),
    [(COCO_17, COCO_18), (COCO_17, BODY_25), (COCO_18, BODY_25), (COCO_17, WHOLE_BODY_133), (BODY_25, HALPE_26)],
    ids=lambda skeleton: skeleton.name,
)
@given(st.data())
def test_there_and_back_is_the_identity(small: Skeleton, large: Skeleton, data: st.DataObject) -> None:
    points = data.draw(bodies(small))
    assert np.array_equal(convert_points(convert_points(points, small, large), large, small), points)


@given(bodies(COCO_17))
def test_neck_and_mid_hip_are_midpoints_or_missing(points: np.ndarray) -> None:
    body = convert_points(points, COCO_17, BODY_25)
    for derived, left, right in (("neck", "left_shoulder", "right_shoulder"), ("mid_hip", "left_hip", "right_hip")):
        one, other = body[BODY_25.index(left)], body[BODY_25.index(right)]
        both = bool(one[2] and other[2])
        expected = [*((one + other)[:2] / 2), min(one[2], other[2])] if both else [0, 0, 0]
        assert np.allclose(body[BODY_25.index(derived)], expected, rtol=0, atol=1e-9)
    assert not body[19:].any(), "COCO has no feet, and none are made up"


@given(st.data(), st.sampled_from(ALL))
def test_flipping_twice_is_the_identity(data: st.DataObject, skeleton: Skeleton) -> None:
    points = data.draw(bodies(skeleton))
    flipped = skeleton.flip(points, 768)
    assert visible(flipped).sum() == visible(points).sum()
    assert np.allclose(skeleton.flip(flipped, 768), points, rtol=0, atol=1e-9)


@given(bodies(COCO_17))
def test_flip_and_conversion_commute(points: np.ndarray) -> None:
    one = convert_points(COCO_17.flip(points, 768), COCO_17, BODY_25)
    other = BODY_25.flip(convert_points(points, COCO_17, BODY_25), 768)
    assert np.allclose(one, other, rtol=0, atol=1e-9)


def test_batches_convert_as_their_members() -> None:
    batch = np.stack([synthetic_points(HALPE_26, seed) for seed in range(4)]).reshape(2, 2, 26, 3)
    converted = convert_points(batch, HALPE_26, BODY_25)
    assert converted.shape == (2, 2, 25, 3)
    assert np.array_equal(converted[1, 0], convert_points(batch[1, 0], HALPE_26, BODY_25))


def test_a_whole_body_splits_into_openposes_four_arrays() -> None:
    points = synthetic_points(WHOLE_BODY_133)
    body, face, left, right = split_whole_body(points)
    assert np.array_equal(body[BODY_25.index("left_wrist")], points[9])
    assert np.array_equal(face[:68], points[23:91]) and not face[68:].any()
    assert np.array_equal(left, points[91:112]) and np.array_equal(right, points[112:133])


@given(bodies(COCO_18))
def test_dress_code_rows_come_back(points: np.ndarray) -> None:
    back = from_dress_code(to_dress_code(points))
    assert np.allclose(back, points, rtol=0, atol=1e-9)


def test_dress_code_rows_are_at_half_size_and_count_detections() -> None:
    points = synthetic_points(COCO_18)
    points[1] = 0
    rows = to_dress_code(points)
    assert rows[1] == [-1, -1, 0, -1]
    assert rows[2] == [points[2, 0] / 2, points[2, 1] / 2, points[2, 2], 1]
    assert rows[-1][3] == 16


@pytest.mark.parametrize(
    "rows", [None, "x", [], [[1, 2, 3]] * 18, [[1, 2, 3, float("nan")]] * 18, [{}] * 18, [[10**400] * 4] * 18]
)
def test_bad_dress_code_rows_are_refused(rows: object) -> None:
    with pytest.raises(FormatError, match="wrong-keypoints"):
        from_dress_code(rows)


def test_a_wrong_shape_or_number_is_refused() -> None:
    with pytest.raises(FormatError, match=r"BODY_25 is \.\.\.x25x3, not \(18, 3\)"):
        convert_points(np.zeros((18, 3)), BODY_25, COCO_18)
    with pytest.raises(FormatError, match="not a finite number"):
        BODY_25.flip(np.full((25, 3), np.inf), 768)
    with pytest.raises(KeyError, match="no conversion from hand-21 to BODY_25"):
        convert_points(np.zeros((21, 3)), HAND_21, BODY_25)
