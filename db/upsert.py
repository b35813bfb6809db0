"""Bulk INSERT ... ON CONFLICT for both databases: correct when two writers bring the same rows at once.

Rows go in ordered by their key, so that two PostgreSQL writers take row locks in the same order and can't deadlock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Executable, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase, Session

_BATCH = 1_000

Row = Mapping[str, Any]


def upsert(
    session: Session,
    model: type[DeclarativeBase],
    rows: Iterable[Row],
    *,
    key: Sequence[str],
    update: Sequence[str] = (),
) -> None:
    """Insert the rows; where the unique `key` columns exist, set the `update` columns to the new row's values.

    Nothing in `update`: rows that exist stay as they are. All rows must have the same columns and may stream: memory
    holds one batch. Two rows of one batch with the same key: the last wins.
    """
    table = model.__table__
    assert isinstance(table, Table)
    statement = _statement(session, table, key, update)
    iterator = iter(rows)
    while batch := list(islice(iterator, _BATCH)):
        unique = {tuple(row[name] for name in key): row for row in batch}
        # One statement for all rows (executemany): it is compiled once, which a statement with all values is not.
        session.execute(statement, [dict(unique[k]) for k in sorted(unique)])


def _statement(session: Session, table: Table, key: Sequence[str], update: Sequence[str]) -> Executable:
    dialect = session.get_bind().dialect.name
    statement: postgresql.Insert | sqlite.Insert = (
        postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    )
    if not update:
        return statement.on_conflict_do_nothing(index_elements=key)
    values = {name: statement.excluded[name] for name in update}
    return statement.on_conflict_do_update(index_elements=key, set_=values)
