"""`lookbook preprocess`: the conditions that HR-VITON needs, from photos."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lookbook.commands.studio import Kind, Size, parse_size
from lookbook.commands.summary import print_summary

if TYPE_CHECKING:
    from preprocess.chain.eyes import Eyes
    from preprocess.run.stage import Share

app = typer.Typer(help="The conditions that HR-VITON needs, from photos.", no_args_is_help=True)


class ParseRule(StrEnum):
    ADAPTIVE = "adaptive"
    FIXED = "fixed"


class Background(StrEnum):
    KEEP = "keep"
    GREY = "grey"


class TeacherKind(StrEnum):
    STUDIO = "studio"
    OFFICIAL = "official"


class Backend(StrEnum):
    STUDENT = "student"
    OFFICIAL = "official"


TeacherOption = Annotated[
    TeacherKind,
    typer.Option(help="studio: rendered trees with truth; official: trees that the official networks made."),
]
DeviceOption = Annotated[str, typer.Option(help="cpu, cuda, cuda:1 ...")]
BackendOption = Annotated[
    Backend,
    typer.Option(help="student: Lookbook's own small network; official: the published ones (`lookbook weights`)."),
]
WeightsOption = Annotated[
    Path | None,
    typer.Option("--weights", dir_okay=False, help="The student's; else those that come with Lookbook."),
]

ClassesOption = Annotated[
    list[Kind] | None, typer.Option("--class", help="Only products of this class; again for more.")
]
WorkersOption = Annotated[int, typer.Option(min=1, max=256, help="Processes that decode, threads that draw.")]


def _eyes(backend: Backend, device: str, weights: Path | None) -> Eyes:
    """The backend's networks; raises PreprocessError."""
    from lookbook.settings import load_settings
    from preprocess.chain.eyes import open_eyes
    from preprocess.weights.cache import WeightsCache

    return open_eyes(backend, WeightsCache(Path(load_settings().weights_dir)), device=device, weights=weights)


def _stop(error: Exception) -> typer.Exit:
    """One line on stderr and the exit code that the error means."""
    from lookbook.exits import CONFIG, DATA, TEMPORARY, USAGE
    from preprocess.errors import OtherParameters
    from preprocess.weights.errors import WeightsMissing

    typer.echo(f"lookbook: {error}", err=True)
    codes = {OtherParameters: USAGE, WeightsMissing: CONFIG, OSError: TEMPORARY}
    return typer.Exit(next((code for kind, code in codes.items() if isinstance(error, kind)), DATA))


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


@app.command()
def folder(
    source: Annotated[
        Path, typer.Argument(metavar="IN", exists=True, file_okay=False, help="Photos of people and of garments.")
    ],
    out: Annotated[Path, typer.Argument(file_okay=False, help="The VITON-HD tree to write.")],
    garment_class: Annotated[Kind, typer.Option("--class", help="What is to be tried on.")] = Kind.UPPER,
    backend: BackendOption = Backend.STUDENT,
    weights: WeightsOption = None,
    device: DeviceOption = "cpu",
    size: Size = "768x1024",
    workers: Annotated[int, typer.Option(min=1, max=256, help="Processes that decode, threads that encode.")] = 1,
) -> None:
    """Make a VITON-HD tree of a plain folder of photos, sub-folders included; what is there and unchanged is kept.

    Worn photos and packshots are told apart; every person is paired with every garment, or as IN/pairs.csv says
    (columns person,garment). OUT/items.csv says which file is which item, OUT/rejections.jsonl why a file is none,
    OUT/sheet.jpg shows them.

    Example: lookbook preprocess folder photos var/mine --class upper --workers 2
    """
    from lookbook.progress import progress
    from preprocess.errors import PreprocessError
    from preprocess.folder.stage import Order, process_folder
    from vitonhd.errors import FormatError
    from vitonhd.garment_classes import GarmentClass

    try:
        order = Order(source, out, GarmentClass(garment_class), parse_size(size))
        eyes = _eyes(backend, device, weights)
        with progress("pictures") as report_progress:
            result = process_folder(order, eyes, workers=workers, on_progress=report_progress)
    except (PreprocessError, FormatError, OSError) as error:
        raise _stop(error) from None
    print_summary(
        {
            "out": str(out), "class": garment_class, "backend": backend, "people": result.people,
            "garments": result.garments, "rejected": result.rejected, "reasons": dict(result.reasons),
            "kept": result.kept, "pairs": result.pairs, "pairs_missed": dict(result.pairs_missed),
            "other_files": result.others, "sheet": str(out / "sheet.jpg"),
        }
    )  # fmt: skip


