"""The colour of cloth: a garment's pattern with its seams, ribs, buttons, pockets and waistband.

The contract that must not break: colours depend on a point's place on the garment alone, never on pose or light.
"""

from __future__ import annotations

import numpy as np

from studio.folds import RIBBED
from studio.garments import Garment
from studio.mesh import Floats
from studio.patterns import noise

_THREAD = np.array((0.74, 0.52, 0.26))
"""Jeans' topstitching."""
_METAL = np.array((0.66, 0.55, 0.40))


def cloth(garment: Garment, texture: Floats, front: Floats, edge: Floats) -> Floats:
    """sRGB 0..1 of a garment, Px3: its pattern, hems, and trims."""
    colour = garment.pattern.colour(texture, front)
    if garment.pattern.kind == "denim":
        colour = _faded(colour, garment, texture)
    seam = 0.2 * _line(edge - 0.016, 0.0018) * (garment.family not in RIBBED) + np.clip(1 - edge / 0.0035, 0, 1) * 0.24
    colour = colour * (1 - seam)[:, None]
    if garment.family in RIBBED:
        colour = _ribbed(colour, garment, texture, edge)
    if garment.sleeve is not None:
        colour = _label(colour, texture, front, edge)
        if garment.family == "hoodie":
            colour = _cords(colour, texture, front)
        if garment.trim:
            colour = _buttons(colour, garment, texture, front)
    elif garment.leg is not None:
        colour = _trousers(colour, garment, texture, front)
    else:
        band = _line(garment.waist - 0.038 - texture[:, 1], 0.0018)
        colour = colour * (1 - 0.22 * band)[:, None]
    return np.clip(colour, 0, 1)


def _line(distance: Floats, width: float) -> Floats:
    """1 on a line, falling to 0 over its width (metres)."""
    line: Floats = np.exp(-((distance / width) ** 2))
    return line


def _spot(x: Floats, y: Floats, radius: float) -> Floats:
    """1 inside a disc, falling to 0 at its rim."""
    spot: Floats = np.clip((radius - np.hypot(x, y)) / 0.001, 0, 1)
    return spot


def _mixed(colour: Floats, other: Floats, amount: Floats) -> Floats:
    mixed: Floats = colour + amount[:, None] * (other - colour)
    return mixed


def _faded(colour: Floats, garment: Garment, texture: Floats) -> Floats:
    """Denim worn pale on the thighs and knees, and along seams."""
    x, z = np.abs(texture[:, 0]), texture[:, 1]
    thigh = np.exp(-(((x - 0.105) / 0.045) ** 2)) * (0.30 * np.exp(-(((z - 0.68) / 0.13) ** 2)))
    knee = 0.18 * np.exp(-(((x - 0.105) / 0.05) ** 2 + ((z - 0.48) / 0.08) ** 2))
    pale = (thigh + knee) * (garment.leg is not None) * (0.7 + 0.6 * noise(texture / 0.03, garment.pattern.seed))
    return _mixed(colour, 0.45 * colour + 0.55, np.clip(pale, 0, 1))


def _ribbed(colour: Floats, garment: Garment, texture: Floats, edge: Floats) -> Floats:
    """Ribs along hems, cuffs and a round neck."""
    wide = np.where(texture[:, 1] > 1.36, 0.024, 0.055)
    pocket = (np.abs(texture[:, 0]) < 0.16) & (texture[:, 1] > garment.hem + 0.07) & (texture[:, 1] < 1.36)
    rib = np.clip((wide - edge) / 0.002, 0, 1) * ~pocket
    if garment.family == "hoodie":  # the hood and its seam have none
        rib = rib * (texture[:, 1] < 1.36)
    shade = rib * (0.05 + 0.055 * np.sin(texture[:, 0] * 2 * np.pi / 0.0075))
    shade += 0.15 * _line(edge - wide, 0.002) * (rib > 0)
    shaded: Floats = colour * (1 - shade)[:, None]
    return shaded


def _label(colour: Floats, texture: Floats, front: Floats, edge: Floats) -> Floats:
    """A blank label and a tape inside the back of the neck."""
    back = (front < 0.3) & (texture[:, 1] > 1.44)
    tape = back & (np.abs(texture[:, 0]) < 0.075) & (edge < 0.009)
    label = back & (np.abs(texture[:, 0]) < 0.021) & (edge > 0.012) & (edge < 0.042) & (texture[:, 1] > 1.515)
    colour = np.where(tape[:, None], 0.75 * colour + 0.15, colour)
    return np.where(label[:, None], (0.90, 0.89, 0.86), colour)


