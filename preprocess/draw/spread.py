"""Growing and shrinking masks by a square, in time that does not depend on how far."""

from __future__ import annotations

import numpy as np

from vitonhd.arrays import Mask


def grow(mask: Mask, radius: int) -> Mask:
    """Every pixel that has a set one within `radius` pixels in both directions; HxW to HxW. Raises ValueError if < 0.

    What is beyond the border counts as not set.
    """
    if radius < 0:
        raise ValueError(f"radius {radius}: 0 or more pixels")
    return _grow_rows(_grow_rows(mask, radius).T, radius).T


def shrink(mask: Mask, radius: int) -> Mask:
    """Every pixel whose neighbours within `radius` are all set; what is beyond the border counts as set."""
    return ~grow(~mask, radius)


def _grow_rows(mask: Mask, radius: int) -> Mask:
    """Along each row, by counting the set pixels of a window as a difference of running sums."""
    width = mask.shape[1]
    sums = np.zeros((mask.shape[0], width + 1), np.int32)
    np.cumsum(mask, axis=1, out=sums[:, 1:])
    places = np.arange(width)
    grown: Mask = sums[:, np.minimum(places + radius + 1, width)] > sums[:, np.maximum(places - radius, 0)]
    return grown
