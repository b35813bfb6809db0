"""Looking at many pictures: in batches of one size, at no more pixels than help, and with less at a time when memory
runs out.

The contract that must not break: one answer per picture, in order: what is seen, or the verdict `out-of-memory`.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch

from preprocess.chain.eyes import Eyes
from preprocess.chain.moving import moved_sight
from preprocess.gates.verdict import Verdict
from preprocess.student.student import Sight
from vitonhd.arrays import Picture, Points
from vitonhd.keypoints import visible

LONGEST = 1024
"""Pixels of a picture's longer side that are looked at: what a framed picture has, and more than the networks use."""
_ROOM = 1.25
"""Pictures that are larger by less than this are looked at as they are."""
_NO_MEMORY = ("can't allocate memory", "not enough memory", "could not create a primitive", "could not create a memory")


class Looker:
    """Eyes with a batch size, which is halved, and stays so, when memory runs out."""

    def __init__(self, eyes: Eyes, *, batch: int | None = None) -> None:
        self.eyes = eyes
        self.batch = batch or eyes.batch
        self.halvings = 0

    def look(self, pictures: Sequence[Picture]) -> list[Sight | Verdict]:
        """What is seen in each picture, pixel for pixel of it, or why not. Raises FormatError `wrong-shape`."""
        answers: list[Sight | Verdict] = []
        while len(answers) < len(pictures):
            part = pictures[len(answers) : len(answers) + self.batch]
            found = self._look_if_it_fits(part)
            if found is not None:
                answers.extend(found)
            elif len(part) == 1:
                answers.append(Verdict("out-of-memory", detail=f"{self.eyes.name} on one picture of {part[0].shape}"))
            else:
                self._halve(len(part))
        return answers

    def _look_if_it_fits(self, pictures: Sequence[Picture]) -> list[Sight] | None:
        """None when memory ran out; by then what was held is free, as the error's traceback is gone."""
        small = [_reduced(picture) for picture in pictures]
        # Filled up, so that the networks compute the same shapes, and round alike, whatever the batch holds.
        filled = [*small, *small[-1:] * (self.batch - len(small))]
        try:
            sights = self.eyes.look(filled)[: len(pictures)]
            return [_enlarged(sight, picture) for sight, picture in zip(sights, pictures, strict=True)]
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return None

    def _halve(self, batch: int) -> None:
        self.batch = max(1, batch // 2)
        self.halvings += 1


def out_of_memory(error: BaseException) -> bool:
    """Whether that is what an error of torch, or Python's own, says."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(said in str(error) for said in _NO_MEMORY)


def _reduced(picture: Picture) -> Picture:
    height, width = picture.shape[:2]
    scale = LONGEST / max(height, width)
    if scale * _ROOM > 1:
        return picture
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _enlarged(sight: Sight, picture: Picture) -> Sight:
    """What was seen in the reduced picture, in the picture's own pixels."""
    height, width = picture.shape[:2]
    seen_height, seen_width = sight.parse.shape
    if (seen_height, seen_width) == (height, width):
        return sight
    rows = ((np.arange(height) + 0.5) * (seen_height / height)).astype(np.intp)[:, None]
    columns = ((np.arange(width) + 0.5) * (seen_width / width)).astype(np.intp)
    scale = np.array([width / seen_width, height / seen_height])

    def larger(points: Points) -> Points:
        moved = points.copy()
        there = visible(points)
        moved[there, :2] = (points[there, :2] + 0.5) * scale - 0.5
        return moved

    return moved_sight(sight, lambda plane: plane[rows, columns], larger)