@app.command("train-student")
def train_student(
    data: Annotated[Path, typer.Option(exists=True, file_okay=False, help="A VITON-HD tree, or a folder of trees.")],
    steps: Annotated[int, typer.Option(min=1, help="How long.")],
    out: Annotated[Path, typer.Option(file_okay=False, help="The run's folder; a run that is there goes on.")],
    device: DeviceOption = "cpu",
    seed: Annotated[int, typer.Option(min=0)] = 0,
    teacher: TeacherOption = TeacherKind.STUDIO,
    batch: Annotated[int, typer.Option(min=2, help="Pictures a step.")] = 16,
    size: Annotated[str, typer.Option(metavar="WxH", help="The network's input.")] = "288x384",
    workers: Annotated[int, typer.Option(min=1, max=256, help="Threads that decode.")] = 2,
) -> None:
    """Train the student on the train split; scores on the test split and the weights' card are written with it.

    Example: lookbook preprocess train-student --data var/studio --steps 60000 --batch 64 --device cuda --out run
    """
    from lookbook.progress import progress
    from preprocess.errors import PreprocessError
    from preprocess.student.train import train_and_score
    from preprocess.student.training import Pace, make_recipe

    try:
        recipe = make_recipe(data, steps, size=size, teacher=teacher, batch=batch, seed=seed)
        with progress("steps") as report_progress:
            summary = train_and_score(
                recipe, out, device=device, workers=workers, pace=Pace(), on_progress=report_progress
            )  # fmt: skip
    except PreprocessError as error:
        raise typer.BadParameter(str(error)) from None
    print_summary(summary)


@app.command("evaluate-student")
def evaluate_student(
    data: Annotated[Path, typer.Option(exists=True, file_okay=False, help="A VITON-HD tree, or a folder of trees.")],
    weights: Annotated[Path | None, typer.Option(dir_okay=False, help="Lookbook's own unless given.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Items, evenly over the trees.")] = None,
    out: Annotated[Path, typer.Option(file_okay=False, help="Where report.json and page.jpg go.")] = Path(
        "student-evaluation"
    ),
    split: Annotated[str, typer.Option(help="train or test.")] = "test",
    teacher: TeacherOption = TeacherKind.STUDIO,
    device: DeviceOption = "cpu",
) -> None:
    """Score the student against known truth: parse, DensePose, UV, joints, garment mask; with its best and worst.

    Example: lookbook preprocess evaluate-student --data var/studio --limit 200
    """
    from lookbook.progress import progress
    from preprocess.errors import PreprocessError
    from preprocess.student.evaluation import evaluate, write_evaluation
    from preprocess.student.student import Student
    from preprocess.student.truth import Teacher
    from preprocess.student.weights import BUNDLED
    from vitonhd.errors import FormatError

    try:
        student = Student.load(weights or BUNDLED, device=device)
        with progress("items") as report_progress:
            report, page = evaluate(
                student, data, split=split, teacher=Teacher(teacher), limit=limit, on_progress=report_progress
            )
    except (PreprocessError, FormatError) as error:
        raise typer.BadParameter(str(error)) from None
    report_path, page_path = write_evaluation(out, report, page)
    scores = ("parse_miou", "densepose_part_accuracy", "uv_error", "pck", "garment_iou", "person_iou")
    print_summary(
        {
            "report": str(report_path), "page": str(page_path), "items": report["items"],
            "rejected": len(report["rejected"]), **{key: report[key] for key in scores},
        }
    )  # fmt: skip


