"""What stops a preprocessing stage; a bad picture does not, it is recorded with its reason (`vitonhd.errors`)."""

from __future__ import annotations


class PreprocessError(Exception):
    """A stage can't go on as it was asked to; the message says what is in the way and what to do."""


class NothingToDo(PreprocessError):
    """The input holds nothing that the stage works on."""


class OtherParameters(PreprocessError):
    """The output folder holds results that were made with other parameters."""
