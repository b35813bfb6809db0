"""Sample sheets: what a stage makes of some examples, as one picture.

The contract that must not break: a row is an example, its pictures side by side in the stage's order.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor

from vitonhd.arrays import Picture


def sheet_picture(rows: Tensor) -> Picture:
    """NxKx3xHxW in -1..1 as uint8 (N*H)x(K*W)x3."""
    count, columns, _, height, width = rows.shape
    pixels = ((rows.clamp(-1, 1) + 1) * 127.5).round().byte()
    picture: Picture = pixels.permute(0, 3, 1, 4, 2).reshape(count * height, columns * width, 3).cpu().numpy()
    return np.ascontiguousarray(picture)