@app.command()
def run(
    garment_class: ClassesOption = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many products with something to do.")] = None,
    shard: Annotated[
        str, typer.Option(metavar="I/N", help="Share I of N of the products, for several machines.")
    ] = "0/1",
    backend: BackendOption = Backend.STUDENT,
    device: DeviceOption = "cpu",
    weights: WeightsOption = None,
    workers: WorkersOption = 2,
) -> None:
    """Make the conditions of every stored picture of the catalogue, and choose each product's worn photo and packshot.

    What is done is not done again; the same command takes up an interrupted run. Exit code 75: some pictures failed
    for want of memory or the like; the same command tries them again.

    Example: lookbook preprocess run --class upper --limit 100 --workers 4
    """
    from dataclasses import asdict

    from lookbook.exits import TEMPORARY
    from lookbook.progress import progress
    from lookbook.resources import open_blobs, open_engine
    from lookbook.settings import load_settings
    from preprocess.errors import PreprocessError
    from preprocess.run.stage import run as run_stage

    settings = load_settings()
    share = _share(garment_class, shard, limit)
    engine, blobs = open_engine(settings), open_blobs(settings)
    try:
        eyes = _eyes(backend, device, weights)
        with progress("pictures") as report_progress:
            summary = run_stage(engine, blobs, eyes, share, workers=workers, on_progress=report_progress)
    except PreprocessError as error:
        raise _stop(error) from None
    print_summary(asdict(summary))
    if summary.retriable:
        raise typer.Exit(TEMPORARY)


@app.command()
def profile(
    limit: Annotated[int, typer.Option(min=1, help="Pictures in the sample.")] = 24,
    garment_class: ClassesOption = None,
    chart: Annotated[Path, typer.Option(dir_okay=False, help="The picture to write, .png.")] = Path("profile.png"),
    backend: BackendOption = Backend.STUDENT,
    device: DeviceOption = "cpu",
    weights: WeightsOption = None,
    workers: WorkersOption = 2,
) -> None:
    """Show where the time goes: a sample of the catalogue's pictures through each stage; nothing of it is kept.

    Example: lookbook preprocess profile --limit 50 --chart profile.png
    """
    from lookbook.progress import progress
    from lookbook.resources import open_blobs, open_engine
    from lookbook.settings import load_settings
    from preprocess.errors import PreprocessError
    from preprocess.run.chart import profile_picture, profile_table
    from preprocess.run.profile import profile as profile_stages
    from vitonhd.atomic import write_atomic
    from vitonhd.pictures import encode_png

    settings = load_settings()
    engine, blobs, share = open_engine(settings), open_blobs(settings), _share(garment_class)
    try:
        eyes = _eyes(backend, device, weights)
        with progress("pictures") as report_progress:
            found = profile_stages(
                engine, blobs, eyes, share, pictures=limit, workers=workers, on_progress=report_progress
            )
    except PreprocessError as error:
        raise _stop(error) from None
    write_atomic(chart, encode_png(profile_picture(found)))
    typer.echo(profile_table(found))
    print_summary(
        {
            "version": found.version, "pictures": found.pictures, "taken": found.taken, "chart": str(chart),
            "seconds": {stage: round(cost.seconds, 3) for stage, cost in found.costs.items()},
            "overlapped": round(found.overlapped, 3), "workers": found.workers,
        }
    )  # fmt: skip


@app.command()
def sheet(
    out: Annotated[Path, typer.Argument(dir_okay=False, help="The picture to write, .png.")],
    each: Annotated[int, typer.Option(min=1, max=100, help="Products of each class.")] = 4,
) -> None:
    """Show what was chosen: products with their conditions, and some without, with the reason.

    Example: lookbook preprocess sheet conditions.png
    """
    from lookbook.resources import open_blobs, open_engine
    from lookbook.settings import load_settings
    from preprocess.errors import PreprocessError
    from preprocess.run.sheet import choice_sheet
    from vitonhd.atomic import write_atomic
    from vitonhd.pictures import encode_png

    settings = load_settings()
    try:
        picture = choice_sheet(open_engine(settings), open_blobs(settings), each=each)
    except PreprocessError as error:
        raise _stop(error) from None
    write_atomic(out, encode_png(picture))
    print_summary({"out": str(out), "width": picture.shape[1], "height": picture.shape[0]})


def _share(garment_class: list[Kind] | None, shard: str = "0/1", limit: int | None = None) -> Share:
    from lookbook.commands.crawl import parse_shard
    from preprocess.run.stage import Share
    from vitonhd.garment_classes import GarmentClass

    return Share(tuple(GarmentClass(one) for one in garment_class or Kind), parse_shard(shard), limit)
