"""`lookbook db`: the catalogue's schema."""

from __future__ import annotations

from typing import Annotated

import typer

from lookbook.commands.summary import print_summary

app = typer.Typer(help="The catalogue database (SQLite or PostgreSQL).", no_args_is_help=True)


@app.command()
def upgrade() -> None:
    """Make the catalogue's tables, or bring them to the schema of this version; harmless when they are there.

    Example: LOOKBOOK_DATABASE_URL=postgresql://lookbook@db/lookbook lookbook db upgrade
    """
    from db import schema
    from lookbook.resources import open_engine

    found = schema.upgrade(open_engine(checked=False))
    print_summary({"revision": found.current, "head": found.head})


@app.command()
def downgrade(
    revision: Annotated[str, typer.Argument(help="A revision, or `base` for no tables at all.")],
    yes: Annotated[bool, typer.Option("--yes", help="Really drop what the revision does not have.")] = False,
) -> None:
    """Take the schema back to an earlier revision. The rows of dropped tables are lost.

    Example: lookbook db downgrade base --yes
    """
    from db import schema
    from lookbook.resources import open_engine

    if not yes:
        raise typer.BadParameter("this drops tables with their rows; say --yes if you mean it", param_hint="--yes")
    found = schema.downgrade(open_engine(checked=False), revision)
    print_summary({"revision": found.current, "head": found.head})


@app.command()
def status() -> None:
    """Print the schema's revision, the one needed, and how many rows each table has.

    Example: lookbook db status
    """
    from db import queries, schema
    from db.session import make_sessions
    from lookbook.exits import CONFIG
    from lookbook.resources import open_engine

    engine = open_engine(checked=False)
    found = schema.status(engine)
    rows = {}
    if found.up_to_date:
        with make_sessions(engine)() as session:
            rows = queries.row_counts(session)
    print_summary({"revision": found.current, "head": found.head, "up_to_date": found.up_to_date, "rows": rows})
    if not found.up_to_date:
        typer.echo("run `lookbook db upgrade`", err=True)
        raise typer.Exit(CONFIG)