def _cords(colour: Floats, texture: Floats, front: Floats) -> Floats:
    """Two cords that hang from the hood."""
    x, z = np.abs(texture[:, 0]), texture[:, 1]
    side = x - 0.036 - 0.03 * np.clip(1.43 - z, 0, 1)
    length = (z < 1.455) & (z > np.where(texture[:, 0] > 0, 1.285, 1.30)) & (front > 0.5)
    tip = z < np.where(texture[:, 0] > 0, 1.305, 1.32)
    shadow = 0.35 * _line(side - 0.005, 0.0035) * length
    pale = np.where(tip[:, None], 0.3, 0.35 * colour + 0.62)
    return _mixed(colour * (1 - shadow)[:, None], pale, np.clip((0.0042 - np.abs(side)) / 0.001, 0, 1) * length)


def _buttons(colour: Floats, garment: Garment, texture: Floats, front: Floats) -> Floats:
    """A button every 8.5 cm, pale on dark cloth and grey on pale cloth, with its thread."""
    x, z = texture.T
    place = (z % 0.085) - 0.0425
    here = (front > 0.5) * (z < 1.47)
    pale = 0.93 if sum(garment.pattern.colours[0]) < 1.9 else 0.74
    button = _spot(x, place, 0.0062) * here
    colour = colour * (1 - 0.3 * (_spot(x - 0.0008, place + 0.0016, 0.0068) * here))[:, None]
    holes = _spot(np.abs(x) - 0.0013, np.abs(place) - 0.0013, 0.0012) * here
    return _mixed(_mixed(colour, np.full(3, pale), button), np.full(3, 0.45), holes)


def _trousers(colour: Floats, garment: Garment, texture: Floats, front: Floats) -> Floats:
    """Waistband, loops, button, fly and pockets; jeans have them topstitched."""
    x, down = texture[:, 0], garment.waist - texture[:, 1]
    jeans = garment.pattern.kind == "denim"
    ahead, below = front > 0.5, down > 0.04
    band = _line(down - 0.04, 0.0016)
    rise = 0.17
    fly = _line(x, 0.0016) * ahead * below * (down < rise + 0.07)
    turn = np.hypot(np.maximum(x, 0), np.maximum(down - rise + 0.034, 0)) - 0.034
    stitch = _line(turn, 0.0014) * ahead * below * (x > 0) * (down < rise + 0.001)
    if jeans:
        pocket = np.hypot((np.abs(x) - 0.205) / 0.10, (down - 0.03) / 0.082) - 1
        opening = _line(pocket * 0.085, 0.0018) * ahead * below
        stitch = np.maximum(stitch, _line((pocket - 0.06) * 0.085, 0.0014) * ahead * below)
    else:
        opening = _line((np.abs(x) - 0.115 - 0.35 * (down - 0.04)) * 0.94, 0.0018) * ahead * below * (down < 0.20)
    lines = np.maximum(np.maximum(band, fly), opening)
    colour = colour * (1 - 0.34 * lines)[:, None]
    if jeans:
        double = np.maximum(_line(down - 0.036, 0.0012), _line(down - 0.004, 0.0012))
        colour = _mixed(colour, _THREAD, 0.65 * np.maximum(stitch, double))
    else:
        colour = colour * (1 - 0.18 * stitch)[:, None]
    side = np.minimum(np.abs(np.abs(x) - 0.085), np.abs(np.abs(x) - 0.195))
    loop = np.clip((0.0062 - side) / 0.001, 0, 1) * (down < 0.050) * (down > -0.01)
    rim = _line(side - 0.0068, 0.0014) * (down < 0.050)
    colour = _mixed(colour, 0.93 * colour, loop) * (1 - 0.35 * rim)[:, None]
    button = _spot(x - 0.004, down - 0.02, 0.0085 if jeans else 0.006) * ahead
    shadow = _spot(x - 0.005, down - 0.022, 0.0092 if jeans else 0.0066) * ahead
    colour = colour * (1 - 0.4 * shadow)[:, None]
    return _mixed(colour, _METAL if jeans else 0.6 * colour + 0.1, button)
