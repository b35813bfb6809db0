"""The package's exceptions: each says what, which release or file, and what to do next."""

from __future__ import annotations


class ReleaseError(Exception):
    """A release, snapshot or tag can't be used; no retry helps."""


class ReleaseCorrupt(ReleaseError):
    """Bytes of a release are not those that its checksums name."""


class BadParameters(ReleaseError):
    """`params.yaml` is missing, is no YAML or has an unknown or bad value."""


class ReleaseBusy(ReleaseError):
    """Another process builds the same release; the same call may succeed later."""


class ToolFailed(ReleaseError):
    """git or dvc ended with an error; the message holds its last line. It may succeed later."""
