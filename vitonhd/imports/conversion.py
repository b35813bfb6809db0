"""One foreign file as the bytes of the part that it becomes.

The contract that must not break: a file that has the part's form already comes back as it is; others are decoded and
encoded, labels and points converted, or refused with a reason.
"""

from __future__ import annotations

import json
from enum import StrEnum

import numpy as np

from vitonhd.densepose import DENSEPOSE
from vitonhd.errors import FormatError
from vitonhd.folders import Folder, Kind
from vitonhd.item import decode_part, encode_part
from vitonhd.keypoint_conversions import convert_points, from_dress_code
from vitonhd.keypoints import BODY_25, COCO_18
from vitonhd.label_conversions import convert_labels
from vitonhd.labels import CIHP, DRESS_CODE, LIP
from vitonhd.openpose_json import MAX_BYTES, Person, PoseFile
from vitonhd.pictures import decode_labels, decode_rgb
from vitonhd.validation.file_checks import check_file

_BODY_KEYS = ("pose_keypoints_2d", "pose_keypoints")


class Form(StrEnum):
    """What a foreign file holds."""

    VITON_HD = "vitonhd"
    """The part's own form, or the same in another encoding."""
    LIP_LABELS = "lip-labels"
    DRESS_CODE_LABELS = "dresscode-labels"
    DRESS_CODE_POINTS = "dresscode-points"
    DENSEPOSE_IDS = "densepose-ids"


def convert(folder: Folder, form: Form, data: bytes, size: tuple[int, int]) -> bytes:
    """The part's bytes; `size` is (width, height). Raises FormatError with the reason that it can't be taken for."""
    if form is Form.DRESS_CODE_POINTS:
        return _dress_code_pose(data, size)
    if form is Form.DENSEPOSE_IDS:
        ids = decode_labels(data, table=DENSEPOSE, size=size)
        return encode_part(folder, DENSEPOSE.paint(ids))
    if form is Form.DRESS_CODE_LABELS:
        return encode_part(folder, convert_labels(decode_labels(data, table=DRESS_CODE, size=size), DRESS_CODE, CIHP))
    if form is Form.LIP_LABELS:
        return encode_part(folder, convert_labels(decode_labels(data, table=LIP, size=size), LIP, CIHP))
    return _same_part(folder, data, size)


def _same_part(folder: Folder, data: bytes, size: tuple[int, int]) -> bytes:
    """The file itself where nothing is wrong with it, else what it shows in the part's form."""
    content, findings = check_file(folder, data, folder.name, size)
    if content is not None and not findings:
        return data
    if folder.kind is Kind.POSE:
        return _openpose(data)
    if folder.kind is Kind.PICTURE:
        return encode_part(folder, decode_rgb(data, size=size))
    return encode_part(folder, decode_part(folder, data, size=size))


def _openpose(data: bytes) -> bytes:
    """OpenPose JSON of a body of 25 points, or of 18, with every part that OpenPose writes: zeros are not detected."""
    person = PoseFile.parse(data).person
    key = next((key for key in _BODY_KEYS if person.raw.get(key)), _BODY_KEYS[0])
    values = person.raw.get(key)
    if not isinstance(values, list) or len(values) != 3 * len(COCO_18):
        parts = {"face": person.face, "left_hand": person.left_hand, "right_hand": person.right_hand}
        return PoseFile.of(Person.of(person.body, **parts)).to_bytes()
    points = convert_points(_numbers(values).reshape(-1, 3), COCO_18, BODY_25)
    return PoseFile.of(Person.of(points)).to_bytes()


def _dress_code_pose(data: bytes, size: tuple[int, int]) -> bytes:
    if len(data) > MAX_BYTES:
        raise FormatError("file-too-large", f"{len(data)} bytes of keypoints, the limit is {MAX_BYTES}")
    try:
        raw = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FormatError("bad-json", str(error)) from None
    if not isinstance(raw, dict):
        raise FormatError("bad-json", "Dress Code keypoints are an object with a list `keypoints`")
    points = convert_points(from_dress_code(raw.get("keypoints"), size=size), COCO_18, BODY_25)
    return PoseFile.of(Person.of(points)).to_bytes()


def _numbers(values: list[object]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    try:
        return np.array(values, np.float64).reshape(-1)
    except (TypeError, ValueError, OverflowError) as error:
        raise FormatError("wrong-keypoints", str(error)) from None
