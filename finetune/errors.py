"""What can go wrong in fine-tuning that a user can act on; each message names the file, the value and the limit."""

from __future__ import annotations


class FinetuneError(ValueError):
    """Training can't begin or go on."""


class DataUnusable(FinetuneError):
    """A data set is not there, empty, or lacks what the stage needs."""


class OtherRun(FinetuneError):
    """A folder holds a run of other settings, code or data."""


class Diverged(FinetuneError):
    """A loss is no number any more."""
