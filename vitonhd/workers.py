"""A function over many jobs in this process or in several, for whoever writes trees.

The contract that must not break: what comes out does not depend on the number of processes; a failure stops the rest;
workers end with the process that started them, however it ends.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing.connection import wait
from typing import TypeVar

_AHEAD = 4
"""Jobs handed over for each worker: what is handed over can't be called back."""
Job = TypeVar("Job")
End = TypeVar("End")


def each(function: Callable[[Job], End], jobs: Sequence[Job], workers: int) -> Iterator[End]:
    """What the function returns for each job, in the jobs' order. Raises what the first failing one raised.

    Function, jobs and results must be picklable where there is more than one worker.
    """
    if workers == 1 or len(jobs) < 2:
        yield from map(function, jobs)
        return
    # Spawned, not forked: threads of torch, OpenCV or the caller don't survive a fork.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_end_with_the_parent)
    under_way: deque[Future[End]] = deque()
    try:
        for job in jobs:
            under_way.append(pool.submit(function, job))
            if len(under_way) >= _AHEAD * workers:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _end_with_the_parent() -> None:
    """A killed parent can't tell its workers; left alone they would work on and then wait for ever."""
    threading.Thread(target=_watch, daemon=True).start()


def _watch() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
