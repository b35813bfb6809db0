"""The student behind the backends' four interfaces, for runs that take one condition from it.

The contract that must not break: the four share one network; a run that wants more than one condition of the same
pictures calls `Student.look` once instead.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from preprocess.backends.interfaces import Box, DensePose
from preprocess.backends.joints import boxes_of
from preprocess.student.student import Student
from vitonhd.arrays import Labels, Mask, Picture
from vitonhd.openpose_json import Person

_AROUND = 0.1


class StudentParser:
    def __init__(self, student: Student) -> None:
        self.student = student

    def parse(self, pictures: Sequence[Picture]) -> list[Labels]:
        return [sight.parse for sight in self.student.look(pictures)]


class StudentDensePose:
    def __init__(self, student: Student) -> None:
        self.student = student

    def estimate(self, pictures: Sequence[Picture]) -> list[DensePose | None]:
        return [sight.densepose for sight in self.student.look(pictures)]


class StudentPose:
    def __init__(self, student: Student) -> None:
        self.student = student

    def estimate(self, pictures: Sequence[Picture], boxes: Sequence[Box] | None = None) -> list[Person | None]:
        """The person inside each box, who is looked at alone, a tenth of the box around it.

        Raises PreprocessError when boxes are not as many as pictures.
        """
        windows = [_window(*pair) for pair in zip(pictures, boxes_of(pictures, boxes), strict=True)]
        sights = self.student.look([picture[window] for picture, window in zip(pictures, windows, strict=True)])
        return [_moved(sight.person, *window) for sight, window in zip(sights, windows, strict=True)]


def _window(picture: Picture, box: Box) -> tuple[slice, slice]:
    """Rows and columns of the box and its surroundings; the whole picture for a box that is beside it."""
    x0, y0, x1, y1 = box
    more_x, more_y = (x1 - x0) * _AROUND, (y1 - y0) * _AROUND
    height, width = picture.shape[:2]
    rows = slice(max(int(y0 - more_y), 0), min(int(np.ceil(y1 + more_y)), height))
    columns = slice(max(int(x0 - more_x), 0), min(int(np.ceil(x1 + more_x)), width))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return slice(0, height), slice(0, width)
    return rows, columns


def _moved(person: Person | None, rows: slice, columns: slice) -> Person | None:
    if person is None:
        return None
    body = person.body
    body[body[:, 2] > 0, :2] += (columns.start, rows.start)
    return Person.of(body)


class StudentSegmenter:
    def __init__(self, student: Student) -> None:
        self.student = student

    def segment(self, pictures: Sequence[Picture]) -> list[Mask]:
        return [sight.garment_mask for sight in self.student.look(pictures)]
