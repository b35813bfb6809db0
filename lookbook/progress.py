"""Progress of long work, on stderr: a bar with rate and time left on a terminal, else a line every 30 seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

LINE_EVERY_S = 30.0


class Report(Protocol):
    """Called by a stage function with how many are done, and how many there are as far as is known by now."""

    def __call__(self, done: int, total: int | None) -> None: ...


@contextmanager
def progress(what: str) -> Iterator[Report]:
    """A reporter for one stage: `with progress("pictures") as report: stage(..., on_progress=report)`."""
    if sys.stderr.isatty():
        yield from _bar(what)
    else:
        yield _lines(what)


def _bar(what: str) -> Iterator[Report]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.finished_speed or task.speed or 0:.1f}/s")

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=None)

        def report(done: int, total: int | None) -> None:
            bar.update(task, completed=done, total=total)

        yield report


def _lines(what: str) -> Report:
    started = last = time.monotonic()

    def report(done: int, total: int | None) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < LINE_EVERY_S:
            return
        last = now
        rate = done / (now - started)
        left = f", {(total - done) / rate:.0f} s left" if total and rate > 0 else ""
        print(f"{what}: {done} of {total or '?'}, {rate:.1f}/s{left}", file=sys.stderr, flush=True)

    return report
