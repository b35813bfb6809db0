"""`lookbook evaluate` and `lookbook compare`: how good a checkpoint's try-ons are, and which of two is better."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lookbook.commands.studio import parse_size
from lookbook.commands.summary import print_summary

if TYPE_CHECKING:
    from finetune.evaluation.protocol import Weights


class Setting(StrEnum):
    PAIRED = "paired"
    UNPAIRED = "unpaired"


class Kind(StrEnum):
    UPPER = "upper"
    LOWER = "lower"
    DRESS = "dress"


class Mode(StrEnum):
    EXACT = "exact"
    FAST = "fast"


def evaluate(
    checkpoint: Annotated[
        Path | None, typer.Argument(help="A folder with a condition and an image generator's file, or of runs.")
    ] = None,
    release: Annotated[str | None, typer.Option(help="A release: a tag, a data set's name or a folder.")] = None,
    data: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="A VITON-HD tree, or a folder of trees.")
    ] = None,
    results: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="Try-ons that are there, in place of CHECKPOINT.")
    ] = None,
    out: Annotated[Path, typer.Option(file_okay=False, help="Where try-ons, metrics.json and report.html go.")] = Path(
        "evaluation"
    ),
    setting: Annotated[
        Setting | None, typer.Option(help="One only; needed for RESULTS without folders paired and unpaired.")
    ] = None,
    garment_class: Annotated[
        Kind | None, typer.Option("--class", help="Of all garments; default: as the data say.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Pairs of each tree and setting, evenly spread.")] = None,
    size: Annotated[
        str | None, typer.Option(metavar="WxH", help="Of the try-ons to render; default: as the data.")
    ] = None,
    condition_size: Annotated[str, typer.Option(metavar="WxH", help="What the condition generator sees.")] = "192x256",
    mode: Annotated[Mode, typer.Option(help="fast: the image generator in half precision.")] = Mode.EXACT,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1 ...")] = "cpu",
    seed: Annotated[int, typer.Option(min=0, help="Of the intervals and of KID's subsets.")] = 0,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Threads that read and compare.")] = 2,
    project: Annotated[
        Path, typer.Option(exists=True, file_okay=False, help="The folder with datasets/, for --release.")
    ] = Path(),
) -> None:
    """Score try-ons on test pairs: SSIM, PSNR, LPIPS, FID, KID, inside the garment, by class, with a report page.

    Where LPIPS', FID's or DINOv2's weights are not in the cache (`lookbook weights`), those measures are named as not
    computed. Interrupted rendering goes on.

    Example: lookbook evaluate run/checkpoint --data var/studio --limit 100 --out run/evaluation
    """
    from finetune.evaluation.errors import EvaluationError
    from finetune.evaluation.stage import StageOrder, evaluate_stage
    from finetune.hr_viton import CheckpointError, TryOnSettings
    from finetune.hr_viton.engine import EngineSettings
    from lookbook.progress import progress
    from vitonhd.errors import FormatError
    from vitonhd.garment_classes import GarmentClass

    if (release is None) == (data is None):
        raise typer.BadParameter("either --release or --data says what to evaluate on")
    try:
        folder, name = (data, "") if data is not None else _checked_out(str(release), project, out)
        width, height = parse_size(condition_size)
        order = StageOrder(
            folder, out, name, checkpoint, results, None if setting is None else setting.value,
            None if garment_class is None else GarmentClass(garment_class), limit,
            None if size is None else parse_size(size), TryOnSettings(condition_size=(height, width)),
            EngineSettings(mode=mode.value, device=device), seed, workers,
        )  # fmt: skip
        with progress("pairs") as report_progress:
            metrics = evaluate_stage(order, _weights(), report_progress)
    except (EvaluationError, CheckpointError, FormatError, OSError) as error:
        raise _stop(error) from None
    print_summary({"out": str(out), **_short(metrics)})


def compare(
    first: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="An evaluation's folder.")],
    second: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Another's, of the same data.")],
    out: Annotated[
        Path | None, typer.Option(file_okay=False, help="Where comparison.json and .html go; default: SECOND.")
    ] = None,
) -> None:
    """Compare two evaluations pair by pair: differences with intervals over garments, and which are no chance.

    Example: lookbook compare before/evaluation after/evaluation
    """
    from finetune.evaluation.comparison import compare as compare_runs
    from finetune.evaluation.errors import EvaluationError

    try:
        content = compare_runs(first, second, out or second)
    except EvaluationError as error:
        raise _stop(error) from None
    verdicts = {
        setting: {name: {metric: row["verdict"] for metric, row in rows.items()} for name, rows in groups.items()}
        for setting, groups in content["settings"].items()
    }
    print_summary({"out": str(out or second), "pairs": content["pairs"], "second_is": verdicts})


def _weights() -> dict[Weights, Sequence[Path] | str]:
    """The files of each entry that measures need, or why there are none."""
    from finetune.evaluation.protocol import Weights
    from lookbook.settings import load_settings
    from preprocess.weights.cache import WeightsCache
    from preprocess.weights.errors import UnknownWeights, WeightsMissing
    from preprocess.weights.registry import weights_named

    cache = WeightsCache(Path(load_settings().weights_dir))
    found: dict[Weights, Sequence[Path] | str] = {}
    for name in Weights:
        try:
            found[name] = cache.paths(weights_named(name.value))
        except UnknownWeights:
            found[name] = f"the weights registry has no {name}"
        except WeightsMissing:
            found[name] = f"the weights {name} are not in the cache: run `lookbook weights fetch {name}`"
    return found


def _checked_out(release: str, project: Path, out: Path) -> tuple[Path, str]:
    """The release's tree beside the report, and its name with the first figures of its identity."""
    from releases.checkout import checkout
    from releases.errors import ReleaseError
    from releases.places import find

    place = find(release, project)
    try:
        identity = place.open().identity
    except OSError as error:
        raise ReleaseError(f"{release}: {error}") from None
    folder = out / "data" / f"{place.name}-{identity[:12]}"
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        checkout(place, folder.absolute())
    return folder, f"{place.name} {identity[:12]}"


def _short(metrics: dict[str, Any]) -> dict[str, Any]:
    means = {
        setting: {name: entry["mean"] for name, entry in content["classes"]["all"]["metrics"].items()}
        for setting, content in metrics["settings"].items()
    }
    missing = sorted({name for content in metrics["settings"].values() for name in content["not_computed"]})
    return {
        "protocol": metrics["protocol"], "scored": metrics["scored"], "planned": metrics["planned"],
        "rejected": metrics["rejected"], "means": means, "not_computed": missing,
    }  # fmt: skip


def _stop(error: Exception) -> typer.Exit:
    from lookbook.exits import DATA

    typer.echo(f"lookbook: {error}", err=True)
    return typer.Exit(DATA)
