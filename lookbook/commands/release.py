"""`lookbook release`: from the catalogue to versioned VITON-HD data sets."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lookbook.commands.crawl import ShopCode
from lookbook.commands.summary import print_summary

if TYPE_CHECKING:
    from lookbook.settings import Settings
    from releases.names import Home
    from releases.params import ReleaseParams

app = typer.Typer(
    help="Versioned data sets: snapshot, build, validate, card (what `dvc repro` runs), publish, check out, compare.",
    no_args_is_help=True,
)


class Kind(StrEnum):
    UPPER = "upper"
    LOWER = "lower"
    DRESS = "dress"


ClassArgument = Annotated[Kind, typer.Argument(metavar="CLASS", help="upper, lower or dress.")]
Project = Annotated[Path, typer.Option(exists=True, file_okay=False, help="The folder with dvc.yaml and datasets/.")]
Workers = Annotated[int, typer.Option(min=0, max=256, help="Processes; 0: one for each core.")]
Name = Annotated[str, typer.Argument(help="A tag (vitonhd-upper@v2026.11.20), a data set (vitonhd-upper) or a folder.")]
Remote = Annotated[str | None, typer.Option(help="A DVC remote's name; default: the one that DVC has as default.")]
HERE = Path()


def _home(project: Path, kind: Kind) -> Home:
    from releases.names import Home
    from releases.places import DATASETS
    from vitonhd.garment_classes import GarmentClass

    return Home.of(project / DATASETS, GarmentClass(kind))


def _params(project: Path) -> ReleaseParams:
    from releases.params import FILE_NAME, load_params

    return load_params(project / FILE_NAME)


def _processes(workers: int) -> int:
    import os

    return workers or os.cpu_count() or 1


def _permissions(settings: Settings) -> dict[str, str]:
    """The reference of each shop's permission that holds today."""
    from datetime import UTC, datetime

    today = datetime.now(UTC).date()
    stated = ((code, shop.permission) for code, shop in settings.shops.items())
    return {
        code: permission.reference
        for code, permission in stated
        if permission is not None and (permission.expires is None or today <= permission.expires)
    }


@app.command()
def snapshot(garment_class: ClassArgument, project: Project = HERE) -> None:
    """Write the catalogue's state as Parquet: what a release is built from. New products get their ids and splits.

    Example: lookbook release snapshot lower
    """
    from lookbook.resources import open_engine
    from lookbook.settings import load_settings
    from releases.catalogue import take_snapshot
    from vitonhd.garment_classes import GarmentClass

    settings, home = load_settings(), _home(project, garment_class)
    found = take_snapshot(
        open_engine(settings), GarmentClass(garment_class), _params(project), _permissions(settings), home.snapshot
    )
    print_summary({"snapshot": str(home.snapshot), "products": found.counts})


@app.command()
def build(garment_class: ClassArgument, project: Project = HERE, workers: Workers = 0) -> None:
    """Build the release that the snapshot describes; the one that is there is its base. Goes on after a kill.

    Example: lookbook release build lower --workers 4
    """
    from dataclasses import asdict

    from lookbook.progress import progress
    from lookbook.settings import load_settings
    from releases.build import build as build_release

    home = _home(project, garment_class)
    with progress("items") as report_progress:
        result = build_release(
            home.snapshot, home.release, load_settings().blobs_url, _params(project),
            workers=_processes(workers), on_progress=report_progress,
        )  # fmt: skip
    print_summary({"release": str(home.release), **asdict(result)})


@app.command()
def validate(garment_class: ClassArgument, project: Project = HERE, workers: Workers = 0) -> None:
    """Check the built release: every file, label, mask, pose and pair, leaks between splits, agreement, statistics.

    A table goes to stderr, every finding to findings.jsonl beside the release. Exit code 1 when anything is wrong.

    Example: lookbook release validate lower
    """
    from lookbook.findings import print_findings
    from lookbook.progress import progress
    from releases.places import of_class
    from releases.validation import validate_release
    from vitonhd.garment_classes import GarmentClass

    home, place = _home(project, garment_class), of_class(GarmentClass(garment_class), project)
    findings = home.folder / "findings.jsonl"
    with progress("shards") as report_progress:
        report = validate_release(
            place, GarmentClass(garment_class), _params(project), home.validation, findings=findings,
            workers=_processes(workers), on_progress=report_progress,
        )  # fmt: skip
    print_findings(report, place.name)
    print_summary({"release": place.name, "sound": report.sound, "items": report.items, "codes": dict(report.codes)})
    if not report.sound:
        raise typer.Exit(1)


@app.command()
def card(garment_class: ClassArgument, project: Project = HERE) -> None:
    """Write the release's data card (README.md) and contact sheets.

    Example: lookbook release card lower
    """
    from releases.card import make_card
    from releases.places import of_class
    from vitonhd.garment_classes import GarmentClass

    home = _home(project, garment_class)
    place = of_class(GarmentClass(garment_class), project)
    sheets = make_card(place, home, sheet_items=_params(project).sheet_items)
    print_summary({"card": str(home.card), "sheets": sheets})


@app.command()
def publish(garment_class: ClassArgument, project: Project = HERE, remote: Remote = None, workers: Workers = 0) -> None:
    """Verify the release, push its bytes to the DVC remote, commit, and tag it vitonhd-CLASS@vYYYY.MM.DD.

    The same release again changes nothing. `git push --follow-tags` is left to you.

    Example: lookbook release publish lower
    """
    from datetime import UTC, datetime

    from lookbook.progress import progress
    from lookbook.resources import open_engine
    from releases.publishing import publish as publish_release
    from vitonhd.garment_classes import GarmentClass

    with progress("files") as report_progress:
        found = publish_release(
            project, GarmentClass(garment_class), open_engine(), datetime.now(UTC).date(),
            remote=remote, workers=_processes(workers), on_progress=report_progress,
        )  # fmt: skip
    print_summary({"tag": str(found.tag), "items": found.items, "new": found.new})


