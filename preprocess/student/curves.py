"""A run's losses as a picture: one panel for each part, logarithmic, smoothed over what is logged.

The contract that must not break: the panels show the log's own numbers, first and last value in writing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from vitonhd.arrays import Picture

_PANEL = (280, 150)
_COLUMNS = 4
_EDGE = 26
_INK, _LINE, _FAINT = (40, 40, 40), (30, 90, 200), (185, 205, 235)
_SMOOTH = 0.9


def curve_picture(log: Sequence[dict[str, Any]]) -> Picture:
    """The losses of `log` (lines with `step`, `rate` and losses by name) over the steps; uint8 HxWx3."""
    names = [name for name in (log[0] if log else {}) if name != "step"]
    rows = max(1, -(-len(names) // _COLUMNS))
    picture = Image.new("RGB", (_PANEL[0] * _COLUMNS, _PANEL[1] * rows), "white")
    draw = ImageDraw.Draw(picture)
    steps = np.array([line["step"] for line in log], float)
    for place, name in enumerate(names):
        corner = (place % _COLUMNS * _PANEL[0], place // _COLUMNS * _PANEL[1])
        _panel(draw, corner, name, steps, np.array([line[name] for line in log], float))
    return np.array(picture)


def _panel(
    draw: ImageDraw.ImageDraw,
    corner: tuple[int, int],
    name: str,
    steps: npt.NDArray[np.float64],
    values: npt.NDArray[np.float64],
) -> None:
    left, top = corner[0] + 8, corner[1] + _EDGE
    right, bottom = corner[0] + _PANEL[0] - 8, corner[1] + _PANEL[1] - 16
    draw.text((left, corner[1] + 6), f"{name}  {values[0]:.4g} -> {values[-1]:.4g}", fill=_INK)
    draw.text((left, bottom + 2), f"step {steps[-1]:.0f}", fill=_INK)
    draw.rectangle((left, top, right, bottom), outline=(210, 210, 210))
    heights = np.log10(np.maximum(values, 1e-8))
    low, high = heights.min(), max(heights.max(), heights.min() + 1e-6)
    x = left + (right - left) * (steps - steps[0]) / max(steps[-1] - steps[0], 1)
    for series, colour, width in ((heights, _FAINT, 1), (_smoothed(heights), _LINE, 2)):
        y = bottom - (bottom - top) * (series - low) / (high - low)
        draw.line([(float(a), float(b)) for a, b in zip(x, y, strict=True)], colour, width)


def _smoothed(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    smooth = values.copy()
    for place in range(1, len(values)):
        smooth[place] = _SMOOTH * smooth[place - 1] + (1 - _SMOOTH) * values[place]
    return smooth
