"""Tall detail sheets, dozens of pictures glued below each other: where they can be cut, at gaps of one colour.

Cuts are [top, bottom) rows of the original; nothing is copied or re-encoded here.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from crawler.images.decode import Rgb

# A row belongs to a gap when its pixels differ by no more than this, which JPEG noise beside a hard edge stays below.
_FLAT = 12
# A gap is at least this part of the sheet's width, so that the space between lines of text is none.
_GAP = 1 / 40
# A piece lower than this part of the width is a line of text or a rule, not a picture.
_PIECE = 1 / 4
# Colours in a gap may drift from row to row, but a gap is one colour: its rows stay this close to each other.
_DRIFT = 12


def segments(pixels: Rgb, height: int, width: int, *, min_side: int) -> tuple[tuple[int, int], ...]:
    """Pieces of a sheet as [top, bottom) rows of the original, from a decode of any scale; empty where none is usable.

    A piece is kept when it and the width are at least `min_side` pixels of the original and it is no thin strip.
    """
    rows = pixels.shape[0]
    scale = height / rows
    pieces = _runs(~_gap_rows(pixels))
    tall_enough = max(min_side, _PIECE * width)
    found = []
    for top, bottom in pieces:
        start, end = round(top * scale), min(height, round(bottom * scale))
        if width >= min_side and end - start >= tall_enough:
            found.append((start, end))
    return tuple(found)


def _gap_rows(pixels: Rgb) -> NDArray[np.bool_]:
    """Which rows lie in a gap: flat rows of one colour, enough of them in a run."""
    width = pixels.shape[1]
    # One row of reference pixels suffices: all of a flat row is as its first pixel.
    flat = (pixels.max(axis=1).astype(np.int16) - pixels.min(axis=1) <= _FLAT).all(axis=1)
    first = pixels[:, 0].astype(np.int16)
    steps = np.abs(np.diff(first, axis=0, prepend=first[:1])).max(axis=1)
    gap = np.zeros(len(flat), np.bool_)
    least = max(2, round(width * _GAP))
    # A flat row of another colour than the one above starts a new run, so two panels of plain colour are not one gap.
    label = np.cumsum((steps > _DRIFT) | ~flat)
    for top, bottom in _runs(flat):
        edges = np.flatnonzero(np.diff(label[top:bottom])) + 1
        bounds = [0, *edges.tolist(), bottom - top]
        for start, end in pairwise(bounds):
            if end - start >= least:
                gap[top + start : top + end] = True
    return gap


def _runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """[start, end) of every run of True."""
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
    return [(int(start), int(end)) for start, end in zip(edges[::2], edges[1::2], strict=True)]
