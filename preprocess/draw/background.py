"""An even grey in place of a photo's background, for photos that were not taken in VITON-HD's studio."""

from __future__ import annotations

import numpy as np

from preprocess.draw.spread import shrink
from vitonhd.arrays import Labels, Picture

LEVEL = 215
"""TryYours' grey; VITON-HD's own backdrops are about 220."""


def grey_background(photo: Picture, parse: Labels, *, level: int = LEVEL) -> Picture:
    """The photo (uint8 HxWx3) with everything grey that is not person in its CIHP parse (HxW).

    The person's outermost pixel goes too: it has the old background in it.
    """
    person = shrink(parse > 0, 1)
    return np.where(person[..., None], photo, np.uint8(level))
