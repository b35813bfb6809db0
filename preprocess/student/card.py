"""The card beside the weights: what they are, what they were trained on, how good they are, what they are not for.

The contract that must not break: every figure in it comes from the weights' file or from a report; what was not
measured is said not to be.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from preprocess.student.network import StudentNetwork, parameters_of
from preprocess.student.truth import Teacher
from vitonhd.atomic import write_atomic

_SCORES = {
    "parse_miou": "parse mIoU (labels that the truth has)",
    "densepose_part_accuracy": "DensePose part accuracy on the body",
    "uv_error": "UV error (mean, 0..1)",
    "pck": "PCK@0.1 torso, all joints in the picture",
    "pck_seen": "PCK@0.1 torso, joints that are seen",
    "garment_iou": "garment mask IoU (packshots)",
    "person_iou": "person mask IoU",
}
_FROM = {
    Teacher.STUDIO: "rendered pictures of made-up people (synthetic); nothing real was shown to it",
    Teacher.OFFICIAL: "photos labelled by the official networks, whose licences and errors it inherits",
}
_LIMITS = """\
- One person, seen from the front or nearly so, is expected; of several people it sees a mixture.
- It says only what its pictures have: labels in the table without a score were never in them.
- U and V are the studio's charts, not DensePose's atlas.
- Hands and faces have no joints of their own.
- On real photos it is a stand-in that lets everything run offline; for a data set to train on use the official
  networks (`--backend official`).
"""


def write_card(path: Path, weights: Path, network: StudentNetwork, made: Mapping[str, Any], report: Any) -> None:
    """Write the card of `weights`; `report` is an evaluation's, or None where nothing was evaluated."""
    shape = network.shape
    what = (
        f"`{weights.name}`, {weights.stat().st_size:,} bytes, {parameters_of(network):,} parameters: backbone "
        f"{shape.backbone} (timm, untrained at the start), decoder of {shape.width} channels, input "
        f"{shape.input_width}x{shape.input_height}."
    )
    lines = [
        "# The student's weights",
        "",
        what,
        "",
        "Trained in these runs, the last one first:",
        "",
        *_trained(made),
        "",
        "## Scores",
        "",
        *(_scores(report) if report else ["Not evaluated: the data has no test split that can be read."]),
        "",
        "## Limits",
        "",
        _LIMITS,
    ]
    write_atomic(path, "\n".join(lines).encode())


def _trained(made: Mapping[str, Any]) -> list[str]:
    """A line for each run that led to the weights, the last one first."""
    plain = "" if made["augmented"] else ", without augmentation: for tests only"
    line = (
        f"- {made['steps']} steps of {made['batch']} pictures from {made['items']} items of `{made['data']}` "
        f"({_FROM[Teacher(made['teacher'])]}), seed {made['seed']}, last loss {made['loss']:.4g}{plain}"
    )
    return [line, *(_trained(made["start"]) if "start" in made else [])]


def _scores(report: Mapping[str, Any]) -> list[str]:
    said = {key: "not measured" if report[key] is None else f"{report[key]:.3f}" for key in _SCORES}
    labels = [f"| {name} | {iou:.3f} |" for name, iou in report["parse_iou"].items() if iou is not None]
    return [
        f"On {report['items']} items of the {report['split']} split of `{report['data']}`.",
        "",
        "| what | score |",
        "|---|---|",
        *(f"| {what} | {said[key]} |" for key, what in _SCORES.items()),
        "",
        "| label | IoU |",
        "|---|---|",
        *labels,
    ]
