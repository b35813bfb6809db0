"""Pictures through all stages at once: decoding in processes, networks in one thread, all else in a pool of threads.

The contract that must not break: every work that went in comes out as exactly one `Made`, whatever its picture does;
what is held at a time is bounded in pixels and in pictures. The caller's thread only waits and hands on.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Self

from db.blobs import BlobStore
from db.errors import StorageError
from preprocess.chain.looking import Looker
from preprocess.chain.placing import Placed, place
from preprocess.chain.taking import Taken
from preprocess.errors import PreprocessError
from preprocess.gates.verdict import Verdict
from preprocess.run.decoders import Decoded, Decoders
from preprocess.run.finishing import Made, ended_by, finish
from preprocess.run.work import Work
from preprocess.student.student import Sight
from vitonhd.arrays import Picture
from vitonhd.garment_classes import GarmentClass

PIXELS = 40_000_000
"""Held at a time, of pictures as stored: up to 18 bytes each from decoding to the end. A larger picture goes alone."""
_FAULTS = 20
"""Looks that failed one after another: then it is not the pictures."""

Ends = Iterator[Made]


@dataclass
class _Job:
    """One picture on its way; `placed` is there after the first look."""

    work: Work
    taken: Taken | None = None
    placed: Placed | None = None
    seconds: float = 0.0

    @property
    def picture(self) -> Picture:
        """What the next look is at: the whole picture, then the framed one."""
        if self.placed is None:
            assert self.taken is not None
            return self.taken.intake.on_white
        assert self.placed.framed is not None
        return self.placed.framed.picture


class Pipeline:
    """A context manager over its processes and threads: `workers` of each. Files go to `sink`, else to `blobs`."""

    def __init__(
        self,
        looker: Looker,
        blobs: BlobStore,
        *,
        size: tuple[int, int],
        workers: int,
        sink: BlobStore | None = None,
        pixels: int = PIXELS,
    ) -> None:
        self._looker, self._blobs, self._size, self._workers = looker, blobs, size, workers
        self._sink = sink or blobs
        self._most_pixels = pixels
        self._most_jobs = 2 * looker.batch + 2 * workers + 2
        self._pixels = 0
        self._jobs = 0
        self._under_way: dict[Future[Any], Callable[[Future[Any]], Ends]] = {}
        self._to_look_at: tuple[deque[_Job], deque[_Job]] = deque(), deque()
        self._looking = False
        self._faults = 0
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        self._decoders = self._closing.enter_context(Decoders(self._blobs, self._workers))
        self._device: Executor = self._closing.enter_context(ThreadPoolExecutor(1, "look"))
        self._threads: Executor = self._closing.enter_context(ThreadPoolExecutor(self._workers, "finish"))
        return self

    def __exit__(self, *exc: object) -> None:
        for future in self._under_way:
            future.cancel()
        self._closing.close()

    @property
    def held(self) -> int:
        """Pictures on their way."""
        return self._jobs

    def run(self, works: Iterator[Work]) -> Ends:
        """The ends of all works, as they come. Raises StorageError where blobs can't be read or written."""
        upcoming = next(works, None)
        while True:
            while upcoming is not None and self._fits(upcoming):
                self._begin(upcoming)
                upcoming = next(works, None)
            self._look()
            if not self._under_way:
                return
            for future in wait(self._under_way, return_when=FIRST_COMPLETED).done:
                for made in self._under_way.pop(future)(future):
                    self._jobs -= 1
                    self._pixels -= made.work.pixels
                    yield made

    def _fits(self, work: Work) -> bool:
        room = self._jobs < self._most_jobs and self._pixels + work.pixels <= self._most_pixels
        return room or self._jobs == 0

    def _begin(self, work: Work) -> None:
        self._jobs += 1
        self._pixels += work.pixels
        self._under_way[self._decoders.submit(work)] = partial(self._decoded, _Job(work))

    def _decoded(self, job: _Job, future: Future[Decoded]) -> Ends:
        found = future.result()
        job.seconds += found.seconds
        if found.taken is not None:
            job.taken = found.taken
            self._to_look_at[0].append(job)
        else:
            yield Made(
                job.work, verdict=found.verdict or found.fault, failed=found.verdict is None, seconds=job.seconds
            )

    def _look(self) -> None:
        """Give the networks the next batch as soon as they are free; framed pictures first, they are nearly done."""
        queue = self._to_look_at[1] or self._to_look_at[0]
        if self._looking or not queue:
            return
        batch = [queue.popleft() for _ in range(min(len(queue), self._looker.batch))]
        self._looking = True
        self._under_way[self._device.submit(self._looked, batch)] = partial(self._seen, batch)

    def _looked(self, batch: Sequence[_Job]) -> list[Sight | Exception]:
        """In the networks' thread: what is seen in each picture, or the error that ends it."""
        started = time.perf_counter()
        try:
            sights: list[Sight | Exception] = [
                _error(sight) if isinstance(sight, Verdict) else sight
                for sight in self._looker.look([job.picture for job in batch])
            ]
        except Exception as error:
            if len(batch) > 1:  # only one of them may be at fault
                return [sight for job in batch for sight in self._looked([job])]
            sights = [error]
        for job in batch:
            job.seconds += (time.perf_counter() - started) / len(batch)
        return sights

    def _seen(self, batch: Sequence[_Job], future: Future[list[Sight | Exception]]) -> Ends:
        self._looking = False
        for job, sight in zip(batch, future.result(), strict=True):
            if isinstance(sight, Exception):
                self._faults += 1
                if self._faults > _FAULTS:
                    raise PreprocessError(f"the networks fail whatever they are shown, at last with: {sight}")
                yield replace(ended_by(job.work, sight), seconds=job.seconds)
                continue
            self._faults = 0
            if job.placed is None:
                self._under_way[self._threads.submit(self._place, job, sight)] = partial(self._placed, job)
            else:
                assert job.placed.framed is not None
                job.placed = replace(job.placed, framed=job.placed.framed.seen_again(sight))
                self._finish(job)

    def _place(self, job: _Job, sight: Sight) -> Placed:
        """In a thread."""
        assert job.taken is not None
        started = time.perf_counter()
        placed = place(job.taken, sight, GarmentClass(job.work.garment_class), size=self._size)
        job.seconds += time.perf_counter() - started
        return placed

    def _placed(self, job: _Job, future: Future[Placed]) -> Ends:
        try:
            job.placed = future.result()
        except StorageError:
            raise
        except Exception as error:
            yield replace(ended_by(job.work, error), seconds=job.seconds)
            return
        if self._looker.eyes.looks_again and job.placed.wants_look:
            self._to_look_at[1].append(job)
        else:
            self._finish(job)

    def _finish(self, job: _Job) -> None:
        assert job.placed is not None
        future = self._threads.submit(finish, job.work, job.placed, self._sink, job.seconds)
        self._under_way[future] = _made


def _made(future: Future[Made]) -> Ends:
    yield future.result()


def _error(verdict: Verdict) -> Exception:
    return MemoryError(str(verdict))
