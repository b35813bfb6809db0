"""The worker processes, seen from the parent: bounded work in flight, and replacement of those that die.

The contract that must not break: every task that was sent comes back as exactly one outcome. Each worker has a pipe of
its own, since a queue that processes share stays locked for ever when one of them is killed while it holds the lock.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from crawler.images.tasks import Outcome, Task, WorkerSettings

logger = logging.getLogger(__name__)

_CLOSING_S = 5
_DEATHS = 5


class WorkerPool:
    """`processes` workers with `threads` tasks each at most; a context manager that ends them."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._deaths = 0
        self._workers = [_Worker(settings) for _ in range(settings.images.processes)]

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, *exc: object) -> None:
        for worker in self._workers:
            worker.ask_to_end()
        for worker in self._workers:
            worker.end()

    @property
    def free(self) -> int:
        """How many tasks can be sent before one must come back."""
        return sum(self._settings.images.threads - len(worker.tasks) for worker in self._workers)

    @property
    def busy(self) -> bool:
        return any(worker.tasks for worker in self._workers)

    @property
    def pids(self) -> list[int]:
        return [worker.process.pid for worker in self._workers if worker.process.pid is not None]

    def send(self, task: Task) -> None:
        min(self._workers, key=lambda worker: len(worker.tasks)).send(task)

    def wait(self, timeout: float) -> list[Outcome]:
        """Outcomes as soon as there are any, at the latest after `timeout` seconds; tasks of dead workers included."""
        ready = set(wait([worker.pipe for worker in self._workers], timeout))
        outcomes: list[Outcome] = []
        for place, worker in enumerate(self._workers):
            if worker.pipe not in ready:
                continue
            try:
                outcomes.extend(worker.received())
                self._deaths = 0
            except (EOFError, OSError):
                outcomes.extend(self._replace(place))
        return outcomes

    def _replace(self, place: int) -> list[Outcome]:
        dead = self._workers[place]
        dead.end()
        self._deaths += 1
        if self._deaths > _DEATHS * len(self._workers):
            raise RuntimeError(f"image workers die as soon as they start (exit code {dead.process.exitcode})")
        logger.warning("image worker %s died (exit code %s), replaced", dead.process.pid, dead.process.exitcode)
        self._workers[place] = _Worker(self._settings)
        return [Outcome(task, "temporary", "worker-died") for task in dead.tasks]


def _work(pipe: Connection, settings: WorkerSettings) -> None:
    # Imported in the worker only: the parent needs neither OpenCV nor Pillow in its memory.
    from crawler.images.worker import work

    work(pipe, settings)


class _Worker:
    def __init__(self, settings: WorkerSettings) -> None:
        # `spawn` starts with nothing but what it is given: no copies of database connections, locks or other pipes.
        context = multiprocessing.get_context("spawn")
        self.pipe: Connection
        self.pipe, theirs = context.Pipe()
        self.process: SpawnProcess = context.Process(target=_work, args=(theirs, settings), name="images", daemon=True)
        self.process.start()
        theirs.close()
        self.tasks: list[Task] = []

    def send(self, task: Task) -> None:
        self.tasks.append(task)
        # A worker that is gone shows at the next wait, which gives its tasks back.
        with contextlib.suppress(OSError):
            self.pipe.send(task)

    def received(self) -> list[Outcome]:
        outcomes = [self._receive()]
        with contextlib.suppress(EOFError, OSError):
            while self.pipe.poll():
                outcomes.append(self._receive())
        return outcomes

    def ask_to_end(self) -> None:
        with contextlib.suppress(OSError):
            self.pipe.send(None)

    def end(self) -> None:
        self.process.join(_CLOSING_S if not self.tasks else 0)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.pipe.close()

    def _receive(self) -> Outcome:
        outcome: Outcome = self.pipe.recv()
        self.tasks.remove(outcome.task)
        return outcome
