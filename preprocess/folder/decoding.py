"""A folder's pictures decoded in other processes, in order, a few ahead.

The contract that must not break: one answer per file, whatever it holds: what was taken in, or the verdict; a process
that dies over a picture costs that picture only.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from preprocess.chain.taking import Taken, take
from preprocess.gates.verdict import Rejected, Verdict
from preprocess.intake.decoding import LIMITS
from vitonhd.workers import each

_UNDER_WAY = 4
"""Pictures for each worker that `each` has handed over when a worker dies; any of them may have killed it."""


def decoded(paths: Sequence[Path], workers: int) -> Iterator[Taken | Verdict]:
    """Each file's picture, or why it is none."""
    done = 0
    while done < len(paths):
        try:
            for end in each(take_file, paths[done:], workers):
                yield end
                done += 1
        except BrokenProcessPool:
            suspects = paths[done : done + _UNDER_WAY * workers]
            yield from map(_taken_alone, suspects)
            done += len(suspects)


def take_file(path: Path) -> Taken | Verdict:
    """A file's picture; a file that can't be read is `unreadable-file`."""
    try:
        size = path.stat().st_size
        if size > LIMITS.max_bytes:
            return Verdict("too-large", size, LIMITS.max_bytes, "bytes")
        return take(path.read_bytes())
    except Rejected as rejected:
        return rejected.verdict
    except OSError as error:
        return Verdict("unreadable-file", detail=error.strerror or "")


def _taken_alone(path: Path) -> Taken | Verdict:
    """In a process of its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            return pool.submit(take_file, path).result()
        except BrokenProcessPool:
            return Verdict("decoder-killed", detail="the process that decoded it was ended, perhaps for its memory")
