"""What a garment's cloth looks like: a colour for every point of its texture plane, in metres.

The contract that must not break: a pattern is a pure function of texture coordinates, so packshot and worn garment
show the same colour at the same point; edges are soft over a few millimetres, so pictures sample them without steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from studio.mesh import Floats

PATTERNS = ("plain", "stripes", "pinstripes", "checks", "dots", "print", "logo", "denim", "heather")
Colour = tuple[float, float, float]

_SOFT = 0.0025
"""Half the width of a pattern's soft edges, metres."""


@dataclass(frozen=True)
class Pattern:
    """`colours` are sRGB 0..1: ground, figure, accent; `scale` is the repeat in metres."""

    kind: str
    colours: tuple[Colour, Colour, Colour]
    scale: float
    seed: int

    def colour(self, texture: Floats, front: Floats) -> Floats:
        """sRGB 0..1, Px3, at Px2 texture coordinates (across, up from the floor); `front` is 1 there, 0 behind."""
        ground, figure, accent = np.array(self.colours)
        x, y = texture.T
        amount, other = np.zeros(len(x)), np.zeros(len(x))
        if self.kind == "stripes":
            amount = _band(y, self.scale, 0.5)
        elif self.kind == "pinstripes":
            amount = _band(x, self.scale * 0.6, 0.22)
        elif self.kind == "checks":
            amount = 0.5 * _band(x, self.scale, 0.5) + 0.5 * _band(y, self.scale, 0.5)
            other = 0.7 * np.maximum(_band(x + self.scale / 4, self.scale, 0.1), _band(y, self.scale, 0.1))
        elif self.kind == "dots":
            row = np.floor(y / self.scale)
            gap = self.scale
            away = np.hypot((x + row * gap / 2) % gap - gap / 2, y % gap - gap / 2)
            amount = _edge(gap * 0.26 - away)
        elif self.kind == "print":
            amount = _edge((noise(texture / self.scale, self.seed) - 0.56) * self.scale)
            other = _edge((noise(texture / self.scale + 7.3, self.seed + 1) - 0.66) * self.scale)
        elif self.kind == "logo":
            amount, other = _logo(x, y, self.seed)
            amount, other = amount * front, other * front
        elif self.kind == "denim":
            amount = 0.16 * noise(texture / 0.12, self.seed) + 0.14 * noise(texture / (0.006, 0.012), self.seed + 1)
        elif self.kind == "heather":
            amount = 0.4 * noise(texture * (1, 0.4) / 0.006, self.seed)
        mixed = ground + (figure - ground) * amount[:, None]
        result: Floats = mixed + (accent - mixed) * other[:, None]
        return result


def noise(points: Floats, seed: int) -> Floats:
    """Smooth value noise 0..1 at Px2 points, one knot per unit, repeating after 64."""
    part, (a, b, c, d) = _corners(points, seed)
    x, y = _ease(part).T
    low, high = a + (b - a) * x, c + (d - c) * x
    smooth: Floats = low + (high - low) * y
    return smooth


def noise_slope(points: Floats, seed: int) -> tuple[Floats, Floats]:
    """`noise` at Px2 points, P, and its gradient per unit, Px2."""
    part, (a, b, c, d) = _corners(points, seed)
    (x, y), (dx, dy) = _ease(part).T, (6 * part * (1 - part)).T
    low, high = a + (b - a) * x, c + (d - c) * x
    across = (b - a) + (d - c - b + a) * y
    slope = np.stack([across * dx, (high - low) * dy], axis=1)
    return low + (high - low) * y, slope


def _corners(points: Floats, seed: int) -> tuple[Floats, list[Floats]]:
    """Where in their cells points are, Px2, and the cells' knots: (0, 0), (1, 0), (0, 1), (1, 1), each P."""
    knots = _knots(seed).ravel()
    floor = np.floor(points)
    i, j = floor.astype(np.int64).T & 63
    right, up = (i + 1 & 63) * 64, j + 1 & 63
    return points - floor, [knots.take(index) for index in (i * 64 + j, right + j, i * 64 + up, right + up)]


@lru_cache(64)
def _knots(seed: int) -> Floats:
    return np.random.default_rng([seed, 64]).random((64, 64))


def _ease(t: Floats) -> Floats:
    return t * t * (3 - 2 * t)


def _edge(distance: Floats) -> Floats:
    """0 outside to 1 inside, soft around distance 0 (metres)."""
    return _ease(np.clip(distance / (2 * _SOFT) + 0.5, 0, 1))


def _band(x: Floats, period: float, share: float) -> Floats:
    return _edge(period * share / 2 - np.abs(x % period - period / 2))


def _logo(x: Floats, y: Floats, seed: int) -> tuple[Floats, Floats]:
    """A made-up sign on the chest: a ring or a bar with a bite, and a dot."""
    rng = np.random.default_rng([seed, 2])
    radius, centre = rng.uniform(0.045, 0.08), rng.uniform(1.26, 1.30)
    across, up = x - rng.choice((0.0, 0.0, 0.07)), y - centre
    away = np.hypot(across, up)
    if rng.random() < 0.5:
        figure = _edge(radius * 0.25 - np.abs(away - radius * 0.75))
    else:
        figure = _edge(np.minimum(radius * 1.3 - np.abs(across), radius * 0.35 - np.abs(up)))
        figure = figure * (1 - _edge(radius * 0.3 - np.hypot(across - radius, up)))
    return figure, _edge(radius * 0.3 - away)
