"""Fingerprints of photos and packshots: the same picture in another size, format or quality is told from another one.

The contract that must not break: a fingerprint is a function of the pixels alone; likeness is symmetric. Packshots are
symmetric and smooth, which makes hashes of their frequencies flip at random, so colours of cells are compared.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from vitonhd.arrays import Picture

MAX_MEAN, MAX_CELL = 1.2, 5
"""Levels of 255 by which cells of the same picture differ, on average and at most: what saving it again at JPEG 50 and
half its size does. Of 325,000 pairs of packshots, nearly all rendered and plain, 8 are as like as that; of photos none.
"""
_GRID, _COARSE = (12, 16), 4
_CELLS = 3 * _GRID[0] * _GRID[1]
_COARSE_CELLS = _CELLS // _COARSE**2

Fingerprint = npt.NDArray[np.uint8]
"""uint8 16x12x3: means of the picture's cells."""


def fingerprint(picture: Picture) -> Fingerprint:
    """The fingerprint of a picture, uint8 HxWx3."""
    return np.array(Image.fromarray(picture).resize(_GRID, Image.Resampling.BOX))


class Gallery:
    """Fingerprints to look others up in; names are what `add` was given. Memory: 0.7 kB a picture and its name."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._cells = np.zeros((0, _CELLS), np.uint8)
        self._coarse = np.zeros((0, _COARSE_CELLS), np.float32)

    def __len__(self) -> int:
        return len(self._names)

    def add(self, name: str, found: Fingerprint) -> None:
        if len(self) == len(self._cells):
            room = max(64, len(self))
            self._cells = np.concatenate([self._cells, np.zeros((room, _CELLS), np.uint8)])
            self._coarse = np.concatenate([self._coarse, np.zeros((room, _COARSE_CELLS), np.float32)])
        self._cells[len(self)] = found.ravel()
        self._coarse[len(self)] = _coarse(found)
        self._names.append(name)

    def like(self, found: Fingerprint) -> tuple[str, float] | None:
        """The picture that is most like it, and the mean difference of their cells; None where none is like it."""
        # Means of cells can't differ by more than cells do, so this leaves nothing out.
        near = np.flatnonzero((np.abs(self._coarse[: len(self)] - _coarse(found)) <= MAX_CELL).all(axis=1))
        off = np.abs(self._cells[near].astype(np.int16) - found.ravel())
        means = np.where(off.max(axis=1) <= MAX_CELL, off.mean(axis=1), np.inf)
        if not len(near) or means.min() > MAX_MEAN:
            return None
        best = int(means.argmin())
        return self._names[int(near[best])], float(means[best])


def _coarse(found: Fingerprint) -> npt.NDArray[np.float32]:
    rows, columns = _GRID[1] // _COARSE, _GRID[0] // _COARSE
    blocks = found.reshape(rows, _COARSE, columns, _COARSE, 3).astype(np.float32)
    means: npt.NDArray[np.float32] = blocks.mean(axis=(1, 3)).ravel()
    return means
