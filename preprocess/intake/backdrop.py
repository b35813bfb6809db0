"""What lies behind the subject: continued beyond the photo's edge, or white behind a packshot.

The contract that must not break: pixels of the photo (of the garment, for white) stay as they are.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from vitonhd.arrays import Mask, Picture

_BAND = 0.015
"""Depth of the edge that the backdrop's colour is taken from, as a share of the photo's longer side."""
_SMOOTH = 0.02
"""How far that colour is smoothed along the edge (sigma), and how far the backdrop's grain is mirrored outwards."""
_FEATHER = 1.2
"""Softness of a packshot's outline, sigma in pixels of 1024 rows."""

Pads = tuple[int, int, int, int]
"""Pixels to add: left, top, right, bottom."""


def continued(picture: Picture, pads: Pads, subject: Mask | None = None) -> Picture:
    """The picture with its backdrop continued outwards, uint8 (H+top+bottom)x(W+left+right)x3.

    Each edge's colours, smoothed along the edge, go on outwards; the grain beside the edge is mirrored and fades out.
    What `subject` (HxW) covers is not continued unless it covers a whole edge.
    """
    left, top, right, bottom = pads
    free = np.ones(picture.shape[:2], bool) if subject is None else ~subject
    picture, free = _beside(picture, free, left)
    picture, free = _beside(picture[:, ::-1], free[:, ::-1], right)
    turned, free = _beside(picture[:, ::-1].swapaxes(0, 1), free[:, ::-1].T, top)
    turned, free = _beside(turned[:, ::-1], free[:, ::-1], bottom)
    return np.ascontiguousarray(turned[:, ::-1].swapaxes(0, 1))


def _beside(picture: Picture, free: Mask, count: int) -> tuple[Picture, Mask]:
    """Picture and free pixels with `count` columns of backdrop to their left."""
    if count == 0:
        return picture, free
    height, width = picture.shape[:2]
    depth = min(max(2, round(_BAND * max(height, width))), width)
    sigma = max(1.0, _SMOOTH * max(height, width))
    added = np.repeat(_edge(picture, free, depth, sigma)[:, None], count, axis=1)
    reach = min(count, width, round(2 * sigma))
    beside = np.ascontiguousarray(picture[:, :reach], np.float32)
    grain = beside - cv2.GaussianBlur(beside, (0, 0), sigma / 2)
    # Near the subject the blurred picture holds some of it.
    grain[~_away(free[:, :reach], round(sigma))] = 0
    added[:, count - reach :] += (grain * np.linspace(1, 0, reach, dtype=np.float32)[:, None])[:, ::-1]
    wider = np.concatenate([np.rint(added).clip(0, 255).astype(np.uint8), picture], axis=1)
    return wider, np.pad(free, ((0, 0), (count, 0)), constant_values=True)


def _edge(picture: Picture, free: Mask, depth: int, sigma: float) -> npt.NDArray[np.float32]:
    """The backdrop's colour along the left edge, Hx3: means over the free pixels of `depth` columns, smoothed.

    A row without any there takes those farther in, the nearer the more, or its neighbours' colour; an edge without any
    free pixel its own.
    """
    near, far = free.copy(), _away(free, depth)
    near[:, depth:] = False
    if not (near | far).any():
        near[:, :depth] = True
    decay = np.exp(-np.arange(free.shape[1], dtype=np.float32) / (4 * depth))
    shares = np.where(near.any(axis=1, keepdims=True), near, far * decay)
    weight = shares.sum(axis=1)
    there = np.flatnonzero(weight > 0)
    means = np.einsum("hwc,hw->hc", picture[there], shares[there]) / weight[there, None]
    rows = np.arange(len(picture))
    colours = np.stack([np.interp(rows, there, channel) for channel in means.T], axis=1).astype(np.float32)
    smooth = cv2.GaussianBlur(colours[:, None], (1, 0), sigmaX=0.1, sigmaY=sigma, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(smooth[:, 0], np.float32)


def _away(free: Mask, distance: int) -> Mask:
    """The free pixels with nothing else within a distance: outlines are never exact."""
    square = np.ones((2 * distance + 1,) * 2, np.uint8)
    away: Mask = np.asarray(cv2.erode(free.astype(np.uint8), square)) > 0
    return away


def white_behind(picture: Picture, garment: Mask) -> Picture:
    """A packshot on pure white: what `garment` (HxW) covers stays, with a soft outline; shadows go."""
    sigma = max(0.5, _FEATHER * picture.shape[0] / 1024)
    kept = cv2.GaussianBlur(garment.astype(np.float32), (0, 0), sigma)[..., None]
    # Inside the outline the garment's own pixels: only what is outside is mixed with white.
    kept[garment] = 1.0
    return np.asarray(np.rint(255 + (picture.astype(np.float32) - 255) * kept), np.uint8)
