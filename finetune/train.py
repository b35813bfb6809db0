"""`python -m finetune.train`: train a stage from a plain folder, without Lookbook's command.

The contract that must not break: the same settings as `lookbook finetune`, and the same weights.

    python -m finetune.train condition --data renders --steps 4000 --out runs/condition
    python -m finetune.train generator --data renders --steps 4000 --out runs/generator \\
        --start condition_generator=runs/condition/weights/condition_generator.safetensors
    python -m finetune.train all --params finetune/hr_viton/small.yaml --data renders --out runs/small
    torchrun --nproc-per-node 4 -m finetune.train condition --devices 4 --data releases/r1 --out run
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from finetune.errors import FinetuneError
from finetune.examples import find_sources
from finetune.settings import RunSettings, make_pace, make_settings, read_sections
from finetune.tracking import TRACKERS
from finetune.training import train
from vitonhd.garment_classes import GarmentClass

ALL = "all"


def run_settings(
    run: str, params: Path | None, options: Sequence[str] = (), start: Mapping[str, str] | None = None, **given: Any
) -> RunSettings:
    """Settings of a run: what `params.yaml` says under its name, else those of a stage of that name.

    Over them go `start`, what is `given` and not None, and `key=value` options with dotted keys. Raises FinetuneError.
    """
    values: dict[str, Any] = {"stage": run}
    if params is not None:
        sections = read_sections(params)
        if run not in sections:
            raise FinetuneError(f"{params} has no run {run!r}; it has {', '.join(sections)}")
        values |= sections[run]
    values["start"] = {**(start or {}), **values.get("start", {})}
    values |= {key: value for key, value in given.items() if value is not None}
    for option in options:
        key, separator, text = option.partition("=")
        if not separator:
            raise FinetuneError(f"{option!r} is not key=value")
        _put(values, key.split("."), value_of(text))
    return make_settings(values, f"run {run}")


def runs_named(name: str, params: Path | None) -> list[str]:
    """The run itself, or for `all` those of `params.yaml` in their order."""
    if name != ALL:
        return [name]
    return list(read_sections(params)) if params else ["condition", "generator"]


def weights_of(out: Path) -> dict[str, str]:
    """The networks that a finished run left, by name: what a later run starts from."""
    return {path.stem: str(path) for path in sorted((out / "weights").glob("*.safetensors"))}


def _put(values: dict[str, Any], keys: list[str], value: Any) -> None:
    for key in keys[:-1]:
        inner = values.get(key)
        values[key] = dict(inner) if isinstance(inner, dict) else {}
        values = values[key]
    values[keys[-1]] = value


def value_of(text: str) -> Any:
    """JSON where it is some, else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m finetune.train", description="Train stages of a try-on family.")
    add = parser.add_argument
    add("run", help="condition, generator, discriminator; a run of --params; or all of them, one from the other")
    add("--data", action="append", required=True, metavar="[CLASS=]PATH", help="a tree, shards, or these by class")
    add("--class", dest="garment_class", type=GarmentClass, choices=list(GarmentClass), help="of trees that don't say")
    add("--out", type=Path, required=True, help="a run that is there goes on")
    add("--params", type=Path, help="params.yaml with runs under finetune")
    add("--steps", type=int)
    add("--batch", type=int)
    add("--seed", type=int)
    add("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting, e.g. model.size=published")
    add("--start", action="append", default=[], metavar="NETWORK=FILE", help="a network's checkpoint to start from")
    add("--pace", action="append", default=[], metavar="KEY=VALUE", help="log, save, sample, workers, cache_gb ...")
    add("--accelerator", default="auto", help="cpu, cuda ...")
    add("--devices", default="1", help="processes; the same command under torchrun")
    add("--trackers", default=",".join(TRACKERS), help="empty: none")
    return parser.parse_args()


def _progress(every: float = 30.0) -> Any:
    last = 0.0

    def report(done: int, total: int | None) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= every or done == total:
            last = now
            print(f"step {done} of {total}, {time.strftime('%H:%M:%S', time.gmtime())}", file=sys.stderr, flush=True)

    return report


def train_runs(
    runs: Sequence[str],
    params: Path | None,
    data: Sequence[str],
    out: Path,
    *,
    options: Sequence[str] = (),
    garment_class: GarmentClass | None = None,
    given: Mapping[str, Any] | None = None,
    **how: Any,
) -> dict[str, Any]:
    """Train the runs one after the other, each from the networks of those before; the results by run.

    One run is in `out` itself, several each in `out/<run>`. Raises FinetuneError.
    """
    sources = find_sources(data, garment_class)
    start: dict[str, str] = {}
    results: dict[str, Any] = {}
    for run in runs:
        folder = out / run if len(runs) > 1 else out
        settings = run_settings(run, params, options, start, **(given or {}))
        results[run] = train(settings, sources, folder, **how)
        start |= weights_of(folder)
    return results if len(runs) > 1 else results[runs[0]]


def main() -> None:
    arguments = _parsed()
    given = {"steps": arguments.steps, "batch": arguments.batch, "seed": arguments.seed}
    try:
        pace = make_pace({key: value_of(text) for key, _, text in (one.partition("=") for one in arguments.pace)})
        results = train_runs(
            runs_named(arguments.run, arguments.params), arguments.params, arguments.data, arguments.out,
            options=[*arguments.set, *(f"start.{one}" for one in arguments.start)],
            garment_class=arguments.garment_class, given=given, pace=pace, accelerator=arguments.accelerator,
            devices=arguments.devices, trackers=[one for one in arguments.trackers.split(",") if one],
            on_progress=_progress(),
        )  # fmt: skip
    except FinetuneError as error:
        sys.exit(f"finetune: {error}")
    print(json.dumps(results, default=str))


if __name__ == "__main__":
    main()
