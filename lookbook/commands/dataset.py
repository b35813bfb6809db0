"""`lookbook dataset`: VITON-HD data sets of any origin: validated, exported, imported."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from lookbook.commands.studio import Kind, Size, parse_size
from lookbook.commands.summary import print_summary

app = typer.Typer(help="VITON-HD data sets of any origin: validate, export, import.", no_args_is_help=True)


class LayoutName(StrEnum):
    DRESS_CODE = "dresscode"
    VITON_256 = "viton256"
    VITON_HD_2021 = "vitonhd2021"
    WEBDATASET = "webdataset"
    COCO = "coco"
    HUGGING_FACE = "huggingface"


class Origin(StrEnum):
    VITON_HD = "vitonhd"
    DRESS_CODE = "dresscode"


class ParseTable(StrEnum):
    CIHP = "cihp"
    LIP = "lip"


ClassOption = Annotated[Kind, typer.Option("--class", help="The garment class: whose labels are the garment.")]
Workers = Annotated[int, typer.Option(min=1, max=256, help="Processes.")]


@app.callback()
def _group() -> None:
    """VITON-HD data sets of any origin: validate, export, import."""


@app.command()
def validate(
    root: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="A VITON-HD tree.")],
    garment_class: ClassOption = Kind.UPPER,
    size: Size = "768x1024",
    split: Annotated[list[str] | None, typer.Option(help="train or test; default: those there.")] = None,
    pairs: Annotated[bool, typer.Option(help="Check pair files; loose items come without.")] = True,
    findings: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write every finding to this file, a JSON object a line.")
    ] = None,
    report_file: Annotated[
        Path | None, typer.Option("--report", dir_okay=False, help="Write counts and every figure's spread as JSON.")
    ] = None,
    workers: Workers = 1,
) -> None:
    """Name everything that is wrong in a data set: files, labels, masks, poses, pairs, leaks, agreement, statistics.

    A table goes to stderr. Exit code 1 when anything is wrong.

    Example: lookbook dataset validate var/studio/lower --class lower --findings findings.jsonl
    """
    import json

    from lookbook.findings import print_findings
    from lookbook.progress import progress
    from vitonhd.atomic import write_atomic
    from vitonhd.garment_classes import GarmentClass
    from vitonhd.sources import TreeSource
    from vitonhd.tree import SPLITS, Tree
    from vitonhd.validation.findings import findings_file
    from vitonhd.validation.validator import validate as validate_source

    if split and not set(split) <= set(SPLITS):
        raise typer.BadParameter(f"{', '.join(split)}: there are {', '.join(SPLITS)}", param_hint="--split")
    source = TreeSource(Tree(root, size=parse_size(size)))
    with findings_file(findings) as write, progress("batches") as report_progress:
        report = validate_source(
            source, GarmentClass(garment_class), splits=split or None, pair_files=pairs, workers=workers,
            on_finding=write, on_progress=report_progress,
        )  # fmt: skip
    print_findings(report, str(root))
    if report_file is not None:
        write_atomic(report_file, json.dumps(report.to_json(), indent=1).encode())
    print_summary({"root": str(root), "sound": report.sound, "items": report.items, "codes": dict(report.codes)})
    if not report.sound:
        raise typer.Exit(1)


@app.command()
def export(
    root: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="A VITON-HD tree.")],
    out: Annotated[Path, typer.Argument(file_okay=False, help="The folder to write.")],
    layout: Annotated[LayoutName, typer.Option("--as", help="The layout to write.")],
    garment_class: ClassOption = Kind.UPPER,
    size: Size = "768x1024",
    workers: Workers = 1,
) -> None:
    """Write a data set in another layout; items that it can't hold are in OUT/rejections.jsonl with their reason.

    Example: lookbook dataset export var/studio/lower var/dresscode --as dresscode --class lower
    """
    from lookbook.progress import progress
    from vitonhd.errors import FormatError
    from vitonhd.exports.export import export as export_source
    from vitonhd.exports.layouts import Layout
    from vitonhd.garment_classes import GarmentClass
    from vitonhd.sources import TreeSource
    from vitonhd.tree import Tree

    source = TreeSource(Tree(root, size=parse_size(size)))
    try:
        with progress("batches") as report_progress:
            result = export_source(
                source, out, Layout(layout), GarmentClass(garment_class), workers=workers, on_progress=report_progress
            )
    except FormatError as error:
        raise _unusable(error) from None
    print_summary(
        {
            "out": str(out), "layout": layout, "class": garment_class, "items": result.items,
            "rejected": result.rejected.total(), "reasons": dict(result.rejected),
        }
    )  # fmt: skip


@app.command("import")
def import_folder(
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Someone else's data set.")],
    out: Annotated[Path, typer.Argument(file_okay=False, help="The tree to write; a folder of trees from Dress Code.")],
    origin: Annotated[Origin, typer.Option("--from", help="The layout that FOLDER has.")] = Origin.VITON_HD,
    labels: Annotated[ParseTable, typer.Option(help="The table of VITON-HD style parses.")] = ParseTable.CIHP,
    size: Size = "768x1024",
    workers: Workers = 1,
) -> None:
    """Take a data set in VITON-HD's or Dress Code's layout; what can't be taken is in rejections.jsonl with its reason.

    Conditions that it lacks are drawn with `lookbook preprocess draw` then.

    Example: lookbook dataset import downloads/DressCode var/dresscode --from dresscode
    """
    from lookbook.progress import progress
    from vitonhd.errors import FormatError
    from vitonhd.imports.dress_code import import_dress_code
    from vitonhd.imports.viton_hd import import_tree

    wanted, lip = parse_size(size), labels is ParseTable.LIP
    try:
        with progress("items") as report_progress:
            if origin is Origin.DRESS_CODE:
                classes = import_dress_code(folder, out, size=wanted, workers=workers, on_progress=report_progress)
                trees = {out / garment_class: result for garment_class, result in classes.items()}
            else:
                trees = {
                    out: import_tree(
                        folder, out, size=wanted, lip_labels=lip, workers=workers, on_progress=report_progress
                    )
                }
    except FormatError as error:
        raise _unusable(error) from None
    print_summary(
        {
            str(tree): {"items": one.items, "files": dict(one.parts), "rejected": dict(one.rejected)}
            for tree, one in trees.items()
        }
    )


def _unusable(error: Exception) -> typer.Exit:
    """One line on stderr; the input is what it is, so no retry helps."""
    from lookbook.exits import DATA

    typer.echo(f"lookbook: {error}", err=True)
    return typer.Exit(DATA)
