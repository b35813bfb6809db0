"""`lookbook preprocess`: the conditions that HR-VITON needs, from photos."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from lookbook.commands.studio import Kind, Size, parse_size
from lookbook.commands.summary import print_summary

app = typer.Typer(help="The conditions that HR-VITON needs, from photos.", no_args_is_help=True)


class ParseRule(StrEnum):
    ADAPTIVE = "adaptive"
    FIXED = "fixed"


class Background(StrEnum):
    KEEP = "keep"
    GREY = "grey"


@app.callback()
def _group() -> None:
    """The conditions that HR-VITON needs, from photos."""


@app.command()
def draw(
    root: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="A VITON-HD tree.")],
    out: Annotated[Path, typer.Argument(file_okay=False, help="The tree to write; may be ROOT.")],
    garment_class: Annotated[Kind, typer.Option("--class", help="What the agnostics hide.")] = Kind.UPPER,
    size: Size = "768x1024",
    parse_rule: Annotated[
        ParseRule, typer.Option(help="Arms of the agnostic parse: as in the published set, or HR-VITON's script.")
    ] = ParseRule.ADAPTIVE,
    background: Annotated[
        Background, typer.Option(help="grey: behind the person, in agnostics and in image (then written too).")
    ] = Background.KEEP,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Processes.")] = 1,
) -> None:
    """Draw openpose_img, agnostic-v3.2, agnostic-mask and image-parse-agnostic-v3.2 from image, image-parse-v3 and
    openpose_json; what is there and up to date is kept. Items that can't be drawn are in OUT/rejections.jsonl.

    Example: lookbook preprocess draw var/studio/lower var/studio/lower --class lower --workers 2
    """
    from lookbook.progress import progress
    from preprocess.draw.stage import Order, draw_tree
    from preprocess.errors import PreprocessError
    from vitonhd.errors import FormatError
    from vitonhd.garment_classes import GarmentClass

    try:
        order = Order(
            root, out, GarmentClass(garment_class), *parse_size(size),
            fixed_parse=parse_rule is ParseRule.FIXED, grey=background is Background.GREY,
        )  # fmt: skip
        with progress("items") as report_progress:
            result = draw_tree(order, workers=workers, on_progress=report_progress)
    except (PreprocessError, FormatError, ValueError) as error:
        raise typer.BadParameter(str(error)) from None
    print_summary(
        {
            "out": str(out), "class": garment_class, "drawn": result.drawn, "kept": result.kept,
            "completed_poses": result.completed, "rejected": result.rejected, "reasons": dict(result.reasons),
        }
    )  # fmt: skip
