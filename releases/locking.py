"""One builder a folder: a lock that ends with its holder."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from releases.errors import ReleaseBusy


@contextmanager
def folder_lock(path: Path) -> Iterator[None]:
    """Hold the lock file; raises ReleaseBusy at once when another process does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ReleaseBusy(f"another process works on {path.parent}") from None
        yield
