"""OpenPose's JSON files, read and written without loss.

The contract that must not break: what is not changed is written as it was read, key by key and in the same order,
unknown keys included; the official files come back byte for byte.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from vitonhd.arrays import Points
from vitonhd.errors import FormatError
from vitonhd.keypoints import BODY_25, FACE_70, HAND_21, Skeleton

MAX_BYTES = 1 << 20

_BODY = "pose_keypoints_2d"
_FACE = "face_keypoints_2d"
_LEFT_HAND = "hand_left_keypoints_2d"
_RIGHT_HAND = "hand_right_keypoints_2d"
_SKELETONS = {_BODY: BODY_25, _FACE: FACE_70, _LEFT_HAND: HAND_21, _RIGHT_HAND: HAND_21}
_EMPTY_3D = ("pose_keypoints_3d", "face_keypoints_3d", "hand_left_keypoints_3d", "hand_right_keypoints_3d")


@dataclass(frozen=True)
class Person:
    """One entry of `people`; `raw` is the parsed object and stays the truth, the properties read it as points."""

    raw: dict[str, Any]

    @property
    def body(self) -> Points:
        """BODY_25 points, float64 25x3. Raises FormatError `wrong-keypoints`."""
        points = self._points(_BODY)
        if points is None:
            raise FormatError("wrong-keypoints", f"{_BODY} is missing or empty")
        return points

    @property
    def face(self) -> Points | None:
        """70x3, None where it was not detected. Raises FormatError `wrong-keypoints`, as the hands do."""
        return self._points(_FACE)

    @property
    def left_hand(self) -> Points | None:
        return self._points(_LEFT_HAND)

    @property
    def right_hand(self) -> Points | None:
        return self._points(_RIGHT_HAND)

    def _points(self, key: str) -> Points | None:
        return _parse_points(self.raw.get(key), key, _SKELETONS[key])

    def check(self) -> None:
        """Raises FormatError `wrong-keypoints` unless there is a BODY_25 body and all else is whole or absent."""
        _ = self.body, self.face, self.left_hand, self.right_hand

    def flipped(self, width: int) -> Person:
        """This person in the picture mirrored left to right, `width` pixels wide: sides and hands swapped."""
        raw = dict(self.raw)
        for key, source in ((_BODY, _BODY), (_FACE, _FACE), (_LEFT_HAND, _RIGHT_HAND), (_RIGHT_HAND, _LEFT_HAND)):
            points = self._points(source)
            if points is not None:
                raw[key] = _numbers(_SKELETONS[key].flip(points, width))
            elif key in raw or source in raw:
                raw[key] = []
        return Person(raw)

    @classmethod
    def of(
        cls,
        body: Points,
        *,
        face: Points | None = None,
        left_hand: Points | None = None,
        right_hand: Points | None = None,
    ) -> Person:
        """A person from points in pixels, as OpenPose writes it; a part that was not detected is all zero."""
        raw: dict[str, Any] = {"person_id": [-1]}
        for key, points in ((_BODY, body), (_FACE, face), (_LEFT_HAND, left_hand), (_RIGHT_HAND, right_hand)):
            skeleton = _SKELETONS[key]
            if points is None:
                points = np.zeros((len(skeleton), 3))
            skeleton.check(points)
            raw[key] = _numbers(points)
        return cls(raw | {key: [] for key in _EMPTY_3D})


@dataclass(frozen=True)
class PoseFile:
    """An OpenPose JSON file: `raw` is the parsed object, `people` its persons in their order."""

    raw: dict[str, Any]

    @property
    def people(self) -> tuple[Person, ...]:
        return tuple(Person(person) for person in self.raw["people"])

    @property
    def person(self) -> Person:
        """The one person of a VITON-HD picture. Raises FormatError `not-one-person`."""
        if len(self.people) != 1:
            raise FormatError("not-one-person", f"{len(self.people)} people")
        return self.people[0]

    @classmethod
    def of(cls, *people: Person) -> PoseFile:
        return cls({"version": 1.3, "people": [person.raw for person in people]})

    @classmethod
    def parse(cls, data: bytes) -> PoseFile:
        """Read a file's bytes. Raises FormatError `bad-json` or `file-too-large`."""
        if len(data) > MAX_BYTES:
            raise FormatError("file-too-large", f"{len(data)} bytes of pose JSON, the limit is {MAX_BYTES}")
        try:
            raw = json.loads(data, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise FormatError("bad-json", str(error)) from None
        if not isinstance(raw, dict) or not isinstance(raw.get("people"), list):
            raise FormatError("bad-json", "an OpenPose file is an object with a list `people`")
        if not all(isinstance(person, dict) for person in raw["people"]):
            raise FormatError("bad-json", "every entry of `people` is an object")
        return cls(raw)

    def to_bytes(self) -> bytes:
        """The file's bytes in OpenPose's compact form. Raises FormatError `bad-json` for what JSON can't hold."""
        try:
            return json.dumps(self.raw, separators=(",", ":"), allow_nan=False).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise FormatError("bad-json", str(error)) from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def _parse_points(values: object, key: str, skeleton: Skeleton) -> Points | None:
    """Flat x, y, score values as Jx3; None for an absent or empty list. Raises FormatError `wrong-keypoints`."""
    if values is None or values == []:
        return None
    whole = isinstance(values, list) and len(values) == 3 * len(skeleton)
    if not whole or not all(type(value) in (int, float) for value in values):  # type: ignore[attr-defined]
        length = len(values) if isinstance(values, list) else type(values).__name__
        raise FormatError("wrong-keypoints", f"{key}: expected {3 * len(skeleton)} numbers, got {length}")
    try:
        points: Points = np.array(values, dtype=np.float64).reshape(-1, 3)
    except OverflowError:
        raise FormatError("wrong-keypoints", f"{key}: a number is too large") from None
    skeleton.check(points)
    return points


def _numbers(points: Points) -> list[float]:
    """Flat numbers as OpenPose prints them: whole ones without a point."""
    return [int(value) if value.is_integer() else value for value in points.ravel().tolist()]
