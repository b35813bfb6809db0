"""Bulk INSERT ... ON CONFLICT for both databases: correct when two writers bring the same rows at once.

Rows go in ordered by their key, so that two PostgreSQL writers take row locks in the same order and can't deadlock.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Executable, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase, Session

# SQLite allows 32,766 bound values in a statement, PostgreSQL's protocol 65,535.
_MAX_VALUES = 30_000

Row = Mapping[str, Any]


def upsert(
    session: Session,
    model: type[DeclarativeBase],
    rows: Iterable[Row],
    *,
    key: Sequence[str],
    update: Sequence[str] | Mapping[str, ColumnElement[Any]] = (),
) -> None:
    """Insert the rows; where the unique `key` columns exist, set the `update` columns to the new row's values.

    Nothing in `update`: rows that exist stay as they are. A mapping gives expressions in place of the new values.
    All rows must have the same columns and may stream: memory holds one batch. Two rows of one batch with the same key:
    the last wins.
    """
    table = model.__table__
    assert isinstance(table, Table)
    for batch in _batches(rows):
        unique = {tuple(row[name] for name in key): row for row in batch}
        ordered = [dict(unique[k]) for k in sorted(unique, key=_sortable)]
        session.execute(_statement(session, table, ordered, key, update))


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    iterator = iter(rows)
    for first in iterator:
        yield [first, *islice(iterator, max(1, _MAX_VALUES // (len(first) + 10)) - 1)]


def _sortable(key: tuple[Any, ...]) -> tuple[str, ...]:
    return tuple(f"{part:020d}" if isinstance(part, int) else str(part) for part in key)


def _statement(
    session: Session,
    table: Table,
    rows: list[dict[str, Any]],
    key: Sequence[str],
    update: Sequence[str] | Mapping[str, ColumnElement[Any]],
) -> Executable:
    dialect = session.get_bind().dialect.name
    statement: postgresql.Insert | sqlite.Insert = (
        postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    )
    statement = statement.values(rows)
    index = [table.c[name] for name in key]
    if not update:
        return statement.on_conflict_do_nothing(index_elements=index)
    values = update if isinstance(update, Mapping) else {name: statement.excluded[name] for name in update}
    return statement.on_conflict_do_update(index_elements=index, set_=dict(values))
