"""Hair: styles, sampled, and their colour.

The contract that must not break: a style is a function of the generator's state alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from studio.mesh import Floats
from studio.patterns import Colour, noise

COLOURS: tuple[Colour, ...] = (
    (0.085, 0.075, 0.075), (0.13, 0.10, 0.085), (0.21, 0.145, 0.105), (0.32, 0.22, 0.145), (0.47, 0.335, 0.215),
    (0.70, 0.56, 0.38), (0.45, 0.23, 0.14), (0.56, 0.55, 0.54),
)  # fmt: skip
"""From black to blond, red and grey."""


@dataclass(frozen=True)
class Cut:
    """How hair is cut and combed; lengths in metres."""

    cap: float
    """Thickness of the hair that lies on the scalp."""
    top: float = 0.0
    """Length of the strands on top; 0 for none."""
    side: float = 0.0
    """Length of the strands at the ears and at the nape."""
    strands: int = 0
    width: float = 0.006
    """Of a strand."""
    comb: tuple[float, float, float] = (0.0, 0.4, -0.5)
    """Where strands are combed to: outwards from the parting, to the back, up."""
    lift: float = 0.012
    """Height of the strands' tips over the scalp."""
    weight: float = 0.25
    """How much strands turn to the floor with each step."""
    wave: float = 0.0
    """Radius of waves and curls."""
    turns: float = 0.0
    """Windings of waves and curls a metre."""
    scatter: float = 0.12
    """How much strands differ in where they are combed to."""
    locks: int = 0
    """How many locks strands gather in; 0 for none."""
    gathered: tuple[float, float, float] | None = None
    """Where hair is tied together: to the left, back and up from the skull's centre."""


CUTS = {
    "shaved": Cut(0.0035),
    "short": Cut(0.010, 0.035, 0.012, 800, locks=150, comb=(0.25, -0.5, 0.25), lift=0.016, weight=0.08),
    "side-part": Cut(0.009, 0.07, 0.012, 800, locks=110, comb=(1.0, 0.25, 0.25), lift=0.020, weight=0.10),
    "swept-back": Cut(0.009, 0.09, 0.02, 800, locks=110, comb=(0.15, 1.0, 0.15), lift=0.020, weight=0.08),
    "fringe": Cut(0.010, 0.085, 0.045, 900, locks=90, comb=(0.35, -0.75, 0.0), lift=0.013, weight=0.18),
    "pixie": Cut(0.010, 0.085, 0.04, 900, locks=90, comb=(0.9, -0.35, 0.0), lift=0.016, weight=0.2),
    "bob": Cut(0.010, 0.27, 0.16, 1300, width=0.008, locks=110, comb=(1.0, 0.1, 0.0), lift=0.020, weight=0.45),
    "long": Cut(0.010, 0.50, 0.40, 1400, width=0.010, locks=120, comb=(1.0, 0.15, 0.0), lift=0.018, weight=0.45),
    "wavy": Cut(0.012, 0.46, 0.36, 1400, width=0.010, locks=120, comb=(1.0, 0.15, 0.0), lift=0.026, weight=0.45,
                wave=0.009, turns=11.0),
    "ponytail": Cut(0.008, 0.17, 0.13, 900, comb=(0.3, 1.0, 0.2), lift=0.004, weight=0.0, gathered=(0.0, 0.115, 0.055)),
    "bun": Cut(0.008, 0.17, 0.13, 900, comb=(0.3, 1.0, 0.3), lift=0.004, weight=0.0, gathered=(0.0, 0.055, 0.125)),
    "curly": Cut(0.018, 0.20, 0.13, 900, width=0.007, comb=(0.45, 0.0, 0.2), lift=0.04, weight=0.22, wave=0.011,
                 turns=38.0, scatter=0.45),
    "short-curls": Cut(0.014, 0.06, 0.02, 900, comb=(0.2, -0.2, 0.1), lift=0.018, weight=0.0, wave=0.008, turns=55.0,
                       scatter=0.8),
    "afro": Cut(0.042, 0.05, 0.045, 1400, comb=(0.0, 0.0, 0.0), lift=0.014, weight=0.0, wave=0.009, turns=70.0,
                scatter=1.0),
}  # fmt: skip
HAIR_STYLES = tuple(CUTS)
_WOMENS = ("long", "long", "wavy", "wavy", "bob", "bob", "ponytail", "bun", "pixie", "fringe", "curly", "afro")
_MENS = ("short", "short", "side-part", "side-part", "swept-back", "fringe", "shaved", "short-curls")


@dataclass(frozen=True)
class Hair:
    """Someone's hair."""

    style: str
    """One of HAIR_STYLES."""
    colour: Colour
    cut: Cut
    parting: float
    """Metres to the left of the skull's middle."""
    seed: int

    @property
    def height(self) -> float:
        """Metres that the hair rises over the head, about."""
        return self.cut.cap + self.cut.lift + (0.07 if self.style == "bun" else 0.0)


def sample_hair(rng: np.random.Generator, *, feminine: bool, dark_skin: bool) -> Hair:
    """Random hair; afros on dark skins alone, fair hair on others."""
    style = str(rng.choice(_WOMENS if feminine else _MENS))
    colour = COLOURS[int(rng.choice(len(COLOURS), p=(0.2, 0.17, 0.17, 0.14, 0.12, 0.1, 0.06, 0.04)))]
    curls = ("afro" if rng.random() < 0.5 else "curly") if feminine else "short-curls"
    if dark_skin:
        colour = COLOURS[int(rng.integers(3))]
        style = curls if style in ("fringe", "wavy") else style
    elif style == "afro":
        style = "wavy"
    cut = CUTS[style]
    longer = rng.uniform(0.88, 1.12)
    cut = replace(cut, top=cut.top * longer, side=cut.side * longer)
    parting = float(rng.choice((-0.035, 0.0, 0.035))) + rng.normal(0, 0.004)
    return Hair(style, colour, cut, parting, int(rng.integers(1 << 31)))


def hair_colour(hair: Hair, skin: Colour, texture: Floats, edge: Floats) -> Floats:
    """sRGB 0..1 of hair, Px3: lighter and darker strands, dark at the roots, thin at the hairline.

    `texture` Px2 is across and along the strands, `edge` P metres from the hairline.
    """
    across, along = texture.T
    fine = noise(np.stack([across * 9, along * 6], axis=1), 21)
    coarse = noise(np.stack([across * 1.7, along * 3], axis=1), 22)
    shade = 0.62 + 0.36 * fine + 0.34 * coarse
    colour = np.array(hair.colour) * shade[:, None] + 0.015 * fine[:, None]
    reach = 0.012 if hair.style != "shaved" else 0.03
    ragged = edge / reach + 0.5 * (noise(np.stack([across * 6, along * 2], axis=1), 23) - 0.5)
    share = np.clip(ragged, 0.15, 0.72 if hair.style == "shaved" else 1)
    bare: Floats = np.array(skin) * 0.92
    return np.clip(bare + share[:, None] * (colour - bare), 0, 1)
