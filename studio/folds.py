"""Folds: how far cloth stands out or falls in, as a function of place on the garment.

The contract that must not break: folds are the garment's own (a function of its parameters and of place), so packshot
and worn garment fold alike, and never so deep that cloth meets skin (that is for who adds them to see to).
"""

from __future__ import annotations

import numpy as np

from studio.garments import Garment
from studio.mesh import Floats
from studio.patterns import noise, noise_slope
from studio.skin import Skin

RIBBED = ("sweatshirt", "hoodie")
"""Families with ribbed hems and cuffs."""
_SHARP = 0.16
"""How round a crease's edge is: 0 is a knife's."""


def relief(texture: Floats, folding: Floats) -> Floats:
    """What creases too fine for the mesh add to the height of cloth, as slopes Px2 across and up.

    `folding` Px2 is how much (0..1) cloth is dragged lengthwise and creased crosswise at the points.
    """
    slope = np.zeros((len(texture), 2))
    # Creases come and go.
    some = [np.clip(3 * noise(texture / 0.11 + 5.3 * kind, 40) - 0.9, 0, 1) * folding[:, kind] for kind in (0, 1)]
    for turned, size, height, seed, kind in _CREASES:
        here = np.flatnonzero(some[kind] > 1e-3)
        value, rise = noise_slope(texture[here] @ turned / size, seed)
        away = 2 * value - 1
        rise *= (2 * away / np.sqrt(away**2 + _SHARP**2) * height * some[kind][here])[:, None]
        slope[here] -= (rise / size) @ turned.T
    value, rise = noise_slope(texture @ _turn(31) / 0.05, 34)
    fine: Floats = 0.0012 * (rise / 0.05) @ _turn(31).T * folding.max(axis=1, keepdims=True)
    return slope + fine


def _turn(degrees: float) -> Floats:
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[cosine, -sine], [sine, cosine]])


# Turn, size in metres (across, along), height in metres, seed, which kind of folding.
_CREASES = (
    (_turn(24), np.array([0.05, 0.20]), 0.0075, 32, 0),
    (_turn(-21), np.array([0.045, 0.18]), 0.0068, 33, 0),
    (_turn(12), np.array([0.09, 0.032]), 0.0048, 35, 1),
    (_turn(-20), np.array([0.08, 0.028]), 0.0042, 36, 1),
)


def ridges(phase: Floats) -> Floats:
    """-1..1 along a phase in turns: rounded ridges with narrower valleys, as pressed-together cloth has."""
    wave = 0.5 + 0.5 * np.cos(2 * np.pi * phase)
    folded: Floats = 2 * wave**0.75 - 1
    return folded


def on_top(garment: Garment, skin: Skin, tucked: bool) -> Floats:
    """Metres outwards at the fine skin's vertices, for a top: flutes that grow towards the hem, rings on sleeves."""
    x, y, z = skin.rest.T
    seed = garment.pattern.seed
    side = np.where(y < -0.02, 0.0, 5.0)
    plane = np.stack([x, z], axis=1)
    warp = 0.5 * noise(plane / 0.14 + side[:, None], seed) + 1.1 * noise(plane / 0.3, seed + 1)
    flutes = ridges((x + np.sign(x) * (1.2 - z) * 0.35) / 0.13 + warp + side)
    low = np.clip((1.36 - z) / 0.4, 0, 1)
    some = noise(plane / 0.16 + side[:, None], seed + 2)
    loose = np.clip((garment.ease - 0.008) * 0.3, 0.0006, 0.0075) * (garment.skirt is None)
    trunk = flutes * (0.1 + 0.9 * some) * low * loose
    if tucked:
        trunk = trunk + 0.004 * np.exp(-(((z - 1.15) / 0.06) ** 2)) * ridges(x / 0.06 + warp)
    rib = np.clip((garment.hem + 0.06 - z) / 0.015, 0, 1) * (garment.family in RIBBED)
    trunk = trunk * (1 - rib) - 0.4 * garment.ease * rib * (not tucked)
    on_arm = np.clip((skin.arm - 0.35) / 0.4, 0, 1)
    folded: Floats = trunk * (1 - on_arm) + _on_sleeve(garment, skin) * on_arm
    return folded


def _on_sleeve(garment: Garment, skin: Skin) -> Floats:
    """Rings across the arm: at the elbow, and above the cuff."""
    x, y, _ = skin.rest.T
    along = skin.along * 0.56
    place = np.stack([along, y + 0.4 * np.abs(x)], axis=1)
    warp = 1.8 * noise(place / 0.09, garment.pattern.seed + 3) + 4.0 * y
    depth = np.clip(garment.ease * 0.09, 0.001, 0.0032)
    elbow = np.exp(-(((skin.along - 0.52) / 0.13) ** 2))
    end = garment.sleeve or 0.0
    cuff = 1.2 * np.exp(-(((skin.along - end + 0.16) / 0.08) ** 2)) if end > 0.6 else 0 * along
    rest = 0.35 * noise(place / 0.1, garment.pattern.seed + 4)
    rings: Floats = ridges(along / 0.042 + warp) * depth * (elbow + cuff + rest)
    return rings