@app.command()
def pull(garment_class: ClassArgument, project: Project = HERE, remote: Remote = None, workers: Workers = 0) -> None:
    """Fetch the release of the checked-out commit from the DVC remote, and check every byte of it.

    Example: git checkout vitonhd-lower@v2026.11.20 && lookbook release pull lower
    """
    from lookbook.progress import progress
    from releases.fetching import pull as pull_release
    from vitonhd.garment_classes import GarmentClass

    with progress("files") as report_progress:
        identity = pull_release(
            project, GarmentClass(garment_class),
            remote=remote, workers=_processes(workers), on_progress=report_progress,
        )  # fmt: skip
    print_summary({"release": str(_home(project, garment_class).release), "identity": identity})


@app.command()
def verify(release: Name, project: Project = HERE, workers: Workers = 0) -> None:
    """Hash every file of a release against its checksums. Exit code 65 when one is not as published.

    Example: lookbook release verify vitonhd-lower@v2026.11.20
    """
    from lookbook.progress import progress
    from releases.places import find
    from releases.verification import verify as verify_release

    place = find(release, project)
    with progress("files") as report_progress:
        identity = verify_release(place, workers=_processes(workers), on_progress=report_progress)
    print_summary({"release": place.name, "identity": identity})


@app.command()
def checkout(
    release: Name,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that does not exist yet.")],
    project: Project = HERE,
    workers: Workers = 0,
) -> None:
    """Write a release as the VITON-HD folder tree that trainers read. Every byte is verified; goes on after a kill.

    Example: lookbook release checkout vitonhd-lower@v2026.11.20 data/lower
    """
    from lookbook.progress import progress
    from releases.checkout import checkout as check_out
    from releases.places import find

    place = find(release, project)
    with progress("items") as report_progress:
        items = check_out(place, folder.absolute(), workers=_processes(workers), on_progress=report_progress)
    print_summary({"release": place.name, "folder": str(folder), "items": items})


@app.command()
def diff(
    old: Name,
    new: Name,
    html: Annotated[Path | None, typer.Option(dir_okay=False, help="Write a page with pictures here.")] = None,
    project: Project = HERE,
) -> None:
    """Compare two releases: added, removed, changed items, and those of which only facts are others.

    Example: lookbook release diff vitonhd-lower@v2026.11.20 vitonhd-lower --html diff.html
    """
    from releases.diff_page import diff_page
    from releases.differences import Kind as Difference
    from releases.differences import counted, differences
    from releases.places import find
    from vitonhd.atomic import write_atomic

    places = find(old, project), find(new, project)
    one, other = (place.open() for place in places)
    if html is None:
        found = counted(differences(one, other))
        counts = {str(kind): found[kind] for kind in Difference}
    else:
        page, counts = diff_page((places[0].name, one), (places[1].name, other), differences(one, other))
        write_atomic(html, page.encode())
    print_summary({"old": places[0].name, "new": places[1].name, **counts, "html": str(html) if html else None})


@app.command("list")
def list_releases(project: Project = HERE) -> None:
    """List the published releases, a line each, oldest first.

    Example: lookbook release list
    """
    from releases.git_repo import GitRepo

    git = GitRepo(project)
    tags = git.tags()
    for tag in tags:
        noted = git.message(tag)
        items = noted["items"]
        typer.echo(f"{tag!s:<32} {items['train']:>7,} train {items['test']:>6,} test  {noted['identity'][:12]}")
    print_summary({"releases": len(tags)})


@app.command()
def remote(
    url: Annotated[str, typer.Argument(help="A folder, or s3://bucket/prefix.")],
    endpoint: Annotated[str | None, typer.Option(help="Address of an S3 service other than Amazon's.")] = None,
    project: Project = HERE,
) -> None:
    """Say where this clone pushes releases to and pulls them from; what comes from there is verified.

    Credentials come from the environment (AWS_PROFILE and so on), never from here.

    Example: lookbook release remote s3://bucket/releases
    """
    from releases.dvc_repo import DvcRepo

    if "://" not in url:
        url = str(Path(url).absolute())
    DvcRepo(project).set_remote(url, options={"endpointurl": endpoint} if endpoint else None)
    print_summary({"remote": url})


@app.command()
def withdraw(
    shop: Annotated[ShopCode, typer.Argument(help="musinsa or ssf.")],
    products: Annotated[list[str], typer.Argument(help="The shop's product numbers.")],
    reason: Annotated[str, typer.Option(help="Why; it is listed in withdrawn.csv.")] = "shop's request",
    undo: Annotated[bool, typer.Option("--undo", help="Let them be in releases again, with their old ids.")] = False,
) -> None:
    """Keep products out of all further releases: not a byte of theirs is in the next one.

    Releases that were published stay as they are; deleting them from a remote is your decision.

    Example: lookbook release withdraw musinsa 5698175 --reason "asked on 2026-11-02"
    """
    from db.session import make_sessions
    from lookbook.resources import open_engine
    from releases import pairing

    with make_sessions(open_engine()).begin() as session:
        for product_no in products:
            if undo:
                pairing.readmit(session, shop, product_no)
            else:
                pairing.withdraw(session, shop, product_no, reason)
    print_summary({"shop": shop, "products": products, "withdrawn": not undo})
