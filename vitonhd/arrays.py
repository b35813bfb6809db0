"""Names for the kinds of arrays that cross function borders; everything is height first, RGB, never BGR."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]
"""uint8 HxWx3, RGB, 0..255."""

Labels = npt.NDArray[np.uint8]
"""uint8 HxW, ids of a label table."""

Mask = npt.NDArray[np.bool_]
"""bool HxW."""

Points = npt.NDArray[np.float64]
"""float64 ...xJx3: x, y in pixels (the centre of the first pixel is 0, 0) and score in 0..1; missing is 0, 0, 0."""
