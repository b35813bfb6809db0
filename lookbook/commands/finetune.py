"""`lookbook finetune`: train try-on networks on VITON-HD trees and shards."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from lookbook.commands.studio import Kind
from lookbook.commands.summary import print_summary

app = typer.Typer(help="Train try-on networks.", no_args_is_help=True)

Data = Annotated[
    list[str], typer.Option(metavar="[CLASS=]PATH", help="A VITON-HD tree, shards, or a folder of these by class.")
]
Out = Annotated[Path, typer.Option(file_okay=False, help="The run's folder; a run that is there goes on.")]
Params = Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="params.yaml with runs under finetune.")]
Steps = Annotated[int | None, typer.Option(min=1, help="How long; 1 or more.")]
BatchSize = Annotated[int | None, typer.Option(min=1, help="Examples a step, over all processes.")]
Seed = Annotated[int | None, typer.Option(min=0)]
Settings = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="E.g. model.size=published.")]
Start = Annotated[list[str] | None, typer.Option(metavar="NETWORK=FILE", help="A checkpoint to start from.")]
PaceOption = Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="log, save, sample, workers, ...")]
Class = Annotated[Kind | None, typer.Option("--class", help="Of trees that don't say whose garments they hold.")]
Accelerator = Annotated[str, typer.Option(help="cpu, cuda ...")]
Devices = Annotated[str, typer.Option(help="Processes; the same command works under torchrun.")]
Trackers = Annotated[str, typer.Option(help="Comma separated; empty: none.")]


class Run(StrEnum):
    CONDITION = "condition"
    GENERATOR = "generator"
    DISCRIMINATOR = "discriminator"
    ALL = "all"


@app.callback()
def _group() -> None:
    """Train try-on networks."""


def _command(run: Run, told: str, example: str) -> None:
    """Enter one command; all of them take the same options."""

    def train(
        data: Data,
        out: Out,
        params: Params = None,
        steps: Steps = None,
        batch: BatchSize = None,
        seed: Seed = None,
        settings: Settings = None,
        start: Start = None,
        pace: PaceOption = None,
        garment_class: Class = None,
        accelerator: Accelerator = "auto",
        devices: Devices = "1",
        trackers: Trackers = "dvclive,tensorboard",
    ) -> None:
        how = {"accelerator": accelerator, "devices": devices, "trackers": [one for one in trackers.split(",") if one]}
        given = {"steps": steps, "batch": batch, "seed": seed}
        _train(run, data, out, params, settings or [], start or [], pace or [], garment_class, given, how)

    train.__doc__ = f"{told}\n\nExample: lookbook finetune {run} {example}"
    app.command(run.value)(train)


def _train(
    run: Run, data: list[str], out: Path, params: Path | None, settings: list[str], start: list[str], pace: list[str],
    garment_class: Kind | None, given: dict[str, Any], how: dict[str, Any],
) -> None:  # fmt: skip
    from finetune.errors import FinetuneError
    from finetune.settings import make_pace
    from finetune.train import runs_named, train_runs, value_of
    from lookbook.progress import progress
    from vitonhd.garment_classes import GarmentClass

    try:
        pairs = (one.partition("=") for one in pace)
        with progress("steps") as report_progress:
            results = train_runs(
                runs_named(run, params), params, data, out,
                options=[*settings, *(f"start.{one}" for one in start)],
                garment_class=GarmentClass(garment_class) if garment_class else None, given=given,
                pace=make_pace({key: value_of(text) for key, _, text in pairs}), on_progress=report_progress, **how,
            )  # fmt: skip
    except FinetuneError as error:
        raise typer.BadParameter(str(error)) from None
    print_summary(results)


_RENDERS = "--data var/studio --out runs/"
_START = "--start condition_generator=runs/condition/weights/condition_generator.safetensors"
_command(Run.CONDITION, "Train the condition generator: warp and parse.", f"--steps 4000 {_RENDERS}condition")
_command(Run.GENERATOR, "Train the image generator.", f"--steps 4000 {_RENDERS}generator {_START}")
_command(
    Run.DISCRIMINATOR,
    "Train the condition discriminator alone, for rejecting results.",
    f"--steps 1000 {_RENDERS}judge {_START}",
)
_command(
    Run.ALL,
    "Train the runs of --params one from the other, or condition and generator.",
    f"--params finetune/hr_viton/small.yaml {_RENDERS}small",
)
