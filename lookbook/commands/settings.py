"""`lookbook settings`: what is in force, and where it came from."""

from __future__ import annotations

import json
from typing import Annotated

import typer

app = typer.Typer(help="Settings: lookbook.toml and LOOKBOOK_* variables.", no_args_is_help=True)


@app.callback()
def _settings() -> None: ...


@app.command()
def show(as_json: Annotated[bool, typer.Option("--json", help="JSON Lines in place of a table.")] = False) -> None:
    """Print every setting in force and where its value came from; secrets are masked.

    Example: LOOKBOOK_CRAWL__TIMEOUT=10 lookbook settings show
    """
    from lookbook.settings import in_force, load_settings

    for setting in in_force(load_settings()):
        if as_json:
            typer.echo(json.dumps({"key": setting.key, "value": setting.value, "source": setting.source}))
        else:
            value = json.dumps(setting.value, ensure_ascii=False)
            typer.echo(f"{setting.key:<34} {value:<44} {setting.source}")
