"""Engines and sessions: SQLite (WAL) by default, PostgreSQL by URL."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

BUSY_TIMEOUT_S = 60


def make_engine(url: str) -> Engine:
    """An engine for a `sqlite:///file` or `postgresql://` URL; a bare `postgresql://` means psycopg 3.

    A SQLite file's folder is made if missing. Foreign keys are on; a writer waits up to 60 s for another.
    """
    parsed = make_url(url)
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() != "sqlite":
        return create_engine(parsed, pool_pre_ping=True)
    if parsed.database and parsed.database != ":memory:":
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed, connect_args={"timeout": BUSY_TIMEOUT_S})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin)
    return engine


def make_sessions(engine: Engine, *, read_only: bool = False) -> sessionmaker[Session]:
    """Sessions of the engine; `read_only` ones never wait for a writer on SQLite (and must not write)."""
    bind = engine.execution_options(lookbook_read_only=True) if read_only else engine
    return sessionmaker(bind, expire_on_commit=False)


def _prepare_sqlite(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
    assert isinstance(connection, sqlite3.Connection)
    # Python's driver would begin lazily and deferred; see _begin.
    connection.isolation_level = None
    # 64 MiB of cache: address keys are random, and with SQLite's 2 MiB each insert into a large index reads from disk.
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "cache_size=-65536"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    # A deferred transaction that first reads and then writes fails at once with "database is locked" when another
    # writer got in between: the busy timeout does not apply to that upgrade. Taking the write lock first waits instead.
    read_only = connection.get_execution_options().get("lookbook_read_only")
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
