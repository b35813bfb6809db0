"""The joints that the agnostic drawing needs, with the torso completed where the pose lacks some of it.

The contract that must not break: joints that were seen are never moved, and a complete torso is exactly what the
published rules use.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vitonhd.arrays import Points
from vitonhd.errors import FormatError
from vitonhd.keypoints import BODY_25, visible

Place = npt.NDArray[np.float64]
"""x, y in pixels."""

_TEMPLATE = {
    "neck": (0.0, 0.0), "right_shoulder": (-0.5, 0.0), "left_shoulder": (0.5, 0.0), "mid_hip": (0.0, 1.6),
    "right_hip": (-0.3, 1.6), "left_hip": (0.3, 1.6),
}  # fmt: skip
"""A standing torso from the front, in shoulder widths: medians of the official test poses and the studio's."""

_DRAWN = tuple(joint for joint in _TEMPLATE if joint != "mid_hip")


@dataclass(frozen=True)
class Body:
    """A person's joints by name, in pixels; only those that are known."""

    joints: dict[str, Place]
    torso: bool
    """Whether neck, shoulders and hips are known, seen or completed."""
    completed: tuple[str, ...]
    """Joints of the torso that were not seen and that the template gave."""
    unit: int
    """The drawing's step `r` in pixels: 1 + a sixteenth of the shoulder width, as in `agnostic-v3.2`."""

    def has(self, *joints: str) -> bool:
        return all(joint in self.joints for joint in joints)

    def __getitem__(self, joint: str) -> Place:
        return self.joints[joint]

    @property
    def wide_hips(self) -> tuple[Place, Place]:
        """Right and left hip moved apart about their middle to the shoulders' distance, as the published rule has it.

        Hips in one point give no direction: theirs is then the shoulders', or the picture's width.
        """
        right, left = self["right_hip"], self["left_hip"]
        shoulders = self["left_shoulder"] - self["right_shoulder"]
        across = next((line for line in (left - right, shoulders) if np.hypot(*line) > 0), np.array([1.0, 0.0]))
        half = across / np.hypot(*across) * np.hypot(*shoulders) / 2
        middle = (right + left) / 2
        return middle - half, middle + half


def read_body(points: Points, person_area: int) -> Body:
    """The body of a BODY_25 pose, points float64 25x3 in pixels.

    Torso joints that are missing are placed by the similarity (shift, turn, scale; mirrored for a person seen from
    behind) that fits the template best to those that were seen. With fewer than two of them there is no torso, and
    the shoulder width is taken as half the square root of `person_area` (pixels), as of a person in full view.
    """
    seen = {joint: points[i, :2] for i, joint in enumerate(BODY_25.joints) if visible(points)[i]}
    missing = tuple(joint for joint in _DRAWN if joint not in seen)
    placed = _fit({joint: seen[joint] for joint in _TEMPLATE if joint in seen}) if missing else {}
    joints = {joint: placed[joint] for joint in missing if joint in placed} | seen
    torso = all(joint in joints for joint in _DRAWN)
    across = np.hypot(*(joints["left_shoulder"] - joints["right_shoulder"])) if torso else person_area**0.5 / 2
    return Body(joints, torso, missing if torso else (), int(across / 16) + 1)


def check_reach(points: Points, width: int, height: int) -> None:
    """Raises FormatError `pose-outside-picture` for a point more than a picture's size away from the picture."""
    limits = np.array([width, height])
    places = points[visible(points), :2]
    far = places[((places < -limits) | (places > 2 * limits)).any(axis=-1)]
    if len(far):
        raise FormatError("pose-outside-picture", f"a point at {far[0].tolist()} of a {width}x{height} picture")


def _fit(seen: dict[str, Place]) -> dict[str, Place]:
    """Every joint of the template, placed by the best similarity; nothing where fewer than two places are seen."""
    if len({tuple(place) for place in seen.values()}) < 2:
        return {}
    target = np.array([complex(*place) for place in seen.values()])
    fits = []
    for mirror in (1, -1):
        template = {joint: complex(mirror * x, y) for joint, (x, y) in _TEMPLATE.items()}
        source = np.array([template[joint] for joint in seen])
        centred = source - source.mean()
        scale = np.vdot(centred, target - target.mean()) / np.vdot(centred, centred)
        shift = target.mean() - scale * source.mean()
        error = float(np.abs(target - scale * source - shift).sum())
        fits.append((error, {joint: scale * place + shift for joint, place in template.items()}))
    # Both fit two points equally well: facing the camera is then the better guess.
    front, back = fits
    _, best = back if back[0] < 0.999 * front[0] - 1e-6 else front
    return {joint: np.array([place.real, place.imag]) for joint, place in best.items()}
