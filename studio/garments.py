"""Garments as parameters, and their sampling: families of tops, bottoms and dresses.

The contract that must not break: heights are those of the mean body at rest (metres from the floor), so one garment
fits every body by the same landmarks; a garment is a function of the generator's state alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from studio.patterns import Colour, Pattern
from vitonhd.garment_classes import GarmentClass
from vitonhd.labels import CIHP

WAIST = 1.09
HIP = 0.90


@dataclass(frozen=True)
class Garment:
    """One garment; what does not apply to its family is None."""

    family: str
    garment_class: GarmentClass
    label: int
    """CIHP id in parses."""
    pattern: Pattern
    ease: float
    """Metres between body and cloth where it hangs loosest."""
    sleeve: float | None = None
    """Share of the arm that is covered, 0 for a cut at the armhole; None for bottoms."""
    neck: str | None = None
    """crew, scoop, v, open (a short v), boat, straps, collar (a shirt's), or hood."""
    waist: float = WAIST
    """Height of a bottom's upper edge, or of a dress's seam."""
    hem: float = HIP
    """Height of the lower edge of what is cut from the body's surface."""
    skirt: float | None = None
    """Height of a skirt's hem; None where there is no skirt."""
    flare: float = 0.0
    """Metres that a skirt's radius grows per metre downwards."""
    leg: tuple[float, float] | None = None
    """Trousers only: metres from a leg's axis to the cloth at knee and hem."""
    pleats: float = 0.0
    """Depth of a skirt's folds at the hem, as a share of its radius."""
    trim: bool = False
    """A placket with buttons (tops) or a fly (bottoms)."""


THICK = ("sweatshirt", "hoodie")
"""Tops that nobody tucks in."""
# family: ease range, sleeve range, necks, hem range, patterns that suit it
_TOPS = {
    "tee": ((0.012, 0.035), (0.36, 0.5), ("crew", "v"), (0.90, 0.95), "plain stripes logo print heather"),
    "long-sleeve": ((0.01, 0.03), (0.93, 0.98), ("crew", "boat", "v"), (0.90, 0.95), "plain stripes heather logo"),
    "shirt": ((0.02, 0.035), (0.94, 0.98), ("collar",), (0.90, 0.92), "plain pinstripes checks denim"),
    "sleeveless": ((0.008, 0.02), (0.0, 0.0), ("crew", "scoop", "v"), (0.91, 0.97), "plain stripes dots print"),
    "crop": ((0.008, 0.02), (0.0, 0.42), ("crew", "scoop"), (1.06, 1.12), "plain stripes dots logo"),
    "sweatshirt": ((0.03, 0.05), (0.94, 0.98), ("crew",), (0.91, 0.95), "plain logo heather"),
    "hoodie": ((0.03, 0.05), (0.94, 0.98), ("hood",), (0.90, 0.94), "plain logo heather"),
}
# family: ease range, hem range, leg's radius at the knee and at the hem, patterns
_LEGS = {
    "jeans": ((0.006, 0.012), (0.10, 0.125), (0.064, 0.082), (0.056, 0.076), "denim"),
    "slacks": ((0.010, 0.018), (0.10, 0.12), (0.078, 0.088), (0.060, 0.068), "plain pinstripes heather"),
    "wide": ((0.012, 0.02), (0.095, 0.12), (0.105, 0.125), (0.110, 0.135), "plain denim checks"),
    "shorts": ((0.012, 0.025), (0.58, 0.72), (0.10, 0.12), (0.10, 0.12), "plain denim checks"),
}
# family: ease range, hem range, flare range, patterns
_SKIRTS = {
    "mini-skirt": ((0.008, 0.015), (0.62, 0.70), (0.0, 0.35), "plain checks denim dots"),
    "midi-skirt": ((0.008, 0.015), (0.32, 0.46), (0.0, 0.3), "plain checks print dots pinstripes"),
    "long-skirt": ((0.008, 0.015), (0.10, 0.2), (0.05, 0.22), "plain print stripes dots"),
}
_DRESSES = {"mini-dress": (0.62, 0.70), "midi-dress": (0.36, 0.48), "long-dress": (0.10, 0.2)}
_DRESS_PATTERNS = "plain print dots checks stripes"
FAMILIES = {
    GarmentClass.UPPER: tuple(_TOPS),
    GarmentClass.LOWER: (*_LEGS, *_SKIRTS),
    GarmentClass.DRESS: tuple(_DRESSES),
}

_CLOTH: tuple[Colour, ...] = (
    (0.93, 0.92, 0.89), (0.10, 0.10, 0.12), (0.55, 0.55, 0.57), (0.13, 0.18, 0.33), (0.78, 0.70, 0.58),
    (0.36, 0.42, 0.30), (0.62, 0.16, 0.18), (0.90, 0.72, 0.74), (0.66, 0.78, 0.88), (0.40, 0.27, 0.20),
    (0.88, 0.76, 0.40), (0.30, 0.48, 0.62), (0.72, 0.66, 0.82), (0.24, 0.35, 0.28), (0.85, 0.45, 0.30),
)  # fmt: skip
_DENIM: tuple[Colour, ...] = ((0.20, 0.28, 0.42), (0.38, 0.50, 0.65), (0.58, 0.68, 0.78), (0.12, 0.13, 0.16))


def sample_garment(
    garment_class: GarmentClass, rng: np.random.Generator, *, feminine: bool = True, family: str | None = None
) -> Garment:
    """A random garment of a class (or of one of its FAMILIES). Raises ValueError for a family of another class."""
    families = FAMILIES[garment_class]
    if family is not None and family not in families:
        raise ValueError(f"{garment_class} has no family {family!r}; it has {', '.join(families)}")
    if family is None:
        worn = [name for name in families if feminine or not (name in _SKIRTS or name == "crop")]
        family = str(rng.choice(worn))
    if family in _TOPS:
        return _top(family, rng)
    if family in _LEGS:
        return _legs(family, rng)
    return _skirt(family, rng) if family in _SKIRTS else _dress(family, rng)


def _top(family: str, rng: np.random.Generator) -> Garment:
    ease, sleeve, necks, hem, patterns = _TOPS[family]
    sleeve_length = rng.uniform(*sleeve)
    if family == "crop" and sleeve_length < 0.25:
        sleeve_length = 0.0
    return Garment(
        family, GarmentClass.UPPER, CIHP.id("upper-clothes"), _pattern(patterns, rng), rng.uniform(*ease),
        sleeve=sleeve_length, neck=str(rng.choice(necks)), hem=rng.uniform(*hem),
        trim=family == "shirt",
    )  # fmt: skip


def _legs(family: str, rng: np.random.Generator) -> Garment:
    ease, hem, knee, cuff, patterns = _LEGS[family]
    return Garment(
        family, GarmentClass.LOWER, CIHP.id("pants"), _pattern(patterns, rng), rng.uniform(*ease),
        waist=rng.uniform(1.04, 1.11), hem=rng.uniform(*hem), trim=True,
        leg=(rng.uniform(*knee), rng.uniform(*cuff)),
    )  # fmt: skip


def _skirt(family: str, rng: np.random.Generator) -> Garment:
    ease, hem, flare, patterns = _SKIRTS[family]
    return Garment(
        family, GarmentClass.LOWER, CIHP.id("skirt"), _pattern(patterns, rng), rng.uniform(*ease),
        waist=rng.uniform(1.06, 1.12), skirt=rng.uniform(*hem), flare=rng.uniform(*flare),
        pleats=float(rng.choice((0.0, 0.03, 0.06))),
    )  # fmt: skip


def _dress(family: str, rng: np.random.Generator) -> Garment:
    sleeve = float(rng.choice((0.0, 0.0, rng.uniform(0.36, 0.48), rng.uniform(0.9, 0.97))))
    neck = str(rng.choice(("crew", "scoop", "v", "straps") if sleeve == 0 else ("crew", "scoop", "v")))
    waist = rng.uniform(1.05, 1.13)
    return Garment(
        family, GarmentClass.DRESS, CIHP.id("dress"), _pattern(_DRESS_PATTERNS, rng), rng.uniform(0.008, 0.018),
        sleeve=sleeve, neck=neck, waist=waist, hem=waist - 0.008, skirt=rng.uniform(*_DRESSES[family]),
        flare=rng.uniform(0.02, 0.35), pleats=float(rng.choice((0.0, 0.04))),
    )  # fmt: skip


def _pattern(kinds: str, rng: np.random.Generator) -> Pattern:
    kind = str(rng.choice(kinds.split()))
    ground, figure, accent = (_CLOTH[index] for index in rng.choice(len(_CLOTH), 3, replace=False))
    if kind == "denim":
        ground = _DENIM[int(rng.integers(len(_DENIM)))]
        figure = accent = tuple(0.35 + 0.65 * value for value in ground)
    if kind == "heather":
        figure = tuple(0.5 + 0.5 * value for value in ground)
    return Pattern(kind, (ground, figure, accent), rng.uniform(0.03, 0.09), int(rng.integers(1 << 31)))
