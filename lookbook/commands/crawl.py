"""`lookbook crawl`: from shop pages to the catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from lookbook.commands.summary import print_summary

app = typer.Typer(help="Crawl shops into the catalogue: pages, pictures, reports.", no_args_is_help=True)


ShopCode = Literal["musinsa", "ssf"]


Shop = Annotated[ShopCode, typer.Argument(help="musinsa or ssf.")]


@app.command()
def run(
    shop: Shop,
    category: Annotated[list[str] | None, typer.Option(help="A category code; more with commas or again.")] = None,
    products: Annotated[list[str] | None, typer.Option(help="A product number; more with commas or again.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many products.")] = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Fetch every product known as current again.")] = False,
    sitemap: Annotated[bool, typer.Option("--sitemap", help="Start from the shop's sitemap.")] = False,
    from_dir: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="Read saved pages from here; no network.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start anew even if the same crawl was interrupted.")] = False,
) -> None:
    """Crawl a shop's garments, or what the options name. The same command again takes up an interrupted crawl.

    Without a permission in the settings robots.txt is obeyed, and both shops' robots.txt forbid crawlers that they do
    not name: the crawl then ends with exit code 77.

    Example: lookbook crawl run musinsa --category 100005 --category 003002 --limit 200
    """
    from pydantic import ValidationError

    from crawler.crawl import CrawlRequest, run_crawl
    from lookbook.exits import REFUSED, TEMPORARY
    from lookbook.progress import progress
    from lookbook.resources import open_engine
    from lookbook.settings import load_settings

    settings = load_settings()
    try:
        request = CrawlRequest(
            shop=shop,
            categories=_split(category),
            products=_split(products),
            refresh=refresh,
            sitemap=sitemap,
            from_dir=str(from_dir.resolve()) if from_dir else None,
            limit=limit,
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise typer.BadParameter(f"{first['input']!r}: {first['msg']}", param_hint=str(first["loc"][0])) from None
    with progress(f"{shop} pages") as report_progress:
        summary = run_crawl(
            open_engine(settings),
            request,
            settings.shop(shop),
            settings.crawl,
            fresh=fresh,
            on_progress=report_progress,
        )
    print_summary(summary.model_dump())
    if summary.state == "refused":
        typer.echo(f"lookbook: {summary.reason}. {_PERMISSION.format(shop=shop)}", err=True)
        raise typer.Exit(REFUSED)
    if summary.state == "incomplete":
        typer.echo(f"lookbook: {summary.reason or 'some pages failed'}; run the same command again", err=True)
        raise typer.Exit(TEMPORARY)


def _split(values: list[str] | None) -> tuple[str, ...]:
    return tuple(part for value in values or () for part in value.replace(",", " ").split())


_PERMISSION = (
    "If the shop has agreed to be crawled, say so in lookbook.toml: "
    '[shops.{shop}.permission] reference = "the agreement"'
)


@app.command()
def parse(
    shop: Shop,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A saved page or API answer.")],
    url: Annotated[
        str | None, typer.Option(help="The address it was saved from, where the file does not tell.")
    ] = None,
) -> None:
    """Print the records of a saved page as JSON Lines, and nothing else; nothing is stored.

    Exit code 65 when the file holds no record of the shop: then its one line is the rejection.

    Example: lookbook crawl parse musinsa pdp.html | jq .name
    """
    from crawler.captures import parse_capture
    from lookbook.exits import DATA

    records = parse_capture(file, shop, url)
    for record in records:
        typer.echo(record.model_dump_json())
    if all(record.kind == "rejection" for record in records):
        raise typer.Exit(DATA)


@app.command()
def images(
    shop: Annotated[ShopCode | None, typer.Option(help="Only this shop's pictures.")] = None,
    shard: Annotated[str, typer.Option(metavar="I/N", help="Share I of N of the addresses, for several machines.")] = (
        "0/1"
    ),
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many pictures.")] = None,
) -> None:
    """Fetch the pictures that crawls found, verify them and keep their original bytes.

    Example: lookbook crawl images --shop musinsa --shard 0/4
    """
    from crawler.images.download import download_images
    from lookbook.exits import REFUSED, TEMPORARY
    from lookbook.progress import progress
    from lookbook.resources import open_blobs, open_engine
    from lookbook.settings import load_settings

    settings = load_settings()
    with progress("pictures") as report_progress:
        summary = download_images(
            open_engine(settings),
            open_blobs(settings),
            settings.shops,
            settings.crawl,
            settings.images,
            shop=shop,
            shard=parse_shard(shard),
            limit=limit,
            on_progress=report_progress,
        )
    print_summary(summary.model_dump())
    for host, reason in summary.refused_hosts.items():
        typer.echo(f"lookbook: {host} was not asked (any more): {reason}", err=True)
    if summary.refused_hosts and not summary.stored:
        raise typer.Exit(REFUSED)
    if summary.failed or (summary.waiting and limit is None):
        raise typer.Exit(TEMPORARY)


def parse_shard(text: str) -> tuple[int, int]:
    """`I/N` with 0 <= I < N <= 10,000."""
    index, slash, count = text.partition("/")
    if not (slash and index.isascii() and index.isdigit() and count.isascii() and count.isdigit()):
        raise typer.BadParameter(f"{text!r} is not like 0/4", param_hint="--shard")
    if not int(index) < int(count) <= 10_000:
        raise typer.BadParameter(
            f"{text!r}: the first must be below the second, the second 1 to 10000", param_hint="--shard"
        )
    return int(index), int(count)


@app.command()
def report(
    run_id: Annotated[int | None, typer.Argument(metavar="[RUN]", help="A run's number; default: the latest.")] = None,
    html: Annotated[Path | None, typer.Option(dir_okay=False, help="Write a page with thumbnails here.")] = None,
) -> None:
    """Print what a crawl run did: counts, rejections by reason, timings; as a page with thumbnails too.

    Example: lookbook crawl report 12 --html report.html
    """
    from crawler.report import as_html, as_text, run_report
    from db import queries
    from db.models import CrawlRun
    from db.session import make_sessions
    from lookbook.exits import DATA
    from lookbook.resources import open_blobs, open_engine
    from lookbook.settings import load_settings
    from vitonhd.atomic import write_atomic

    settings = load_settings()
    with make_sessions(open_engine(settings), read_only=True)() as session:
        found = queries.latest_run(session) if run_id is None else session.get(CrawlRun, run_id)
        if found is None:
            typer.echo("lookbook: there is no such run; `lookbook crawl run` makes one", err=True)
            raise typer.Exit(DATA)
        result = run_report(session, found)
        typer.echo(as_text(result))
        if html is not None:
            write_atomic(html, as_html(result, session, open_blobs(settings)).encode())
    print_summary({**result.summary.model_dump(), "html": str(html) if html else None})
