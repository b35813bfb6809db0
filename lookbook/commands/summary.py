"""The last line of a stage command's stdout: its result as JSON, for scripts and Airflow."""

from __future__ import annotations

import json
from typing import Any

import typer


def print_summary(values: dict[str, Any]) -> None:
    typer.echo(json.dumps(values, ensure_ascii=False, default=str))
