"""The lock excludes other processes and ends with its holder, even by kill -9."""

from __future__ import annotations

import multiprocessing
import os
import signal
from typing import Any

import pytest
from sqlalchemy import Engine

from db.errors import Busy
from db.locks import exclusive
from db.session import make_engine


def _hold(url: str, held: Any) -> None:
    with exclusive(make_engine(url), "crawl musinsa"):
        held.set()
        signal.pause()


def test_the_lock_excludes_others_until_its_holder_is_killed(engine: Engine, database_url: str) -> None:
    context = multiprocessing.get_context("spawn")
    held = context.Event()
    holder = context.Process(target=_hold, args=(database_url, held))
    holder.start()
    assert held.wait(60)
    with pytest.raises(Busy, match="crawl musinsa"), exclusive(engine, "crawl musinsa"):
        pass
    with exclusive(engine, "crawl ssf"):
        pass
    assert holder.pid is not None
    os.kill(holder.pid, signal.SIGKILL)
    holder.join(30)
    for _ in range(100):  # PostgreSQL notices a dead client a moment later
        try:
            with exclusive(engine, "crawl musinsa"):
                return
        except Busy:
            signal.sigtimedwait([], 0.1)
    raise AssertionError("the lock outlived its holder")


def test_the_lock_is_released_after_an_error(engine: Engine) -> None:
    with pytest.raises(RuntimeError, match="boom"), exclusive(engine, "x"):
        raise RuntimeError("boom")
    with exclusive(engine, "x"):
        pass
