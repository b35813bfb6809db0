"""The `lookbook` command. Commands hold no logic and import what they need inside: `--help` answers in under 0.5 s."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from lookbook.commands import (
    catalog,
    crawl,
    database,
    dataset,
    evaluate,
    finetune,
    preprocess,
    release,
    settings,
    studio,
    weights,
)
from lookbook.exits import USAGE, exit_code

app = typer.Typer(
    name="lookbook",
    help="From shop catalogues to virtual try-on.\n\n"
    "Exit codes: 0 done (rejections are counted, not errors), 64 usage, 65 input unusable, 75 temporary (try again), "
    "77 refused (robots.txt, no permission), 78 configuration.\n\n"
    "Example: lookbook crawl run musinsa --category 100005 --limit 100",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=True,
)
app.add_typer(settings.app, name="settings")
app.add_typer(database.app, name="db")
app.add_typer(crawl.app, name="crawl")
app.add_typer(catalog.app, name="catalog")
app.add_typer(studio.app, name="studio")
app.add_typer(preprocess.app, name="preprocess")
app.add_typer(finetune.app, name="finetune")
app.add_typer(weights.app, name="weights")
app.add_typer(dataset.app, name="dataset")
app.add_typer(release.app, name="release")
app.command()(evaluate.evaluate)
app.command()(evaluate.compare)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"lookbook {version('lookbook')}")
        raise typer.Exit


@app.callback()
def _root(
    log_level: Annotated[str, typer.Option(help="DEBUG, INFO, WARNING or ERROR; the log goes to stderr.")] = "INFO",
    version: Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True)] = False,
) -> None:
    from lookbook.logs import start_logging

    try:
        start_logging(log_level)
    except ValueError:
        raise typer.BadParameter(f"{log_level!r} is not a log level", param_hint="--log-level") from None


def main() -> None:
    """Run the command; an error that a user can act on is one line on stderr and its exit code, never a traceback."""
    try:
        app()
    except SystemExit as stop:
        raise SystemExit(USAGE if stop.code == 2 else stop.code) from None  # click's own code for usage errors is 2
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone, as `| head` does
        raise SystemExit(0) from None
    except Exception as error:
        code = exit_code(error)
        if code is None:
            raise
        typer.echo(f"lookbook: {str(error).splitlines()[0]}", err=True)
        raise SystemExit(code) from None
