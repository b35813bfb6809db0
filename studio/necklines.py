"""Where tops and bodices end: necklines, armholes, cuffs and hems as distances on the mean body at rest.

The contract that must not break: fields are smooth functions of smooth coordinates, so edges are smooth lines.
"""

from __future__ import annotations

import numpy as np

from studio.garments import Garment
from studio.mesh import Floats
from studio.skin import Skin

ARM_LENGTH = 0.56
"""Metres from shoulder to wrist on the mean body."""
_ARMHOLE = {"straps": 0.44, "scoop": 0.40}
"""How far onto the arm a sleeveless top reaches, by neck: 0.5 is the body's own armhole."""


def top_field(garment: Garment, skin: Skin, cloth: Floats) -> Floats:
    """Metres inside a top's edges over the skin's vertices; negative outside.

    `cloth` is where cloth over them lies on the mean body at rest: lines drawn there are straight on the cloth.
    """
    assert garment.sleeve is not None
    x, y, z = cloth.T
    neck = neck_field(garment.neck or "crew", x, y, z)
    hem = z - garment.hem
    if garment.sleeve == 0:
        armhole = (_ARMHOLE.get(garment.neck or "", 0.46) - skin.arm) * 0.11
        sleeveless: Floats = np.minimum(np.minimum(neck, hem), armhole)
        return sleeveless
    cuff = (garment.sleeve - skin.along) * ARM_LENGTH
    field: Floats = np.minimum(neck, np.where(skin.arm > 0.5, cuff, hem))
    return field


def neck_field(neck: str, x: Floats, y: Floats, z: Floats) -> Floats:
    """Metres below a neckline at points of the mean body at rest."""
    across = np.abs(x)
    ring = 1.555 + 0.48 * (y - 0.06) + 13 * np.maximum(across - (0.07 if neck == "boat" else 0.03), 0) ** 2
    if neck == "straps":
        bare = 1.378 - 0.008 * np.tanh(y / 0.05) - 0.012 * np.exp(-((x / 0.03) ** 2)) * (y < 0)
        strap = 0.0085 - np.abs(across - 0.098)
        straps: Floats = np.maximum(bare - z, np.minimum(strap, 0.3))
        return straps
    if neck == "collar":  # up the neck to the fold of the collar; the front is open to the second button
        ring = 1.592 + 0.42 * (y - 0.06)
        collar: Floats = np.minimum(ring - z, np.where(y < 0, (1.45 + 5.0 * across - z) / 5.1, 0.3))
        return collar
    if neck == "hood":
        ring = ring + 0.008
    front = {"v": (1.36 + 1.9 * across - z) / 2.1, "open": (1.44 + 1.6 * across - z) / 1.9,
             "scoop": (1.395 + 17 * across**2 - z) / (1 + 12 * across)}.get(neck, ring - z)  # fmt: skip
    below: Floats = np.where(y < 0, np.minimum(ring - z, front), ring - z)
    return below
