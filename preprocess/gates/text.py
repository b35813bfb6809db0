"""How much of a picture is text: size tables, washing instructions, posters.

The contract that must not break: a pattern (dots, checks, stripes) is no text, and a print on a shirt does not make its
photo one.

Glyphs are small strokes that leave much of their boxes empty and stand in lines with room above and below. The score
is the share of all edges that belong to such lines; ruled lines of tables count on neither side.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from vitonhd.arrays import Mask, Picture

WIDTH = 512
"""Pixels of the width that is looked at: 14-pixel letters of a shop's 860-pixel description are 8 high there."""
_EDGE = 40
"""Levels of 255 between neighbours that make an edge."""
_STROKE = 31
"""Pixels; what is darker or lighter than its surroundings and narrower than this is looked at."""
_RULE = 80
"""Pixels; straight edges of that length are rules, hems or seams."""
_HEIGHTS = (4, 40)
_GLYPHS = 20
"""Fewer glyphs are a label or a print, whatever their share."""
_FILL = 0.6
"""Share of their boxes that letters fill on average: Latin, Korean and digits 0.41 to 0.52, dots 0.71 to 0.79."""
Floats = npt.NDArray[np.float64]


def text_score(picture: Picture) -> float:
    """Share 0..1 of the edges of a picture (uint8 HxWx3) that are lines of text."""
    height, width = picture.shape[:2]
    size = WIDTH, max(1, round(height * WIDTH / width))
    way = cv2.INTER_AREA if width > WIDTH else cv2.INTER_LINEAR
    grey = cv2.cvtColor(cv2.resize(picture, size, interpolation=way), cv2.COLOR_RGB2GRAY)
    edges = cv2.morphologyEx(grey, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > _EDGE
    edges &= ~_rules(edges)
    total = int(edges.sum())
    if total == 0:
        return 0.0
    square = np.ones((_STROKE, _STROKE), np.uint8)
    strokes = (np.asarray(cv2.morphologyEx(grey, hat, square)) for hat in (cv2.MORPH_BLACKHAT, cv2.MORPH_TOPHAT))
    return max(int((edges & _glyphs(plane)).sum()) for plane in strokes) / total


def _rules(edges: Mask) -> Mask:
    """Long straight edges, a pixel wider."""
    plane = edges.astype(np.uint8)
    across = cv2.morphologyEx(plane, cv2.MORPH_OPEN, np.ones((1, _RULE), np.uint8))
    down = cv2.morphologyEx(plane, cv2.MORPH_OPEN, np.ones((_RULE, 1), np.uint8))
    rules: Mask = cv2.dilate(np.maximum(across, down), np.ones((3, 3), np.uint8)) > 0
    return rules


def _glyphs(strokes: npt.NDArray[Any]) -> Mask:
    """The pixels of glyphs that stand in lines, a pixel wider; `strokes` is how far each stands out, HxW."""
    none = np.zeros(strokes.shape, bool)
    there = strokes[strokes > 25]
    if len(there) == 0:
        return none
    threshold = max(_EDGE, 0.5 * float(np.percentile(there, 90)))
    _, labels, stats, _ = cv2.connectedComponentsWithStats((strokes > threshold).astype(np.uint8), connectivity=8)
    left, top, width, height, area = stats.T
    low, high = _HEIGHTS
    like_glyphs = (height >= low) & (height <= high) & (width <= 2.5 * height + 4) & (area <= 0.85 * width * height + 3)
    like_glyphs &= area >= 5
    like_glyphs[0] = False
    found = np.flatnonzero(like_glyphs)
    if len(found) < _GLYPHS:
        return none
    found = found[_in_lines(left[found], top[found], width[found], height[found], strokes.shape)]
    if len(found) < _GLYPHS:
        return none
    filled = float((area[found] / (width[found] * height[found])).mean())
    if filled > _FILL:
        return none
    taken = np.zeros(len(stats), np.uint8)
    taken[found] = 1
    glyphs: Mask = cv2.dilate(taken[labels], np.ones((3, 3), np.uint8)) > 0
    return glyphs


def _in_lines(left: Floats, top: Floats, width: Floats, height: Floats, shape: tuple[int, ...]) -> Mask:
    """Which of the boxes stand in a line of two or more with room above and below."""
    reach = (0.45 * np.maximum(height, 8)).astype(int)
    painted = _boxes(left - reach, top, left + width + reach, top + height, shape)
    count, lines, extents, _ = cv2.connectedComponentsWithStats(painted, connectivity=4)
    line = lines[(top + height // 2).astype(int), (left + width // 2).astype(int)]
    number = np.bincount(line, minlength=count)
    mean_height = np.bincount(line, height, count) / np.maximum(number, 1)
    good = (number >= 2) & (extents[:, 3] <= 2.2 * mean_height + 2)
    good[0] = False
    return np.asarray(good[line], np.bool_)


def _boxes(left: Floats, top: Floats, right: Floats, bottom: Floats, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """1 where any of the boxes is, by running sums over their corners."""
    corners = np.zeros((shape[0] + 1, shape[1] + 1), np.int32)
    first, last = (side.clip(0, shape[1]).astype(np.intp) for side in (left, right))
    upper, lower = top.astype(np.intp), bottom.astype(np.intp)
    for rows, columns, sign in ((upper, first, 1), (lower, last, 1), (upper, last, -1), (lower, first, -1)):
        np.add.at(corners, (rows, columns), sign)
    return (corners.cumsum(axis=0).cumsum(axis=1)[:-1, :-1] > 0).astype(np.uint8)
