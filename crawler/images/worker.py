"""A worker process: fetches, verifies and stores one picture per thread at a time, and answers with small outcomes.

The contract that must not break: a worker keeps nothing that must survive it, so it may be killed at any moment. It
ends by itself when the parent's end of the pipe is gone.
"""

from __future__ import annotations

import logging
import os
import queue
import signal
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection

from crawler.errors import AddressRefused, Rejected, Temporary
from crawler.images.client import Answer, Client, Watchdog, make_context
from crawler.images.tasks import Outcome, StoredImage, Task, WorkerSettings
from crawler.images.verify import verify
from crawler.robots import MAX_BYTES as MAX_ROBOTS_BYTES
from crawler.robots import forbids_ai
from db.blobs import BlobStore
from db.errors import StorageError

logger = logging.getLogger(__name__)

_REFUSALS = {403, 429, 503}
_GONE = {404, 410}
_ACCEPT = "image/avif,image/webp,image/png,image/jpeg,image/*;q=0.8"


def work(pipe: Connection, settings: WorkerSettings) -> None:
    """A worker process's whole life: tasks come in by the pipe, outcomes go out; None or a closed pipe ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides what it means
    tasks: queue.SimpleQueue[Task] = queue.SimpleQueue()
    sending = threading.Lock()
    shared = Shared(BlobStore(settings.blobs_url), Watchdog(), make_context(), ThreadPoolExecutor(1, "decode"))

    def fetch_for_ever() -> None:
        fetcher = Fetcher(settings, shared)
        while True:
            outcome = fetcher.run(tasks.get())
            with sending:
                try:
                    pipe.send(outcome)
                except OSError:
                    os._exit(1)

    for number in range(settings.images.threads):
        threading.Thread(target=fetch_for_ever, name=f"fetch-{number}", daemon=True).start()
    try:
        while (task := pipe.recv()) is not None:
            tasks.put(task)
    except (EOFError, OSError):
        pass
    # Threads may be in the middle of a download; there is nobody left to tell about it.
    os._exit(0)


@dataclass(frozen=True)
class Shared:
    """What the threads of a process share.

    All pictures are decoded by one thread: processes are what uses more cores, and a process then needs the memory of
    one picture, where every thread that ever decoded would keep some for itself (70 MB in all, measured).
    """

    blobs: BlobStore
    watchdog: Watchdog
    context: ssl.SSLContext
    decoder: ThreadPoolExecutor


class Fetcher:
    """One thread's work; every task ends in an Outcome, whatever the shop sends."""

    def __init__(self, settings: WorkerSettings, shared: Shared) -> None:
        self._settings = settings
        self._shared = shared
        self._clients = {
            shop: Client(guard, settings.user_agent, settings.images.timeout, shared.watchdog, shared.context)
            for shop, guard in settings.guards.items()
        }

    def run(self, task: Task) -> Outcome:
        try:
            return self._robots(task) if task.robots else self._image(task)
        except AddressRefused as error:
            return Outcome(task, "rejected", error.reason)
        except Rejected as error:
            return Outcome(task, "rejected", error.reason, status=200)
        except Temporary as error:
            return Outcome(task, "temporary", error.reason)
        except MemoryError:
            return Outcome(task, "temporary", "out-of-memory")
        except StorageError as error:
            return Outcome(task, "broken", str(error))
        except Exception as error:
            # A thread that died here would leave its task unanswered and the run waiting for ever.
            logger.exception("an image task failed: %s", task.url)
            return Outcome(task, "temporary", f"internal-{type(error).__name__}"[:60])

    def _robots(self, task: Task) -> Outcome:
        # One byte more than is parsed shows the parser that it was cut; a longer file is no error.
        answer = self._clients[task.shop].get(task.url, max_bytes=8 * MAX_ROBOTS_BYTES)
        if answer.location is not None and 300 <= answer.status < 400:
            return Outcome(task, "moved", status=answer.status, location=answer.location)
        return Outcome(task, "robots", status=answer.status, body=answer.body[: MAX_ROBOTS_BYTES + 1])

    def _image(self, task: Task) -> Outcome:
        referer = self._settings.referers.get(task.shop)
        headers = {"Accept": _ACCEPT, **({"Referer": referer} if referer else {})}
        answer = self._clients[task.shop].get(task.url, max_bytes=self._settings.images.max_bytes, headers=headers)
        if answer.status != 200:
            return _no_picture(task, answer)
        if forbids_ai(answer.headers.getlist("X-Robots-Tag"), self._settings.product_token):
            raise Rejected("x-robots-tag")
        picture = self._shared.decoder.submit(verify, answer.body, self._settings.images).result()
        image = StoredImage(
            sha256=self._put(answer.body),
            size=len(answer.body),
            format=picture.format,
            width=picture.width,
            height=picture.height,
            phash=picture.phash,
            thumbnail=picture.thumbnail,
            segments=picture.segments,
            fitted_sha256=None if picture.fitted is None else self._put(picture.fitted),
        )
        return Outcome(task, "stored", status=200, image=image, received=len(answer.body))

    def _put(self, data: bytes) -> str:
        try:
            return self._shared.blobs.put(data)
        except Exception as error:
            # Object stores raise errors of several libraries; whichever it is, it is not the picture's fault.
            raise StorageError(f"the blob store failed: {error!r:.300}") from error


def _no_picture(task: Task, answer: Answer) -> Outcome:
    """What an answer other than 200 means."""
    status, reason = answer.status, f"http-{answer.status}"
    if status in {301, 302, 303, 307, 308} and answer.location is not None:
        return Outcome(task, "moved", reason, status, location=answer.location)
    if status in _GONE:
        return Outcome(task, "gone", reason, status)
    if status in _REFUSALS:
        return Outcome(task, "refused", reason, status, retry_after=answer.retry_after())
    if status >= 500 or status in {408, 425}:
        return Outcome(task, "temporary", reason, status, retry_after=answer.retry_after())
    return Outcome(task, "rejected", reason, status)
