"""One rejection as data: the reason to count by, the figure that caused it, the limit it missed.

The contract that must not break: whoever rejects says all three, so that every drop can be explained and every limit
be judged by what it costs.
"""

from __future__ import annotations

from dataclasses import dataclass

from vitonhd.errors import FormatError


@dataclass(frozen=True)
class Verdict:
    """Why a picture is not taken."""

    reason: str
    """A slug to count by, e.g. `garment-small`."""
    figure: float = 0.0
    """What was measured, in the limit's unit; 0 where the reason says all."""
    limit: float = 0.0
    detail: str = ""
    """For a person: units, names of joints, the decoder's message."""

    def __str__(self) -> str:
        return f"{self.reason}: {self.figure:.4g}, limit {self.limit:.4g}" + (
            f" ({self.detail})" if self.detail else ""
        )


class Rejected(FormatError):
    """A picture that is not taken; stages that record FormatErrors record it by the same `reason` and `detail`."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.reason, str(verdict).removeprefix(f"{verdict.reason}: "))
        self.verdict = verdict

    def __reduce__(self) -> tuple[type[Rejected], tuple[Verdict]]:  # type: ignore[override]
        return Rejected, (self.verdict,)
