"""The schema's version: upgrade, downgrade and status through Alembic."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from db.errors import SchemaMismatch


@dataclass(frozen=True, slots=True)
class SchemaStatus:
    """`current` is the database's revision (None: no schema yet), `head` the one this version of Lookbook needs."""

    current: str | None
    head: str

    @property
    def up_to_date(self) -> bool:
        return self.current == self.head


def _config(connection: Connection | None = None) -> Config:
    config = Config(str(Path(__file__).parent / "alembic.ini"))
    config.attributes["connection"] = connection
    return config


def upgrade(engine: Engine, revision: str = "head") -> SchemaStatus:
    """Bring the schema to `revision`, in one transaction where the database can; harmless when it is there."""
    with engine.begin() as connection:
        command.upgrade(_config(connection), revision)
    return status(engine)


def downgrade(engine: Engine, revision: str) -> SchemaStatus:
    """Take the schema back to `revision` (`base`: no tables). The rows of dropped tables are lost."""
    with engine.begin() as connection:
        command.downgrade(_config(connection), revision)
    return status(engine)


def status(engine: Engine) -> SchemaStatus:
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    with engine.connect() as connection:
        return SchemaStatus(MigrationContext.configure(connection).get_current_revision(), head)


def require_current(engine: Engine) -> None:
    """Raise SchemaMismatch, naming the next command, unless the schema is the one that this version needs."""
    found = status(engine)
    if not found.up_to_date:
        raise SchemaMismatch(
            f"the catalogue's schema is {found.current or 'missing'}, this version needs {found.head}: "
            "run `lookbook db upgrade`"
        )
