"""Cases to scores, one after the other: pictures are read ahead by a few threads and dropped when they are scored.

The contract that must not break: memory holds a few cases and, per picture, the numbers that FID and KID need; every
case ends in scores or in a reason.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from finetune.evaluation.cases import Case
from finetune.evaluation.fidelity import grey_ssim, masked_mean, psnr, ssim_map
from finetune.evaluation.garment_likeness import colour_distance
from finetune.evaluation.networks import Networks
from finetune.evaluation.results import Known, Results, read_known
from vitonhd.errors import FormatError

Progress = Callable[[int, int | None], None]
_AHEAD = 3
"""Cases that are read ahead for each thread."""
Found = TypeVar("Found")
_Row = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Scored:
    """A case with its scores, or with the reason why it has none."""

    case: Case
    scores: Mapping[str, float]
    rejected: str | None = None


@dataclass
class FeatureRows:
    """What FID and KID compare, of one setting: try-ons and the photos of their persons, each photo once."""

    made: list[tuple[Case, _Row]] = field(default_factory=list)
    true: dict[str, tuple[Case, _Row]] = field(default_factory=dict)


@dataclass
class Scores:
    """All of an evaluation."""

    cases: list[Scored] = field(default_factory=list)
    features: dict[str, FeatureRows] = field(default_factory=dict)

    def scored(self) -> list[Scored]:
        return [one for one in self.cases if one.rejected is None]


def score_cases(
    cases: Sequence[Case],
    results: Results,
    size: tuple[int, int],
    networks: Networks,
    *,
    refused: Mapping[str, str] | None = None,
    workers: int = 2,
    on_progress: Progress | None = None,
) -> Scores:
    """Score every case at (width, height); those in `refused` (by key) keep that reason."""
    scores = Scores()
    known_reasons = refused or {}

    def read(case: Case) -> tuple[Known, dict[str, float]] | str:
        if case.key in known_reasons:
            return known_reasons[case.key]
        try:
            known = read_known(case, results, size)
        except FormatError as error:
            return str(error)
        return known, pixel_scores(known)

    for case, found in _in_order(read, cases, workers):
        if isinstance(found, str):
            scores.cases.append(Scored(case, {}, found))
        else:
            known, pixels = found
            scores.cases.append(Scored(case, {**pixels, **networks.scores(known)}))
            _keep_features(scores, known, networks)
        if on_progress is not None:
            on_progress(len(scores.cases), len(cases))
    return scores


def pixel_scores(known: Known) -> dict[str, float]:
    """The measures of one case that need no network; one that can't be had is left out."""
    found: dict[str, float | None] = {}
    if known.truth is not None:
        similarity = ssim_map(known.made, known.truth)
        found["ssim"] = float(similarity.mean())
        found["ssim_grey"] = grey_ssim(known.made, known.truth)
        found["psnr"] = psnr(known.made, known.truth)
        if known.truth_worn is not None:
            found["garment_ssim"] = masked_mean(similarity, known.truth_worn)
            found["garment_psnr"] = psnr(known.made, known.truth, known.truth_worn)
    if known.worn is not None:
        found["garment_colour"] = colour_distance(known.made, known.worn, known.cloth, known.cloth_mask)
    return {name: value for name, value in found.items() if value is not None}


def _keep_features(scores: Scores, known: Known, networks: Networks) -> None:
    made = networks.features(known.made)
    if made is None:
        return
    rows = scores.features.setdefault(known.case.setting, FeatureRows())
    rows.made.append((known.case, made))
    if known.case.person not in rows.true:
        true = networks.features(known.person)
        assert true is not None
        rows.true[known.case.person] = (known.case, true)


def _in_order(read: Callable[[Case], Found], cases: Sequence[Case], workers: int) -> Iterator[tuple[Case, Found]]:
    under_way: deque[tuple[Case, Future[Found]]] = deque()
    with ThreadPoolExecutor(workers, "scoring") as pool:
        try:
            for case in cases:
                under_way.append((case, pool.submit(read, case)))
                if len(under_way) > _AHEAD * workers:
                    first, future = under_way.popleft()
                    yield first, future.result()
            while under_way:
                first, future = under_way.popleft()
                yield first, future.result()
        finally:
            for _, future in under_way:
                future.cancel()