def on_hips(garment: Garment, angle: Floats, down: Floats, rise: float) -> Floats:
    """Metres outwards on the hips' grid of trousers, rows down (Lx1) by angles: creases that run to the crotch."""
    turn = (angle + np.pi) % (2 * np.pi) - np.pi
    height = (rise - down) / rise
    slant = np.abs(turn) * 0.9 - height * 1.1
    front = np.exp(-(((np.abs(turn) - 0.55) / 0.4) ** 2)) * np.exp(-(((height - 0.22) / 0.2) ** 2))
    whiskers: Floats = 0.0035 * front * ridges(slant / 0.36 + 0.002 * (garment.pattern.seed % 97))
    return whiskers


def on_leg(garment: Garment, angle: Floats, level: Floats, knee: float) -> Floats:
    """Metres outwards on a leg's grid: rings at knee and shoe, flutes of wide legs, a pressed crease on slacks."""
    seed, down = garment.pattern.seed, (level[0] - level)[:, None]
    place = np.stack(np.broadcast_arrays(angle / 4, down / 0.16), axis=-1).reshape(-1, 2)
    warp = noise(place, seed).reshape(len(level), -1)
    some = noise(place + 9.1, seed + 1).reshape(len(level), -1)
    below = (level - level[-1])[:, None]
    at_knee = np.exp(-(((level - knee) / 0.07) ** 2))[:, None] * (0.25 + 0.75 * (np.cos(angle) < 0.3))
    over_shoe = np.exp(-(((below - 0.05) / 0.05) ** 2)) if level[-1] < 0.2 else 0 * below
    rings = ridges(down / 0.055 + 0.9 * warp + 0.25 * np.sin(angle)) * some * (0.7 * at_knee + 1.2 * over_shoe + 0.3)
    flutes = ridges(angle * 5 / (2 * np.pi) + warp * 0.6 + 0.15) * np.clip(down / 0.4, 0, 1)
    wide = float(np.clip((garment.leg or (0, 0))[1] / 0.05 - 1.5, 0, 1))
    folded = 0.0018 * rings * (1 - 0.7 * wide) + 0.006 * wide * flutes
    if garment.family == "slacks":
        turn = np.abs((angle + np.pi) % (2 * np.pi) - np.pi)
        crease = np.maximum(1 - turn / 0.4, 0) + np.maximum(1 - (np.pi - turn) / 0.4, 0)
        folded = 0.4 * folded + 0.009 * crease * np.clip((down - 0.05) / 0.1, 0, 1)
    result: Floats = folded * np.clip(down / 0.15, 0, 1)
    return result


def on_skirt(garment: Garment, angle: Floats, share: Floats, down: Floats) -> Floats:
    """How much a skirt's radius grows, as a share of it, by rows (share of length, metres down; Lx1) and angles."""
    phase = garment.pattern.seed % 628 / 100
    wobble = 0.12 * np.sin(2 * angle + phase) + 0.07 * np.sin(3 * angle + 2 * phase)
    if garment.pleats:  # pressed pleats, all to one side, from the hip down
        turn = (20 * angle / (2 * np.pi)) % 1
        hanging = garment.pleats * (turn - 0.5) * np.minimum(1, 5 * (1 - turn)) * np.clip(down / 0.16, 0, 1)
        hanging = hanging * (0.7 + 0.5 * share)
    else:
        flutes = ridges((9 * angle + phase) / (2 * np.pi) + wobble * 2.2)
        hanging = 0.24 * garment.flare * share**1.2 * flutes * (0.7 + 0.3 * np.sin(5 * angle + phase))
    soft = 0.004 * np.clip(down / 0.2, 0, 1) * ridges(6 * angle / (2 * np.pi) + phase + wobble + 0.5 * share)
    result: Floats = hanging + soft
    return result


def folding_on_top(garment: Garment, skin: Skin) -> Floats:
    """How much cloth over the skin's vertices is dragged lengthwise and creased crosswise, Vx2 in 0..1."""
    x, _, z = skin.rest.T
    loose = np.clip(0.35 + garment.ease / 0.035, 0, 1.25)
    on_arm = np.clip((skin.arm - 0.35) / 0.4, 0, 1)
    armpit = np.exp(-((np.hypot(np.abs(x) - 0.17, z - 1.36) / 0.09) ** 2))
    long = loose * np.clip((1.47 - z) / 0.2, 0.1, 1) + 0.4 * armpit
    waist = 0.5 * np.exp(-(((z - 1.12) / 0.08) ** 2))
    elbow = np.exp(-(((skin.along - 0.5) / 0.16) ** 2))
    cuff = np.exp(-(((skin.along - 0.85) / 0.12) ** 2))
    across = (0.25 + elbow + 0.8 * cuff) if (garment.sleeve or 0) > 0.6 else 0.2 + 0 * elbow
    drags = long * (1 - on_arm) + 0.45 * loose * on_arm
    creases = (waist + 0.5 * armpit) * (1 - on_arm) + across * on_arm
    folding: Floats = np.clip(np.stack([drags, creases], axis=1), 0, 1.5)
    return folding


def folding_on_leg(level: Floats, knee: float, crotch: float, long: bool) -> Floats:
    """The same at heights of trousers on the mean body, Px2."""
    at_knee = np.exp(-(((level - knee) / 0.09) ** 2))
    at_crotch = np.exp(-(((level - crotch) / 0.07) ** 2))
    over_shoe = np.exp(-(((level - 0.15) / 0.07) ** 2))
    drags = np.clip((crotch + 0.1 - level) / 0.2, 0, 1) * 0.45
    return np.stack([drags, 0.15 + 0.7 * at_crotch + (0.8 * at_knee + 0.9 * over_shoe) * long], axis=1)
