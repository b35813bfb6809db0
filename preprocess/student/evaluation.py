"""Scores of a student on pictures with known truth, as numbers and as a page of its best and worst.

The contract that must not break: measured at the pictures' own size on what `Student.look` gives a user, and items
that can't be read are counted.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from preprocess.errors import NothingToDo
from preprocess.student.examples import find_sources
from preprocess.student.metrics import Tally, mask_overlap
from preprocess.student.sheets import mask_picture, painted, sheet, with_joints
from preprocess.student.student import BATCH, Sight, Student
from preprocess.student.truth import Known, Source, Teacher, read_known
from vitonhd.arrays import Picture, Points
from vitonhd.atomic import write_atomic
from vitonhd.densepose import DENSEPOSE
from vitonhd.errors import FormatError
from vitonhd.labels import CIHP
from vitonhd.pictures import encode_jpeg

Progress = Callable[[int, int | None], None]
_SHOWN = 6
"""Best and worst items on the page, each."""
_PAGE_HEIGHT = 256


@dataclass(frozen=True)
class Scored:
    """One item's place in the order, and how it looks on the page."""

    parse_miou: float
    garment_iou: float
    row: tuple[Picture, ...]
    source: Source

    def caption(self) -> str:
        return f"{self.source}   parse mIoU {self.parse_miou:.3f}   garment IoU {self.garment_iou:.3f}"


def evaluate(
    student: Student,
    data: Path,
    *,
    split: str = "test",
    teacher: Teacher = Teacher.STUDIO,
    limit: int | None = None,
    on_progress: Progress | None = None,
) -> tuple[dict[str, Any], Picture]:
    """The report and the page of a tree, or of a folder of trees. Raises NothingToDo when no item can be read."""
    sources = _spread(find_sources(data, split), limit)
    tally, scored, rejected, seconds = Tally(), list[Scored](), dict[str, str](), 0.0
    for first in range(0, len(sources), BATCH):
        read = list(_readable(sources[first : first + BATCH], teacher, rejected))
        started = time.perf_counter()
        sights = student.look([known.image for _, known in read])
        shots = student.look([known.cloth for _, known in read])
        seconds += time.perf_counter() - started
        for (source, known), sight, shot in zip(read, sights, shots, strict=True):
            scored.append(_score(tally, source, known, sight, shot))
        if on_progress is not None:
            on_progress(min(first + BATCH, len(sources)), len(sources))
    if not scored:
        raise NothingToDo(f"none of {len(sources)} items of {data} can be scored: {next(iter(rejected.values()))}")
    report = {
        "data": data.name, "split": split, "teacher": str(teacher), "items": len(scored), "rejected": rejected,
        "weights": student.made, **tally.report(), "seconds_per_picture": round(seconds / (2 * len(scored)), 4),
    }  # fmt: skip
    return report, _page(scored)


def write_evaluation(out: Path, report: dict[str, Any], page: Picture) -> tuple[Path, Path]:
    """`report.json` and `page.jpg` in `out`, atomically."""
    paths = out / "report.json", out / "page.jpg"
    write_atomic(paths[0], json.dumps(report, indent=1).encode())
    write_atomic(paths[1], encode_jpeg(page, quality=90))
    return paths


def _spread(sources: list[Source], limit: int | None) -> list[Source]:
    """`limit` of them, evenly over all trees."""
    if limit is None or limit >= len(sources):
        return sources
    return [sources[place] for place in np.linspace(0, len(sources) - 1, limit).round().astype(int)]


def _readable(
    sources: Sequence[Source], teacher: Teacher, rejected: dict[str, str]
) -> Iterator[tuple[Source, Known]]:  # fmt: skip
    for source in sources:
        try:
            yield source, read_known(source, teacher)
        except FormatError as error:
            rejected[str(source)] = str(error)


def _score(tally: Tally, source: Source, known: Known, sight: Sight, shot: Sight) -> Scored:
    parse_miou = tally.add_parse(known.parse, sight.parse)
    tally.add_densepose(known.densepose, known.uv, sight.densepose)
    joints = np.zeros((25, 3)) if sight.person is None else sight.person.body
    tally.add_joints(known.joints, joints)
    garment_iou = mask_overlap(known.cloth_mask, shot.garment_mask)
    tally.garments.append(garment_iou)
    tally.people.append(mask_overlap(known.parse > 0, sight.person_mask))
    return Scored(parse_miou, garment_iou, _row(known, sight, shot, joints), source)


def _row(known: Known, sight: Sight, shot: Sight, joints: Points) -> tuple[Picture, ...]:
    densepose = np.zeros_like(known.densepose) if sight.densepose is None else sight.densepose.labels
    pictures = (
        with_joints(known.image, known.joints), with_joints(known.image, joints), painted(known.parse, CIHP),
        painted(sight.parse, CIHP), painted(known.densepose, DENSEPOSE), painted(densepose, DENSEPOSE), known.cloth,
        mask_picture(known.cloth_mask), mask_picture(shot.garment_mask),
    )  # fmt: skip
    height, width = known.parse.shape
    size = (round(width * _PAGE_HEIGHT / height), _PAGE_HEIGHT)
    return tuple(np.asarray(cv2.resize(one, size, interpolation=cv2.INTER_AREA), np.uint8) for one in pictures)


def _page(scored: list[Scored]) -> Picture:
    """The best items, then the worst; trees of one size give a page, of several the first size's items."""
    width = scored[0].row[0].shape[1]
    order = sorted((one for one in scored if one.row[0].shape[1] == width), key=lambda one: -one.parse_miou)
    shown = order if len(order) <= 2 * _SHOWN else order[:_SHOWN] + order[-_SHOWN:]
    return sheet([one.row for one in shown], [one.caption() for one in shown])
