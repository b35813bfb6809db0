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


class TeacherKind(StrEnum):
    STUDIO = "studio"
    OFFICIAL = "official"


TeacherOption = Annotated[
    TeacherKind,
    typer.Option(help="studio: rendered trees with truth; official: trees that the official networks made."),
]
DeviceOption = Annotated[str, typer.Option(help="cpu, cuda, cuda:1 ...")]


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
