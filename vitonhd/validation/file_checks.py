"""Checks of one file by itself: format, mode, size, palette, mask levels, JSON; what decodes is handed on.

The contract that must not break: whatever the bytes are, the answer is findings; content comes back only when it
decodes at the right size.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image

from vitonhd.errors import FormatError
from vitonhd.folders import Folder, Kind
from vitonhd.item import Content, decode_part
from vitonhd.keypoints import BODY_25
from vitonhd.labels import CIHP
from vitonhd.openpose_json import PoseFile
from vitonhd.pictures import decode_rgb, open_picture
from vitonhd.validation.findings import Finding
from vitonhd.validation.limits import MASK_BETWEEN

_PALETTE_NOISE = 2
"""Levels by which CIHP's own palette differs from that of VITON-HD's files."""
_POSE_KEYS = ("pose_keypoints_2d", "face_keypoints_2d", "hand_left_keypoints_2d", "hand_right_keypoints_2d")


def check_file(folder: Folder, data: bytes, where: str, size: tuple[int, int]) -> tuple[Content | None, list[Finding]]:
    """The file's content, None where it is of no use, and what is wrong with it; `size` is (width, height)."""
    try:
        if folder.kind is Kind.POSE:
            return _check_pose(data, where)
        return _check_picture(folder, data, where, size)
    except FormatError as error:
        return None, [Finding.of(error, where)]


def _check_pose(data: bytes, where: str) -> tuple[Content | None, list[Finding]]:
    pose = PoseFile.parse(data)
    person = pose.person
    person.check()
    lacking = [key for key in _POSE_KEYS if not person.raw.get(key)]
    findings = [Finding("json-incomplete", where, f"without {', '.join(lacking)}")] if lacking else []
    scores = person.body[:, 2]
    if float(scores.min()) < 0 or float(scores.max()) > 1:
        joint = BODY_25.joints[int(np.abs(scores - 0.5).argmax())]
        findings.append(Finding("score-outside-range", where, f"{joint}: scores are 0..1", float(scores.max()), 1.0))
    return pose, findings


def _check_picture(
    folder: Folder, data: bytes, where: str, size: tuple[int, int]
) -> tuple[Content | None, list[Finding]]:
    header = open_picture(data)
    findings = list(_header_findings(folder, header, where, size))
    if header.size != size:
        decode_part(folder, data)  # raises where it is broken as well
        return None, findings
    content = decode_part(folder, data, size=size)
    if folder.kind is Kind.MASK:
        findings += _mask_findings(data, header, where)
    if folder.kind is Kind.LABELS and header.mode == "P":
        findings += _palette_findings(header, where)
    return content, findings


def _header_findings(folder: Folder, header: Image.Image, where: str, size: tuple[int, int]) -> Iterator[Finding]:
    if header.format != folder.format:
        yield Finding("wrong-format", where, f"{header.format}, expected {folder.format}")
    if header.mode != folder.mode:
        yield Finding("wrong-mode", where, f"{header.mode}, expected {folder.mode}")
    if header.size != size:
        yield Finding("wrong-size", where, f"{header.width}x{header.height}, expected {size[0]}x{size[1]}")


def _mask_findings(data: bytes, header: Image.Image, where: str) -> Iterator[Finding]:
    picture = decode_rgb(data)
    levels, jpeg = picture[..., 0], header.format == "JPEG"
    between = (levels >= 60) & (levels <= 195) if jpeg else (levels > 0) & (levels < 255)
    share, limit = float(between.mean()), MASK_BETWEEN if jpeg else 0.0
    if share > limit:
        what = "at 60 to 195" if jpeg else "neither 0 nor 255"
        yield Finding("mask-not-binary", where, f"share of pixels {what}", share, limit)
    if header.mode != "L":
        coloured = float(((picture[..., 1] != levels) | (picture[..., 2] != levels)).mean())
        if coloured:
            yield Finding("mask-coloured", where, "share of pixels whose channels differ", coloured, 0.0)


def _palette_findings(header: Image.Image, where: str) -> Iterator[Finding]:
    palette = np.zeros((256, 3), np.uint8)
    found = np.array(header.getpalette() or [], np.uint8).reshape(-1, 3)[:256]
    palette[: len(found)] = found
    off = np.abs(palette.astype(np.int16) - CIHP.palette)[: len(CIHP)].max(axis=1) > _PALETTE_NOISE
    if off.any():
        first = int(np.argmax(off))
        detail = f"{CIHP.labels[first]} is {tuple(palette[first].tolist())}, not {tuple(CIHP.palette[first].tolist())}"
        yield Finding("wrong-palette", where, f"{int(off.sum())} of {len(CIHP)} colours differ: {detail}")
