"""Contact sheets: items side by side with their truths, for looking.

The contract that must not break: a sheet shows what the data set would hold, from the same code.
"""

from __future__ import annotations

import numpy as np

from studio.items import Draw, shot, sitting
from vitonhd.arrays import Picture
from vitonhd.densepose import DENSEPOSE
from vitonhd.garment_classes import GarmentClass
from vitonhd.labels import CIHP


def item_column(draw: Draw, width: int, height: int, *, truths: bool = True) -> Picture:
    """Packshot, photo, parse, DensePose and the flow's checkered warp of one item, one below the other."""
    seated, pack = sitting(draw, width, height), shot(draw, width, height)
    pictures = [pack.image, seated.photo()]
    if truths:
        truth = seated.truth(pack)
        pictures += [CIHP.paint(truth.parse), DENSEPOSE.paint(truth.densepose), warped(pack.image, truth.flow)]
    return np.concatenate(pictures)


def contact_sheet(
    garment_class: GarmentClass, seed: int, count: int, width: int, height: int, *, truths: bool = True
) -> Picture:
    """The first `count` items of a class side by side."""
    draws = [Draw(garment_class, seed, index) for index in range(count)]
    return np.concatenate([item_column(draw, width, height, truths=truths) for draw in draws], axis=1)


def warped(picture: Picture, flow: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> Picture:
    """The picture where the flow says it is seen (nearest pixel), white elsewhere; HxWx3."""
    there = ~np.isnan(flow[..., 0])
    x, y = np.rint(flow[there]).astype(int).T
    result = np.full((*flow.shape[:2], 3), 255, np.uint8)
    result[there] = picture[np.clip(y, 0, len(picture) - 1), np.clip(x, 0, picture.shape[1] - 1)]
    return result
