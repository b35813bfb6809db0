"""Migrations lead to exactly the models' schema, and back to nothing."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, inspect

from db import schema
from db.errors import SchemaMismatch
from db.models import Base


def differences(engine: Engine) -> list[object]:
    with engine.connect() as connection:
        return list(compare_metadata(MigrationContext.configure(connection), Base.metadata))


def test_migrations_make_the_schema_of_the_models(engine: Engine) -> None:
    assert schema.status(engine).up_to_date
    assert differences(engine) == []


def test_downgrade_to_nothing_and_up_again(engine: Engine) -> None:
    found = schema.downgrade(engine, "base")
    assert found.current is None
    assert set(inspect(engine).get_table_names()) <= {"alembic_version"}
    assert schema.upgrade(engine).up_to_date
    assert differences(engine) == []


def test_upgrade_of_an_upgraded_catalogue_changes_nothing(engine: Engine) -> None:
    assert schema.upgrade(engine) == schema.status(engine)


def test_an_old_schema_is_refused_with_the_next_command(engine: Engine) -> None:
    schema.downgrade(engine, "base")
    try:
        schema.require_current(engine)
    except SchemaMismatch as error:
        assert "lookbook db upgrade" in str(error)
    else:
        raise AssertionError("a catalogue without tables was accepted")
