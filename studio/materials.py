"""The colour of every surface without light: skin with a painted face, hair, shoes, cloth with seams and trims.

The contract that must not break: colours depend on a point's place on its surface alone, never on pose or light.
"""

from __future__ import annotations

import numpy as np

from studio.body import EYE, HANDS, PARTS, TORSO, template
from studio.garments import Garment
from studio.mesh import Floats, Ints
from studio.patterns import noise
from studio.person import Person

_BODYSUIT = np.array([0.62, 0.62, 0.64])
_THIGHS = tuple(index for index, part in enumerate(PARTS) if part.endswith("thigh"))


def skin(person: Person, parts: Ints, rest: Floats) -> Floats:
    """sRGB 0..1 of skin, Px3, at points of the body given by part and by place on the mean body at rest."""
    joints = template().rest_joints
    colour = np.array(person.skin) * (0.97 + 0.05 * noise(rest[:, [0, 2]] / 0.05, 11))[:, None]
    warm = np.array(person.skin) * (1.0, 0.86, 0.82)
    x, z = np.abs(rest[:, 0]), rest[:, 2]
    face = (rest[:, 1] < joints[17, 1] - 0.02) & np.isin(parts, (PARTS.index("head"), EYE))
    eye_x, eye_z = abs(joints[15, 0]), joints[15, 2]
    mouth_z = joints[0, 2] - 0.041
    blush = np.exp(-(((x - 0.042) / 0.02) ** 2) - ((z - joints[0, 2] + 0.005) / 0.018) ** 2)
    colour += 0.5 * (blush * face)[:, None] * (warm - colour)
    lips = _inside(x / 0.024, (z - mouth_z - 0.002 * np.cos(x * 260)) / 0.0085) * face
    lip_colour = np.array(person.skin) * ((0.86, 0.58, 0.58) if person.feminine else (0.88, 0.72, 0.70))
    colour += lips[:, None] * (lip_colour - colour)
    arch = eye_z + 0.021 - 7 * (x - eye_x) ** 2
    brow = _inside((x - eye_x - 0.001) / 0.021, (z - arch) / (0.0028 if person.feminine else 0.004)) * face
    colour += 0.8 * brow[:, None] * (np.array(person.hair) * 0.8 - colour)
    tips = np.isin(parts, HANDS) * 0.06
    colour *= 1 - tips[:, None] * np.array((0, 1, 1))
    colour = np.where((parts == EYE)[:, None], _eye(x - eye_x, z - eye_z), colour)
    suit = np.isin(parts, (TORSO, *_THIGHS)) & (z > 0.80) & (z < 1.33)
    colour = np.where(suit[:, None], _BODYSUIT, colour)
    return np.clip(colour, 0, 1)


def _eye(x: Floats, z: Floats) -> Floats:
    away = np.hypot(x, z)[:, None]
    white, iris = np.array((0.82, 0.81, 0.80)), np.array((0.25, 0.17, 0.11))
    return np.where(away < 0.0028, 0.03, np.where(away < 0.0062, iris, white))


def _inside(x: Floats, z: Floats) -> Floats:
    """1 inside the unit ellipse, falling to 0 over a fifth of its radius."""
    return np.clip((1.1 - np.hypot(x, z)) / 0.2, 0, 1)


def hair(person: Person, texture: Floats) -> Floats:
    """sRGB 0..1 of hair, Px3: streaks along the strands."""
    streak = noise(texture * (7, 0.5), 21) * 0.6 + noise(texture * (19, 0.7), 22) * 0.4
    return np.array(person.hair) * (0.7 + 0.7 * streak)[:, None] + 0.02 * streak[:, None]


def shoes(person: Person, texture: Floats) -> Floats:
    """sRGB 0..1 of shoes, Px3: a pale sole below."""
    sole = texture[:, 1:] < 0.016
    upper = np.broadcast_to(np.array(person.shoes), (len(texture), 3))
    return np.where(sole, 0.88 if sum(person.shoes) < 2 else 0.75, upper)


def cloth(garment: Garment, texture: Floats, front: Floats, edge: Floats) -> Floats:
    """sRGB 0..1 of a garment, Px3: its pattern, hems, and trims."""
    colour = garment.pattern.colour(texture, front)
    seam = np.exp(-(((edge - 0.016) / 0.0022) ** 2)) * 0.18 + np.clip(1 - edge / 0.004, 0, 1) * 0.10
    colour = colour * (1 - seam)[:, None]
    x, z = texture.T
    if garment.family == "sweatshirt":
        rib = np.clip((0.045 - edge) / 0.004, 0, 1) * (0.10 + 0.05 * np.sin(x * 1200))
        colour = colour * (1 - rib)[:, None]
    if garment.family == "shirt":
        collar = np.clip((0.055 - edge) / 0.003, 0, 1) * (z > 1.34)
        outline = np.exp(-(((edge - 0.055) / 0.002) ** 2)) * (z > 1.34)
        colour = colour + (collar * 0.12)[:, None] * (1 - colour)
        colour = colour * (1 - 0.3 * outline)[:, None]
    if garment.trim and garment.sleeve is not None:
        placket = np.exp(-(((np.abs(x) - 0.016) / 0.002) ** 2)) * (front > 0.5) * (z < 1.40)
        button = _inside(x / 0.0055, ((z % 0.085) - 0.0425) / 0.0055) * (front > 0.5) * (z < 1.38)
        colour = colour * (1 - 0.25 * placket)[:, None]
        colour += button[:, None] * (
            np.array((0.92, 0.91, 0.88)) * (0.8 if sum(garment.pattern.colours[0]) > 1.8 else 1) - colour
        )
    elif garment.trim:
        band = np.exp(-(((garment.waist - 0.038 - z) / 0.0022) ** 2))
        fly = np.exp(-((x / 0.0025) ** 2)) * (front > 0.5) * (z < garment.waist - 0.04) * (z > garment.waist - 0.18)
        pocket = np.abs(np.hypot(np.abs(x) - 0.17, z - garment.waist + 0.03) - 0.085)
        pocket_line = np.exp(-((pocket / 0.002) ** 2)) * (front > 0.5) * (z < garment.waist - 0.04)
        crease = np.maximum(np.maximum(band, fly), pocket_line) * 0.3
        colour = colour * (1 - crease)[:, None]
    return np.clip(colour, 0, 1)
