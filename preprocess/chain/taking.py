"""A picture's bytes taken in: decoded, and looked at as far as that needs no network; for worker processes.

The contract that must not break: nothing here needs torch, and what comes out can be sent between processes.
"""

from __future__ import annotations

from dataclasses import dataclass

from preprocess.gates.choice import Fingerprint
from preprocess.gates.statistics import PictureStatistics, statistics
from preprocess.intake.decoding import LIMITS, Intake, IntakeLimits, read_picture


@dataclass(frozen=True)
class Taken:
    """A decoded picture with its statistics (of the picture over white)."""

    intake: Intake
    statistics: PictureStatistics

    @property
    def fingerprint(self) -> Fingerprint:
        """What near duplicates are told by."""
        return Fingerprint(self.statistics.phash, self.statistics.thumbnail)


def take(data: bytes, *, rows: tuple[int, int] | None = None, limits: IntakeLimits = LIMITS) -> Taken:
    """A picture from its file's bytes, of a tall sheet only `rows`. Raises Rejected as `read_picture`."""
    intake = read_picture(data, rows=rows, limits=limits)
    return Taken(intake, statistics(intake.on_white))
