"""OpenPose JSON: lossless, tolerant of what it does not know, strict about what it does."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vitonhd.arrays_strategies import bodies, synthetic_points
from vitonhd.errors import FormatError
from vitonhd.keypoints import BODY_25, FACE_70, HAND_21
from vitonhd.openpose_json import MAX_BYTES, Person, PoseFile

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=5), values, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(max_size=8), JSON_VALUES, max_size=4)


def person(seed: int = 0) -> Person:
    return Person.of(
        synthetic_points(BODY_25, seed),
        face=synthetic_points(FACE_70, seed),
        left_hand=synthetic_points(HAND_21, seed + 1),
        right_hand=synthetic_points(HAND_21, seed + 2),
    )


@given(OBJECTS, st.lists(OBJECTS, max_size=3))
def test_unknown_keys_and_values_come_back_in_their_order(
    raw: dict[str, object], people: list[dict[str, object]]
) -> None:
    data = json.dumps(raw | {"people": people}, separators=(",", ":")).encode()
    assert PoseFile.parse(data).to_bytes() == data


@given(bodies(BODY_25))
def test_points_come_back_exactly(points: np.ndarray) -> None:
    pose = PoseFile.parse(PoseFile.of(Person.of(points)).to_bytes())
    assert np.array_equal(pose.person.body, points)


def test_a_written_file_has_openposes_shape() -> None:
    raw = json.loads(PoseFile.of(person()).to_bytes())
    assert raw["version"] == 1.3
    lengths = {key: len(value) for key, value in raw["people"][0].items()}
    assert lengths == {
        "person_id": 1, "pose_keypoints_2d": 75, "face_keypoints_2d": 210, "hand_left_keypoints_2d": 63,
        "hand_right_keypoints_2d": 63, "pose_keypoints_3d": 0, "face_keypoints_3d": 0, "hand_left_keypoints_3d": 0,
        "hand_right_keypoints_3d": 0,
    }  # fmt: skip


def test_a_flip_swaps_the_hands_and_twice_is_the_identity() -> None:
    original = person()
    flipped = original.flipped(768)
    assert flipped.left_hand is not None and original.right_hand is not None
    assert np.allclose(767 - flipped.left_hand[:, 0], original.right_hand[:, 0])
    back = flipped.flipped(768)
    for part in ("body", "face", "left_hand", "right_hand"):
        assert np.allclose(getattr(back, part), getattr(original, part), rtol=0, atol=1e-9)


def test_a_flip_of_one_hand_moves_it_and_keeps_other_keys() -> None:
    raw = person().raw | {"hand_left_keypoints_2d": [], "custom": 7}
    flipped = Person(raw).flipped(768)
    assert flipped.right_hand is None and flipped.left_hand is not None and flipped.raw["custom"] == 7


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "bad-json"),
        (b"\xff\xfe", "bad-json"),
        (b"[]", "bad-json"),
        (b'{"people": {}}', "bad-json"),
        (b'{"people": [1]}', "bad-json"),
        (b'{"people": [], "x": NaN}', "bad-json"),
        (b'{"people": [], "x": -Infinity}', "bad-json"),
        (b'{"people": ' + b"[" * 200_000, "bad-json"),
        (b'{"people": [], "x": ' + b"9" * 5000 + b"}", "bad-json"),
        (b" " * (MAX_BYTES + 1), "file-too-large"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_files_are_refused_with_a_reason(data: bytes, reason: str) -> None:
    with pytest.raises(FormatError) as caught:
        PoseFile.parse(data)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    "values",
    [None, [], "x" * 75, [0] * 54, [0] * 74, [True] * 75, ["1"] * 75, [None] * 75, [1e999] * 75, [10**400] * 75],
    ids=["absent", "empty", "text", "18-points", "short", "booleans", "strings", "nulls", "infinite", "huge"],
)
def test_a_body_that_is_no_body_25_is_refused(values: object) -> None:
    with pytest.raises(FormatError, match="wrong-keypoints"):
        _ = Person({"pose_keypoints_2d": values}).body


def test_the_one_person_is_asked_for_by_name() -> None:
    for people in ((), (person(), person(1))):
        with pytest.raises(FormatError, match=f"not-one-person: {len(people)} people"):
            _ = PoseFile.of(*people).person


@given(st.binary(max_size=300))
def test_any_bytes_parse_or_are_refused(data: bytes) -> None:
    try:
        PoseFile.parse(data)
    except FormatError as error:
        assert error.reason == "bad-json"
