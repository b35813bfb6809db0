"""The pictures of a folder and its sub-folders, by their path in it.

The contract that must not break: the order depends on the names alone; nothing outside the folder is listed, and
nothing of the folder that is written to.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from preprocess.errors import NothingToDo, PreprocessError

SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".avif", ".bmp", ".tif", ".tiff", ".heic", ".heif")
)
"""Names that say that a file is a picture, in any case; those that intake does not read get that as their reason."""


@dataclass(frozen=True)
class Listing:
    files: tuple[str, ...]
    """Paths below the folder, `/` between their parts, sorted."""
    others: int
    """Files that are no pictures by their names."""


def list_pictures(source: Path, out: Path) -> Listing:
    """Every picture below `source` but for hidden ones and those below `out`; folders that are links are not entered.

    Raises NothingToDo where there is none, PreprocessError for a folder that can't be listed.
    """
    kept_out = out.resolve()
    files: list[str] = []
    others = 0
    for folder, folders, names in os.walk(source, onerror=_refuse):
        here = Path(folder)
        folders[:] = [name for name in folders if not name.startswith(".") and (here / name).resolve() != kept_out]
        for name in names:
            if name.startswith(".") or not _is_regular(here / name):
                continue
            if Path(name).suffix.lower() in SUFFIXES:
                files.append((here / name).relative_to(source).as_posix())
            else:
                others += 1
    if not files:
        raise NothingToDo(f"{source}: no pictures ({', '.join(sorted(SUFFIXES))}) in it")
    return Listing(tuple(sorted(files)), others)


def _refuse(error: OSError) -> NoReturn:
    raise PreprocessError(f"{error.filename} can't be listed: {error.strerror}")


def _is_regular(path: Path) -> bool:
    """Whether a file can be read to its end: a pipe can't."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False
