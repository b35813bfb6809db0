"""A lock that ends with its holder, however that ends: nothing has to be cleaned up after kill -9."""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from db.errors import Busy


class Lock:
    """A lock that is held; `held()` tells whether it still is, which costs a round trip on PostgreSQL."""

    def __init__(self, connection: Connection | None = None) -> None:
        self._connection = connection

    def held(self) -> bool:
        if self._connection is None:
            return True
        try:
            self._connection.execute(text("SELECT 1"))
        except SQLAlchemyError:
            return False
        return True


@contextmanager
def exclusive(engine: Engine, name: str) -> Iterator[Lock]:
    """Hold `name` for the catalogue of this engine; raises Busy at once when another process holds it.

    PostgreSQL: an advisory lock of a session of its own, seen by every machine. SQLite: `flock` on a file beside the
    database, which is as far as a SQLite catalogue reaches.
    """
    if engine.dialect.name == "postgresql":
        yield from _postgresql(engine, name)
    else:
        yield from _file(engine, name)


def _postgresql(engine: Engine, name: str) -> Iterator[Lock]:
    key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if not connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": key}).scalar_one():
            raise Busy(f"{name} is being worked on by another process of this catalogue")
        try:
            yield Lock(connection)
        finally:
            # Where the session is gone, so is its lock; that must not hide why we come here.
            with suppress(SQLAlchemyError):
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": key})


def _file(engine: Engine, name: str) -> Iterator[Lock]:
    database = engine.url.database
    if not database or database == ":memory:":
        yield Lock()
        return
    path = Path(f"{database}.{hashlib.sha256(name.encode()).hexdigest()[:12]}.lock")
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(f"{name} is being worked on by another process of this catalogue ({path})") from None
        yield Lock()
