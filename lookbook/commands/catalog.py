"""`lookbook catalog`: what is in the catalogue."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lookbook.commands.crawl import ShopCode
from lookbook.commands.summary import print_summary

if TYPE_CHECKING:
    from db.queries import ProductFilter

app = typer.Typer(help="Look at the catalogue and export it.", no_args_is_help=True)


GarmentClassName = Literal["upper", "lower", "dress", "outer", "none"]


ExportFormat = Literal["csv", "parquet"]


ShopOption = Annotated[ShopCode | None, typer.Option("--shop", help="Only this shop.")]
ClassOption = Annotated[GarmentClassName | None, typer.Option("--class", help="Only this garment class.")]
GoneOption = Annotated[bool, typer.Option("--gone", help="Only products that the shop no longer has.")]
TextOption = Annotated[str | None, typer.Option("--text", help="Only where name, brand or number contain this.")]


def _filter(
    shop: ShopCode | None, garment_class: GarmentClassName | None, gone: bool, text: str | None
) -> ProductFilter:
    from db.queries import ProductFilter

    return ProductFilter(
        shop=shop,
        garment_class=garment_class,
        state="gone" if gone else None,
        text=text,
    )


@app.command("ls")
def list_products(
    shop: ShopOption = None,
    garment_class: ClassOption = None,
    gone: GoneOption = False,
    text: TextOption = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
) -> None:
    """List products, a line each.

    Example: lookbook catalog ls --class lower --text denim
    """
    from db import queries
    from db.session import make_sessions
    from lookbook.resources import open_engine

    with make_sessions(open_engine(), read_only=True)() as session:
        for product in queries.products(session, _filter(shop, garment_class, gone, text), limit=limit):
            price = "" if product.sale_price is None else f"{product.sale_price:,}"
            state = "gone" if product.state == "gone" else "sold out" if product.sold_out else ""
            typer.echo(
                f"{product.shop:<8} {product.product_no:<18} {product.garment_class:<6} {price:>10} {state:<9}"
                f"{product.brand or '':<16} {product.name}"
            )


@app.command()
def show(
    shop: Annotated[ShopCode, typer.Argument(help="musinsa or ssf.")],
    product_no: Annotated[str, typer.Argument(help="The shop's product number.")],
) -> None:
    """Print all that is known of a product as JSON: fields, sizes, pictures, price and stock history.

    Example: lookbook catalog show musinsa 5698175
    """
    from db import export, queries
    from db.session import make_sessions
    from lookbook.exits import DATA
    from lookbook.resources import open_engine

    with make_sessions(open_engine(), read_only=True)() as session:
        product = queries.product(session, shop, product_no)
        if product is None:
            typer.echo(f"lookbook: {shop} {product_no} is not in the catalogue", err=True)
            raise typer.Exit(DATA)
        row = export.product_row(product, queries.images_of(session, [product.id])[product.id])
        row["history"] = [
            {name: getattr(entry, name) for name in ("taken_at", "list_price", "sale_price", "final_price", "sold_out")}
            for entry in queries.history(session, product.id)
        ]
    typer.echo(json.dumps(row, ensure_ascii=False, indent=2, default=str))


@app.command("export")
def export_catalogue(
    file: Annotated[Path, typer.Argument(dir_okay=False, help="Where to write; the ending names the format.")],
    shop: ShopOption = None,
    garment_class: ClassOption = None,
    gone: GoneOption = False,
    text: TextOption = None,
    file_format: Annotated[ExportFormat | None, typer.Option("--format", help="If the ending does not tell.")] = None,
) -> None:
    """Write the catalogue, one row a product with its pictures, as CSV or Parquet.

    Example: lookbook catalog export --class dress dresses.parquet
    """
    from db import export
    from db.session import make_sessions
    from lookbook.resources import open_engine
    from vitonhd.atomic import atomic_file

    ending = file_format or file.suffix.lower().removeprefix(".")
    if ending not in ("csv", "parquet"):
        raise typer.BadParameter(f"{file} ends in neither .csv nor .parquet; say --format", param_hint="FILE")
    write = export.write_csv if ending == "csv" else export.write_parquet
    with make_sessions(open_engine(), read_only=True)() as session, atomic_file(file) as target:
        number = write(target, export.rows(session, _filter(shop, garment_class, gone, text)))
    print_summary({"products": number, "file": str(file)})
