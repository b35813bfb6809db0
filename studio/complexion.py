"""The colour of people without light: skin with a painted face, eyes, and the bodysuit of bare photos.

The contract that must not break: colours depend on a point's place on its surface alone, never on pose or light.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from studio.body import EYE, HANDS, HEAD, PARTS, TORSO, template
from studio.mesh import Flags, Floats, Ints
from studio.patterns import Colour, noise

SKINS: tuple[Colour, ...] = (
    (0.955, 0.835, 0.765), (0.935, 0.785, 0.690), (0.905, 0.735, 0.620), (0.860, 0.675, 0.545), (0.780, 0.580, 0.450),
    (0.680, 0.490, 0.378), (0.570, 0.402, 0.315), (0.480, 0.338, 0.268),
)  # fmt: skip
EYES: tuple[Colour, ...] = ((0.20, 0.13, 0.09), (0.30, 0.20, 0.12), (0.36, 0.34, 0.22), (0.33, 0.42, 0.48))
_BODYSUIT = np.array([0.62, 0.62, 0.64])
_THIGHS = tuple(index for index, part in enumerate(PARTS) if part.endswith("thigh"))


@dataclass(frozen=True)
class Complexion:
    """The colours of someone's skin and face."""

    skin: Colour
    brows: Colour
    iris: Colour
    feminine: bool
    stubble: float
    """How dark a shaven beard shows, 0..1."""


def skin(person: Complexion, parts: Ints, rest: Floats, *, suited: bool) -> Floats:
    """sRGB 0..1 of skin, Px3, at points of the body given by part and by place on the mean body at rest."""
    base = np.array(person.skin)
    colour = base * (0.985 + 0.03 * noise(rest[:, [0, 2]] / 0.05, 11))[:, None]
    ruddy = np.isin(parts, HANDS) * 0.05
    colour *= 1 - ruddy[:, None] * np.array((0.2, 1, 1))
    head = np.flatnonzero(np.isin(parts, (HEAD, EYE)))
    colour[head] = _face(colour[head], base, person, rest[head])
    colour = np.where((parts == EYE)[:, None], _eye(rest, person.iris), colour)
    if suited:
        colour = np.where(_suit(parts, rest)[:, None], _BODYSUIT, colour)
    return np.clip(colour, 0, 1)


def _suit(parts: Ints, rest: Floats) -> Flags:
    """Where the bodysuit is: from the chest to the upper thighs."""
    x, z = np.abs(rest[:, 0]), rest[:, 2]
    chest = np.where(rest[:, 1] < 0.02, 1.375 + 0.6 * np.maximum(x - 0.075, 0), 1.36)
    suit: Flags = np.isin(parts, (TORSO, *_THIGHS)) & (z > 0.80) & (z < chest)
    return suit


def _face(colour: Floats, base: Floats, person: Complexion, rest: Floats) -> Floats:
    """The skin of the head with cheeks, lips, lids, lashes and brows."""
    joints = template().rest_joints
    x, z, feminine = np.abs(rest[:, 0]), rest[:, 2], person.feminine
    front = rest[:, 1] < joints[17, 1] - 0.02
    eye_x, eye_z, nose_z = abs(joints[15, 0]), joints[15, 2], joints[0, 2]
    warm, dark = base * (1.0, 0.84, 0.80), base * (0.70, 0.60, 0.56)
    blush = np.exp(-(((x - 0.040) / 0.020) ** 2) - ((z - nose_z + 0.004) / 0.020) ** 2)
    tip = np.exp(-((x / 0.012) ** 2) - ((z - nose_z) / 0.012) ** 2)
    colour = _mixed(colour, warm, (0.6 * blush + 0.35 * tip) * front)
    colour = _mixed(colour, warm, 0.5 * ~front * (x > 0.066) * (np.abs(z - joints[17, 2]) < 0.04))
    socket = np.exp(-(((x - eye_x) / 0.021) ** 2) - ((z - eye_z - 0.003) / 0.013) ** 2)
    colour = _mixed(colour, dark, (0.34 if feminine else 0.26) * socket * front)
    lids = _inside((x - eye_x) / 0.0185, (z - eye_z - 0.0015 + 14 * (x - eye_x) ** 2) / 0.0078)
    colour = _mixed(colour, dark * 0.5, (0.75 if feminine else 0.5) * lids * front)
    mouth = nose_z - 0.041
    beard = np.clip((nose_z - 0.012 - z - 0.25 * np.maximum(0.055 - x, 0) * (x > 0.03)) / 0.012, 0, 1)
    beard *= np.clip((joints[17, 1] + 0.012 - rest[:, 1]) / 0.02, 0, 1)
    grain = 0.6 + 0.4 * noise(rest[:, [0, 2]] / 0.0017, 18)
    colour = _mixed(colour, np.array(person.brows) * 0.8 + 0.05, person.stubble * beard * grain)
    bow = np.where(z > mouth, 0.0016 * np.cos(x * 240), 0.0006)
    lips = _inside(x / 0.0245, (z - mouth - bow) / 0.0088) * front
    colour = _mixed(colour, base * ((0.90, 0.60, 0.60) if feminine else (0.91, 0.72, 0.70)), 0.95 * lips)
    line = np.exp(-(((z - mouth - 0.0006) / 0.0011) ** 2)) * (x < 0.022) * front
    colour = _mixed(colour, base * (0.52, 0.32, 0.31), 0.7 * line)
    return _browed(colour, person, rest, front)


def _browed(colour: Floats, person: Complexion, rest: Floats, front: Flags) -> Floats:
    joints = template().rest_joints
    x, z = np.abs(rest[:, 0]), rest[:, 2]
    along = (x - abs(joints[15, 0]) - 0.001) / 0.0215
    arch = joints[15, 2] + 0.0215 - 6.5 * (x - abs(joints[15, 0]) - 0.004) ** 2
    thick = (0.0030 if person.feminine else 0.0042) * (1 - 0.35 * np.clip(along, 0, 1))
    hairs = 0.55 + 0.45 * noise(np.stack([(rest[:, 0] + 0.6 * z) / 0.0016, z / 0.004], axis=1), 17)
    return _mixed(colour, np.array(person.brows) * 0.75, 0.9 * _inside(along, (z - arch) / thick) * hairs * front)


def _eye(rest: Floats, iris: Colour) -> Floats:
    joints = template().rest_joints
    x, z = np.abs(rest[:, 0]) - abs(joints[15, 0]), rest[:, 2] - joints[15, 2]
    away = np.hypot(x, z)[:, None]
    ball = np.array((0.76, 0.74, 0.73)) * (1 - 0.40 * np.clip(z / 0.006, 0, 1))[:, None]
    glint = np.hypot(rest[:, 0] - np.sign(rest[:, 0]) * abs(joints[15, 0]) - 0.0016, z - 0.0018)[:, None] < 0.0011
    rim = np.clip((away - 0.0046) / 0.0014, 0, 1)
    ring = np.array(iris) * (1 - 0.55 * rim)
    return np.where(glint, 0.95, np.where(away < 0.0026, 0.03, np.where(away < 0.0061, ring, ball)))


def _mixed(colour: Floats, other: Floats, share: Floats) -> Floats:
    mixed: Floats = colour + share[:, None] * (other - colour)
    return mixed


def _inside(x: Floats, z: Floats) -> Floats:
    """1 inside the unit ellipse, falling to 0 over a fifth of its radius."""
    inside: Floats = np.clip((1.1 - np.hypot(x, z)) / 0.2, 0, 1)
    return inside
