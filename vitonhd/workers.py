"""A function over many jobs in this process or in several.

The contract that must not break: what a job writes does not depend on the number of processes.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import TypeVar

Job = TypeVar("Job")


def each(function: Callable[[Job], None], jobs: Sequence[Job], workers: int) -> Iterator[None]:
    """Yields after each job that is done, in any order. Raises what the function raised."""
    if workers == 1 or len(jobs) < 2:
        for job in jobs:
            function(job)
            yield
        return
    # Spawned, not forked: torch's and OpenCV's threads don't survive a fork.
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        for future in as_completed([pool.submit(function, job) for job in jobs]):
            future.result()
            yield
