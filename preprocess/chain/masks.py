"""Masks as networks give them, without crumbs and without holes that can't be.

The contract that must not break: what is taken away or added is enclosed or small; an outline is never moved.
"""

from __future__ import annotations

import cv2
import numpy as np

from vitonhd.arrays import Mask, Picture

_CRUMB = 0.005
"""Parts of a mask below this share of its largest part are a network's crumbs; a hand is 0.01 of a person."""
_UNLIKE = 40.0
"""Levels of 255 from the backdrop's mean colour beyond which a hole shows no backdrop: shadows reach 30."""

_MARGIN = 0.025
"""Of the picture's height and width: how far a mask may spill from a garment to the picture's edge."""


def solid(mask: Mask) -> Mask:
    """The mask without crumbs."""
    count, parts, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count < 3:
        return mask
    areas = stats[:, cv2.CC_STAT_AREA]
    kept = areas >= _CRUMB * areas[1:].max()
    kept[0] = False
    return np.asarray(kept[parts], np.bool_)


def whole_garment(picture: Picture, mask: Mask) -> Mask:
    """A packshot's garment mask without crumbs and with enclosed holes filled where no backdrop is seen through them.

    `picture` uint8 HxWx3, `mask` HxW; the backdrop is what lies around the mask up to the picture's edge.
    """
    garment = solid(off_the_edge(picture, mask))
    count, parts = cv2.connectedComponents((~garment).astype(np.uint8), connectivity=4)
    if count < 3:
        return garment
    edges = (parts[0], parts[-1], parts[:, 0], parts[:, -1])
    around = np.zeros(count, np.bool_)
    around[np.concatenate(edges)] = True
    areas = np.bincount(parts.ravel(), minlength=count)
    sums = np.stack([np.bincount(parts.ravel(), picture[..., channel].ravel(), count) for channel in range(3)], axis=1)
    around[0] = False  # the garment itself
    if not around.any():
        return garment
    backdrop = sums[around].sum(axis=0) / areas[around].sum()
    unlike = np.abs(sums / areas[:, None].clip(min=1) - backdrop).max(axis=1) > _UNLIKE
    filled = unlike & ~around
    filled[0] = True
    return np.asarray(filled[parts], np.bool_)


def off_the_edge(picture: Picture, mask: Mask) -> Mask:
    """A packshot's garment mask without what it says of the picture's margin where only backdrop is seen.

    `picture` uint8 HxWx3, `mask` HxW; the backdrop's colour is the median along the picture's edge. A garment that is
    cut there differs from it; a network's mask that spills to the edge does not.
    """
    height, width = mask.shape
    down, across = round(height * _MARGIN), round(width * _MARGIN)
    edge = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    backdrop = np.median(edge, axis=0)
    kept = mask.copy()
    for part in (np.s_[:down], np.s_[height - down :], np.s_[:, :across], np.s_[:, width - across :]):
        kept[part] &= np.abs(picture[part] - backdrop).max(axis=-1) > _UNLIKE
    return kept
