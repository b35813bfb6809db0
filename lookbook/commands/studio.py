"""`lookbook studio`: synthetic people in synthetic garments, with exact labels."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lookbook.commands.summary import print_summary

if TYPE_CHECKING:
    from vitonhd.arrays import Picture

app = typer.Typer(help="Synthetic people in synthetic garments, with exact labels.", no_args_is_help=True)


class Kind(StrEnum):
    UPPER = "upper"
    LOWER = "lower"
    DRESS = "dress"


class Kinds(StrEnum):
    UPPER = "upper"
    LOWER = "lower"
    DRESS = "dress"
    MIX = "mix"


KindOption = Annotated[Kind, typer.Option("--class", help="The garment class.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same pictures.")]
Index = Annotated[int, typer.Option(min=0, help="Which item of the seed.")]
Size = Annotated[str, typer.Option(metavar="WxH", help="Pixels.")]
Out = Annotated[Path, typer.Option(dir_okay=False, help="The picture to write, .png or .jpg.")]


@app.command()
def render(
    pairs: Annotated[int, typer.Option(min=1, max=100_000, help="Items of each class.")],
    out: Annotated[Path, typer.Option(file_okay=False, help="The folder; one tree per class is made in it.")],
    garment_class: Annotated[Kinds, typer.Option("--class", help="The class, or mix for all three.")] = Kinds.MIX,
    seed: Seed = 0,
    size: Size = "768x1024",
    workers: Annotated[int, typer.Option(min=1, max=256, help="Processes.")] = 1,
) -> None:
    """Render a VITON-HD tree per class, with truth; what is there already is kept.

    Example: lookbook studio render --pairs 20 --class mix --seed 1 --out var/studio --workers 2
    """
    from lookbook.progress import progress
    from studio.dataset import Order
    from studio.dataset import render as render_order
    from vitonhd.garment_classes import GarmentClass

    classes = tuple(GarmentClass) if garment_class is Kinds.MIX else (GarmentClass(garment_class),)
    try:
        order = Order(out, classes, pairs, seed, *parse_size(size))
        with progress("pictures") as report_progress:
            result = render_order(order, workers=workers, on_progress=report_progress)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    print_summary({"out": str(out), "rendered": result.rendered, "kept": result.kept})


@app.command()
def person(
    out: Out, garment_class: KindOption = Kind.UPPER, seed: Seed = 0, index: Index = 0, size: Size = "768x1024"
) -> None:
    """Render one dressed person.

    Example: lookbook studio person --class dress --index 3 --out person.png
    """
    from studio.items import Draw, sitting
    from vitonhd.garment_classes import GarmentClass

    draw = Draw(GarmentClass(garment_class), seed, index)
    _save(out, sitting(draw, *parse_size(size)).photo())


@app.command()
def garment(
    out: Out, garment_class: KindOption = Kind.UPPER, seed: Seed = 0, index: Index = 0, size: Size = "768x1024"
) -> None:
    """Render one garment's packshot.

    Example: lookbook studio garment --class lower --index 3 --out garment.png
    """
    from studio.items import Draw, shot
    from vitonhd.garment_classes import GarmentClass

    draw = Draw(GarmentClass(garment_class), seed, index)
    _save(out, shot(draw, *parse_size(size)).image)


@app.command()
def sheet(
    out: Out,
    garment_class: KindOption = Kind.UPPER,
    seed: Seed = 0,
    count: Annotated[int, typer.Option(min=1, max=24, help="Items side by side.")] = 6,
    size: Size = "192x256",
    truths: Annotated[bool, typer.Option(help="With parse, DensePose and flow.")] = True,
) -> None:
    """Render a contact sheet: packshot, photo and truths of the first items.

    Example: lookbook studio sheet --class lower --seed 7 --out sheet.png
    """
    from studio.sheet import contact_sheet
    from vitonhd.garment_classes import GarmentClass

    _save(out, contact_sheet(GarmentClass(garment_class), seed, count, *parse_size(size), truths=truths))


@app.command()
def demo(
    out: Annotated[Path, typer.Option(file_okay=False, help="The catalogue's folder.")] = Path("studio/demo"),
    workers: Annotated[int, typer.Option(min=1, max=256, help="Processes.")] = 1,
) -> None:
    """Render the demo catalogue that is shipped: products, worn photos, details, reference models. Keeps what is there.

    Example: lookbook studio demo --out var/demo --workers 2
    """
    from lookbook.progress import progress
    from studio.demo_maker import make

    try:
        with progress("products") as report_progress:
            made = make(out, workers=workers, on_progress=report_progress)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    print_summary({"out": str(out), "rendered": made.rendered, "kept": made.kept, "synthetic": True})


@app.command()
def shop(
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 takes a free one.")] = 8901,
    host: Annotated[str, typer.Option(help="The address to listen at; whoever reaches it may change prices.")] = (
        "127.0.0.1"
    ),
    catalogue: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="A demo catalogue; default: the shipped one.")
    ] = None,
) -> None:
    """Serve the demo catalogue as MUSINSA and SSF Shop, and print the settings that lead a crawl there.

    Its page for people has the same address. Ends with Ctrl-C.

    Example: lookbook studio shop --port 8901
    """
    import contextlib

    from studio.demo_catalogue import DEMO, load
    from studio.shop.server import DemoServer
    from studio.shop.settings_text import announcement

    def announce() -> None:
        typer.echo(announcement(server.url))
        print_summary({"url": server.url, "products": len(found.products), "synthetic": True})

    try:
        found = load(catalogue or DEMO)
        server = DemoServer(found, host, port)
    except (OSError, ValueError) as error:
        raise typer.BadParameter(str(error).splitlines()[0], param_hint="--catalogue") from None
    try:
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever(announce)
    except OSError as error:
        raise typer.BadParameter(f"can't listen at {host}:{port}: {error}", param_hint="--port") from None


def parse_size(text: str) -> tuple[int, int]:
    """`WIDTHxHEIGHT`, each 64..2000 pixels."""
    width, cross, height = text.partition("x")
    sides = [int(side) for side in (width, height) if side.isascii() and side.isdigit() and len(side) < 5]
    if not cross or len(sides) != 2 or not all(64 <= side <= 2000 for side in sides):
        raise typer.BadParameter(f"{text!r} is not like 768x1024, each side 64 to 2000", param_hint="--size")
    return sides[0], sides[1]


def _save(out: Path, picture: Picture) -> None:
    from vitonhd.atomic import write_atomic
    from vitonhd.pictures import encode_jpeg, encode_png

    if out.suffix not in (".png", ".jpg"):
        raise typer.BadParameter(f"{out.name!r} ends neither in .png nor in .jpg", param_hint="--out")
    write_atomic(out, encode_png(picture) if out.suffix == ".png" else encode_jpeg(picture, quality=92))
    print_summary({"out": str(out), "size": [picture.shape[1], picture.shape[0]], "synthetic": True})
