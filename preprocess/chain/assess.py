"""The gates on a placed picture, and the whole way of a batch from decoded pictures to assessed ones.

The contract that must not break: whatever was decided comes with its figure; what passes has all that `condition_files`
needs.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from preprocess.chain.looking import Looker, out_of_memory
from preprocess.chain.masks import whole_garment
from preprocess.chain.placing import Framed, Placed, place
from preprocess.chain.taking import Taken
from preprocess.gates.choice import Fingerprint
from preprocess.gates.limits import SHOTS
from preprocess.gates.packshot import packshot_figures
from preprocess.gates.verdict import Verdict
from preprocess.gates.worn import worn_figures
from preprocess.intake.framing import SIZE
from preprocess.shots import Shot, ShotKind
from preprocess.student.student import Sight
from vitonhd.arrays import Mask, Points
from vitonhd.garment_classes import GarmentClass
from vitonhd.keypoints import BODY_25

logger = logging.getLogger(__name__)

VERSION = 1
"""Of the chain: changes when the same sights give other decisions or other files."""


@dataclass(frozen=True)
class Assessed:
    """What was decided about a picture."""

    shot: Shot
    garment_class: GarmentClass
    verdicts: tuple[Verdict, ...]
    """Why it is not taken; empty for a worn photo or packshot that is."""
    figures: Mapping[str, float]
    """Everything that the gates looked at, by the names of `gates.limits`; empty for details and text."""
    score: float
    """0..1, comparable within one kind of shot; 0 for details and text."""
    fingerprint: Fingerprint
    size: tuple[int, int]
    """Width and height of the original (or of the piece of a sheet) as shown."""
    warnings: tuple[str, ...]
    """What was wrong with the file and could be ignored."""
    framed: Framed | None

    @property
    def passed(self) -> bool:
        return not self.verdicts


def assess(placed: Placed) -> Assessed:
    """The gates' figures and verdicts; details and text get one verdict, `detail-shot` or `text-shot`."""
    figures: Mapping[str, float] = {}
    verdicts: tuple[Verdict, ...]
    score = 0.0
    framed, shot = placed.framed, placed.shot
    if framed is None:
        verdicts = (_not_placed(shot),)
    elif shot.kind is ShotKind.WORN:
        worn = worn_figures(
            framed.picture, framed.sight.parse, pose_of(framed), placed.garment_class,
            shown=framed.shown, scale=framed.frame.scale,
        )  # fmt: skip
        verdicts, figures, score = worn.verdicts(), worn.figures, worn.score
        if framed.sight.densepose is None:
            verdicts += (Verdict("no-densepose", detail="no surface of a body was found"),)
    else:
        flat = packshot_figures(
            framed.picture, garment_of(framed), placed.taken.statistics,
            skin=placed.skin, shown=framed.shown, scale=framed.frame.scale,
        )  # fmt: skip
        verdicts, figures, score = flat.verdicts(), flat.figures, flat.score
    taken = placed.taken
    return Assessed(
        shot, placed.garment_class, verdicts, figures, score, taken.fingerprint, taken.intake.size,
        taken.intake.warnings, framed,
    )  # fmt: skip


def assess_all(
    looker: Looker,
    pictures: Sequence[tuple[Taken, GarmentClass]],
    *,
    size: tuple[int, int] = SIZE,
    pool: Executor | None = None,
) -> list[Assessed | Verdict]:
    """Each picture looked at, placed, looked at again where it pays, and assessed; in order.

    A Verdict alone is a picture that could not be assessed: `out-of-memory`, `internal-error`. Networks run in this
    thread, the rest in the pool's threads where there is one. Raises FormatError `wrong-shape`.
    """
    each = map if pool is None else pool.map
    ends: list[Placed | Verdict] = []
    while len(ends) < len(pictures):
        # Placed at once: what is seen in a large photo takes more memory than the photo.
        part = pictures[len(ends) : len(ends) + looker.batch]
        sights = looker.look([taken.intake.on_white for taken, _ in part])
        ends.extend(each(partial(_placed, size=size), part, sights))
    if looker.eyes.looks_again:
        ends = _looked_again(looker, ends)
    return list(each(_assessed, ends))


def pose_of(framed: Framed) -> Points:
    """BODY_25 points in the framed picture, 25x3; all missing where nobody is seen."""
    return np.zeros((len(BODY_25), 3)) if framed.sight.person is None else framed.sight.person.body


def garment_of(framed: Framed) -> Mask:
    """The packshot's garment in the framed picture, HxW, without crumbs and without holes in it that are none."""
    return whole_garment(framed.picture, framed.sight.garment_mask)


def _not_placed(shot: Shot) -> Verdict:
    reason = f"{shot.kind}-shot" if shot.kind in (ShotKind.DETAIL, ShotKind.TEXT) else "no-subject"
    return Verdict(reason, shot.figure, SHOTS[shot.reason].value, shot.reason)


def _placed(picture: tuple[Taken, GarmentClass], sight: Sight | Verdict, *, size: tuple[int, int]) -> Placed | Verdict:
    if isinstance(sight, Verdict):
        return sight
    try:
        return place(picture[0], sight, picture[1], size=size)
    except Exception as error:
        return _failed(error)


def _looked_again(looker: Looker, ends: list[Placed | Verdict]) -> list[Placed | Verdict]:
    """With what is seen in the framed pictures that want it."""
    wanting = [
        (index, end, end.framed)
        for index, end in enumerate(ends)
        if isinstance(end, Placed) and end.framed is not None and end.wants_look
    ]
    again = list(ends)
    for (index, end, framed), sight in zip(
        wanting, looker.look([framed.picture for *_, framed in wanting]), strict=True
    ):
        again[index] = sight if isinstance(sight, Verdict) else replace(end, framed=framed.seen_again(sight))
    return again


def _assessed(end: Placed | Verdict) -> Assessed | Verdict:
    if isinstance(end, Verdict):
        return end
    try:
        return assess(end)
    except Exception as error:
        return _failed(error)


def _failed(error: Exception) -> Verdict:
    """A mistake of ours that one picture has met must not end the others."""
    if out_of_memory(error):
        return Verdict("out-of-memory", detail=str(error)[:200])
    logger.error("a picture can't be assessed", exc_info=error)
    return Verdict("internal-error", detail=repr(error)[:200])
