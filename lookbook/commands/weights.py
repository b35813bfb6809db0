"""`lookbook weights`: others' network weights, with their licences."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lookbook.commands.summary import print_summary

if TYPE_CHECKING:
    from preprocess.weights.cache import WeightsCache
    from preprocess.weights.registry import Weights

app = typer.Typer(help="Others' network weights: what there is, under which licence.", no_args_is_help=True)


class Use(StrEnum):
    RESEARCH = "research"
    COMMERCIAL = "commercial"


Name = Annotated[str, typer.Argument(help="As `lookbook weights list` names it.")]


def _cache() -> WeightsCache:
    from lookbook.settings import load_settings
    from preprocess.weights.cache import WeightsCache

    return WeightsCache(Path(load_settings().weights_dir))


def _stop(error: Exception) -> typer.Exit:
    """One line on stderr and the exit code that the error means."""
    from lookbook.exits import DATA, REFUSED, TEMPORARY, USAGE
    from preprocess.weights.errors import FetchFailed, LicenceForbids, UnknownWeights

    typer.echo(f"lookbook: {error}", err=True)
    codes = {UnknownWeights: USAGE, LicenceForbids: REFUSED, FetchFailed: TEMPORARY}
    return typer.Exit(next((code for kind, code in codes.items() if isinstance(error, kind)), DATA))


@app.command("list")
def list_weights() -> None:
    """List the weights that Lookbook can use: licence, commercial use, source, and whether they are in the cache.

    Example: lookbook weights list
    """
    from preprocess.weights.registry import WEIGHTS

    cache = _cache()
    here = 0
    for weights in WEIGHTS.values():
        there = all(cache.path(weights, file).is_file() for file in weights.files)
        here += there
        typer.echo(f"{weights.name:<20} {'here' if there else '-':<5} {weights.network}")
        typer.echo(f"  commercial use {weights.commercial}")
        typer.echo(f"  licence {weights.licence}" + (f"; {weights.note}" if weights.note else ""))
        for file in weights.files:
            typer.echo(f"  {file.url}  SHA-256 {file.sha256 or 'not yet known'}")
    print_summary({"weights": len(WEIGHTS), "here": here, "folder": str(cache.folder)})


@app.command()
def fetch(
    name: Name,
    use: Annotated[Use, typer.Option(help="What for; a licence may forbid commercial use.")] = Use.RESEARCH,
    source: Annotated[
        Path | None, typer.Option("--from", exists=True, dir_okay=False, help="A file that you have downloaded.")
    ] = None,
) -> None:
    """Fetch weights into the cache folder (setting `weights_dir`), over https, or take over a downloaded file.

    The SHA-256 is checked where it is known and recorded where it is not. Exit code 77 when the licence forbids the
    use.

    Example: lookbook weights fetch densepose-s1x --use commercial
    """
    from lookbook.progress import progress
    from preprocess.weights import fetching
    from preprocess.weights.errors import WeightsError
    from preprocess.weights.registry import weights_named

    wanted = fetching.Use(use)
    try:
        weights = weights_named(name)
        if source is not None:
            files = [fetching.adopt(weights, source, _cache(), use=wanted)]
        else:
            with progress("bytes") as report_progress:
                files = fetching.fetch(weights, _cache(), use=wanted, on_progress=report_progress)
    except WeightsError as error:
        raise _stop(error) from None
    print_summary(
        {
            "weights": weights.name, "licence": weights.licence, "commercial": weights.commercial, "use": use,
            "files": [vars(file) for file in files],
        }
    )  # fmt: skip


@app.command()
def verify(
    name: Annotated[str | None, typer.Argument(help="One entry; without it, all that are in the cache.")] = None,
    load: Annotated[bool, typer.Option("--load", help="Also put each into its network: names and shapes.")] = False,
) -> None:
    """Check the cached weights against their SHA-256 (the registry's, or the one recorded when they came).

    Exit code 65 when a file is missing, has changed, or does not fit its network.

    Example: lookbook weights verify densepose-s1x --load
    """
    from lookbook.exits import DATA
    from preprocess.weights.cache import State
    from preprocess.weights.errors import WeightsError
    from preprocess.weights.registry import WEIGHTS, weights_named

    cache = _cache()
    try:
        chosen = [weights_named(name)] if name else [one for one in WEIGHTS.values() if _any_here(one, cache)]
    except WeightsError as error:
        raise _stop(error) from None
    states: dict[str, dict[str, str]] = {}
    sound = True
    for weights in chosen:
        found = [cache.check(weights, file) for file in weights.files]
        states[weights.name] = {one.file: one.state for one in found}
        good = all(one.state not in (State.MISSING, State.CHANGED) for one in found)
        sound &= good and (not load or _fits(weights, cache))
    print_summary({"sound": sound, "weights": states})
    if not sound:
        raise typer.Exit(DATA)


def _any_here(weights: Weights, cache: WeightsCache) -> bool:
    return any(cache.path(weights, file).is_file() for file in weights.files)


def _fits(weights: Weights, cache: WeightsCache) -> bool:
    from preprocess.backends.opening import load_by_name
    from preprocess.errors import PreprocessError

    try:
        load_by_name(weights.name, cache)
    except PreprocessError as error:
        typer.echo(f"lookbook: {error}", err=True)
        return False
    return True
