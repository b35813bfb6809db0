"""Worker processes that read blobs and decode pictures, each asked by a thread of this process.

The contract that must not break: every picture that was asked for comes back as exactly one `Decoded`, whatever it does
to its worker; a worker keeps nothing, needs no torch, and ends by itself when this process is gone.
"""

from __future__ import annotations

import logging
import multiprocessing
import queue
import signal
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Self

from db.blobs import BlobStore
from db.errors import BlobCorrupt, BlobMissing, StorageError
from preprocess.chain.taking import Taken, take
from preprocess.gates.verdict import Rejected, Verdict

if TYPE_CHECKING:
    from preprocess.run.work import Work

logger = logging.getLogger(__name__)

_TRIES = 2
"""A picture whose worker died is tried once more: the worker may have been killed for another's sake."""
_DEATHS = 20
"""Deaths without a success in between: then it is not the pictures."""
_CLOSING_S = 5.0


@dataclass(frozen=True)
class Decoded:
    """A picture, or why there is none: `verdict` where it is the file's fault, `fault` where it is not."""

    taken: Taken | None = None
    verdict: Verdict | None = None
    fault: Verdict | None = None
    seconds: float = 0.0


class Decoders:
    """`workers` processes, started when they are needed; a context manager that ends them."""

    def __init__(self, blobs: BlobStore, workers: int) -> None:
        self._blobs = blobs
        self._deaths = 0
        self._counting = threading.Lock()
        self._idle: queue.SimpleQueue[_Worker | None] = queue.SimpleQueue()
        self._threads = ThreadPoolExecutor(workers, "decode")
        for _ in range(workers):
            self._idle.put(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._threads.shutdown(cancel_futures=True)
        while not self._idle.empty():
            if (worker := self._idle.get()) is not None:
                worker.end()

    def submit(self, work: Work) -> Future[Decoded]:
        """The future raises StorageError where blobs can't be read at all."""
        return self._threads.submit(self._decode, work)

    def _decode(self, work: Work) -> Decoded:
        code: int | None = None
        for _ in range(_TRIES):
            worker = self._idle.get() or _Worker(self._blobs)
            try:
                answer = worker.ask(work.sha256, work.rows)
            except (EOFError, OSError):
                self._idle.put(None)
                code = worker.end()
                logger.warning("a decoder died (exit code %s) on %s", code, work.sha256)
                self._count_death(code)
                continue
            except BaseException:
                self._idle.put(None)
                raise
            self._idle.put(worker)
            self._deaths = 0
            if isinstance(answer, StorageError):
                raise answer
            return answer
        return Decoded(fault=Verdict("worker-died", detail=f"exit code {code}, {_TRIES} times"))

    def _count_death(self, code: int | None) -> None:
        with self._counting:
            self._deaths += 1
        if self._deaths > _DEATHS:
            raise RuntimeError(f"decoders die whatever they are given (exit code {code})")


class _Worker:
    def __init__(self, blobs: BlobStore) -> None:
        # `spawn` starts with nothing but what it is given: no copies of CUDA contexts, connections or other pipes.
        context = multiprocessing.get_context("spawn")
        self._pipe: Connection
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, blobs), name="decode", daemon=True)
        self._process.start()
        theirs.close()

    def ask(self, sha256: str, rows: tuple[int, int] | None) -> Decoded | StorageError:
        """Raises EOFError or OSError when the process dies."""
        self._pipe.send((sha256, rows))
        answer: Decoded | StorageError = self._pipe.recv()
        return answer

    def end(self) -> int | None:
        """End the process; its exit code."""
        with suppress(OSError):
            self._pipe.send(None)
        self._process.join(_CLOSING_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._pipe.close()
        return self._process.exitcode


def _work(pipe: Connection, blobs: BlobStore) -> None:
    """A worker's whole life: names come in by the pipe, pictures go out; None or a closed pipe ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides what it means
    with suppress(EOFError, OSError):
        while (asked := pipe.recv()) is not None:
            pipe.send(decode(blobs, *asked))


def decode(blobs: BlobStore, sha256: str, rows: tuple[int, int] | None) -> Decoded | StorageError:
    """One picture out of the store; StorageError, returned, where the store itself does not answer."""
    started = time.perf_counter()
    try:
        taken = take(blobs.get(sha256, verify=True), rows=rows)
        return Decoded(taken, seconds=time.perf_counter() - started)
    except Rejected as rejected:
        if rejected.verdict.reason == "out-of-memory":
            return Decoded(fault=rejected.verdict)
        return Decoded(verdict=rejected.verdict, seconds=time.perf_counter() - started)
    except BlobMissing as error:
        return Decoded(fault=Verdict("blob-missing", detail=str(error)))
    except BlobCorrupt as error:
        return Decoded(fault=Verdict("blob-corrupt", detail=str(error)))
    except MemoryError:
        return Decoded(fault=Verdict("out-of-memory", detail="decoding"))
    except Exception as error:
        # Object stores raise errors of several libraries; whichever it is, it is not the picture's fault.
        return StorageError(f"the blob store failed: {error!r:.300}")
