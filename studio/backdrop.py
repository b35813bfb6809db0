"""The photo studio around the person: its lights, and the backdrop with the shadows on it.

The contract that must not break: a studio is a function of the generator's state alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from studio.body import Body
from studio.mesh import Flags, Floats
from studio.raster import Camera
from studio.scene import Scene

_FEET = (11, 14, 19, 20, 21, 22, 23, 24)
"""Ankles, toes and heels in BODY_25."""
_WALL = 0.9
"""How far the wall is behind the person, metres."""


@dataclass(frozen=True)
class Studio:
    """Light and backdrop."""

    yaw: float
    """Degrees of the key light to the picture's right."""
    pitch: float
    """Degrees of the key light above the camera."""
    key: float
    ambient: float
    backdrop: tuple[float, float, float]
    """sRGB 0..1."""
    fill: float = 0.12
    vignette: float = 0.0
    """How much darker the corners are."""
    floor: float | None = None
    """Brightness of the floor against the wall; None where they are one sheet of paper."""

    @property
    def direction(self) -> Floats:
        """Unit vector towards the key light."""
        yaw, pitch = np.radians((self.yaw, self.pitch))
        return np.array([np.sin(yaw) * np.cos(pitch), -np.cos(yaw) * np.cos(pitch), np.sin(pitch)])


def sample_studio(rng: np.random.Generator) -> Studio:
    """A shop photo's light: bright and soft, from the front and above, before a pale backdrop."""
    grey = rng.uniform(0.84, 0.97)
    tint = rng.normal(0, 0.010, 3)
    backdrop = tuple(float(value) for value in np.clip(grey + tint, 0, 1))
    key, floor = rng.uniform(0.42, 0.66), (None if rng.random() < 0.5 else float(rng.uniform(0.93, 1.03)))
    return Studio(
        rng.uniform(-45, 45), rng.uniform(18, 42), key, 0.92 - key, backdrop,  # type: ignore[arg-type]
        fill=float(rng.uniform(0.12, 0.24)), vignette=float(rng.uniform(0, 0.07)), floor=floor,
    )  # fmt: skip


def backdrop(scene: Scene, covered: Flags, camera: Camera, studio: Studio, *, floor_shadow: bool) -> Floats:
    """The picture without what stands in it, HxWx3 sRGB 0..1; `covered` HxW is where that is."""
    height, width = covered.shape
    down, across = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    shade = (1 - 0.025 * down) * (1 - studio.vignette * np.clip((down**2 + across**2) / 2, 0, 1) ** 1.5)
    if scene.person is None:
        shade = shade * (1 - 0.16 * _cast(covered, studio, 1)) if floor_shadow else shade
    elif floor_shadow:
        shade = shade * _floor(camera, studio) * (1 - 0.10 * _cast(covered, studio, 3))
        shade = shade * _contact(scene.person.body, camera)
    image: Floats = np.clip(np.array(studio.backdrop) * shade[..., None], 0, 1)
    return image


def _cast(covered: Flags, studio: Studio, distance: float) -> Floats:
    """The soft shadow on what is behind, 0..1, HxW; blurred at a quarter of the size, as wide blurs are slow."""
    height, width = covered.shape
    quarter = cv2.resize(covered.astype(np.float32), (width // 4, height // 4), interpolation=cv2.INTER_AREA)
    aside, below = -np.sign(studio.yaw) * width / 200 * distance, height / 480 * distance
    shift = np.array([[1, 0, aside], [0, 1, below]])
    blurred = cv2.GaussianBlur(cv2.warpAffine(quarter, shift, quarter.shape[::-1]), (0, 0), height / 200 * distance)
    return cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.float64)


def _floor(camera: Camera, studio: Studio) -> Floats:
    """Brightness of floor and wall, Hx1: they meet in a soft line."""
    if studio.floor is None:
        return np.ones((camera.height, 1))
    line = camera.project(np.array([camera.x, _WALL, 0.0]))[1]
    below = np.clip((np.arange(camera.height) - line) / (camera.height / 90) + 0.5, 0, 1)
    brightness: Floats = (1 + (studio.floor - 1) * below)[:, None]
    return brightness


def _contact(body: Body, camera: Camera) -> Floats:
    """Darkening of the floor around the feet, 0.4..1, HxW or 1x1 where no floor is seen."""
    feet = body.joints[list(_FEET)] * (1, 1, 0)
    rows = np.arange(camera.height)
    eye = camera.height / camera.span * camera.distance * camera.z
    drop = rows - (camera.height - 1) / 2
    seen = drop > eye / (camera.distance + 1.2)
    if not seen.any():
        return np.ones((1, 1))
    depth = eye / drop[seen] - camera.distance
    scale = camera.height / camera.span * camera.distance / (depth + camera.distance)
    x = (np.arange(camera.width)[None] - (camera.width - 1) / 2) / scale[:, None] + camera.x
    dark = np.zeros(x.shape)
    for foot in feet:
        away = ((x - foot[0]) / 0.075) ** 2 + ((depth[:, None] - foot[1]) / 0.11) ** 2
        dark += 0.16 * np.exp(-away) + 0.035 * np.exp(-away / 6)
    shade = np.ones((camera.height, camera.width))
    shade[seen] = np.maximum(1 - dark, 0.4)
    return shade
