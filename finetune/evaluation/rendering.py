"""A checkpoint pair to a folder of try-ons, through HR-VITON's engine.

The contract that must not break: a folder holds try-ons of one checkpoint pair, size and mode; what is there is kept,
so an interrupted rendering goes on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from finetune.evaluation.cases import SPLIT, Case
from finetune.evaluation.errors import EvaluationError
from finetune.evaluation.results import Results
from finetune.hr_viton import HRVITON, CheckpointError, Garments, Persons, TryOn, TryOnSettings, load_checkpoint
from finetune.hr_viton.condition_generator import ConditionGenerator
from finetune.hr_viton.conditions import read_pair
from finetune.hr_viton.engine import Engine, EngineSettings
from finetune.hr_viton.image_generator import ImageGenerator
from vitonhd.arrays import Mask, Picture
from vitonhd.atomic import write_atomic
from vitonhd.errors import FormatError
from vitonhd.garment_classes import RULES, GarmentClass

Progress = Callable[[int, int | None], None]
_ENDINGS = (".safetensors", ".pth", ".pt")
_RECORD = "rendered.json"


@dataclass(frozen=True)
class CheckpointPair:
    """A condition generator's file and an image generator's."""

    condition_generator: Path
    image_generator: Path

    @classmethod
    def find(cls, path: Path) -> CheckpointPair:
        """The only such files in a folder, or in the `weights` of a run or of a folder of runs, whatever their names.

        Raises EvaluationError, with what there is.
        """
        if not path.is_dir():
            raise EvaluationError(f"{path} is no folder; a checkpoint is one with a condition and an image generator")
        found: dict[type, list[Path]] = {ConditionGenerator: [], ImageGenerator: []}
        refused = []
        for file in _weights_files(path):
            try:
                kind = type(load_checkpoint(file))
            except (CheckpointError, OSError) as error:
                refused.append(str(error).partition("\n")[0])
                continue
            found.setdefault(kind, []).append(file)
        for kind in (ConditionGenerator, ImageGenerator):
            if len(found[kind]) != 1:
                names = ", ".join(str(file.relative_to(path)) for file in found[kind]) or "none"
                more = "".join(f"; {reason}" for reason in refused[:3])
                raise EvaluationError(f"{path}: one {kind.__name__} is needed, there are: {names}{more}")
        return cls(found[ConditionGenerator][0], found[ImageGenerator][0])

    def load(self, settings: TryOnSettings | None = None) -> HRVITON:
        """Raises CheckpointError, OSError."""
        condition, image = load_checkpoint(self.condition_generator), load_checkpoint(self.image_generator)
        assert isinstance(condition, ConditionGenerator) and isinstance(image, ImageGenerator)
        return HRVITON(condition, image, settings=settings)

    def described(self) -> dict[str, str]:
        """Names and SHA-256."""
        files = {"condition_generator": self.condition_generator, "image_generator": self.image_generator}
        return {
            f"{kind}{what}": value
            for kind, file in files.items()
            for what, value in (("", file.name), ("_sha256", _digest(file)))
        }


@dataclass(frozen=True)
class RenderOrder:
    """What to render; `size` is (width, height), by default that of the data."""

    checkpoint: CheckpointPair
    cases: Sequence[Case]
    results: Results
    size: tuple[int, int] | None = None
    tryon: TryOnSettings = field(default_factory=TryOnSettings)
    engine: EngineSettings = field(default_factory=EngineSettings)

    def sized(self) -> tuple[int, int]:
        """Raises EvaluationError where the data have several sizes and none is given."""
        sizes = {case.test_set.tree.size for case in self.cases}
        if self.size is None and len(sizes) != 1:
            raise EvaluationError(f"pictures of several sizes, {sorted(sizes)}: state the size to render at")
        return self.size or next(iter(sizes))


def render_cases(order: RenderOrder, on_progress: Progress | None = None) -> dict[str, str]:
    """Render what is not there; returns why, by key, for cases whose conditions can't be read.

    Raises EvaluationError for a folder of other try-ons and for a size that the networks can't take.
    """
    _check_record(order)
    batches = _batches(order.cases, order.engine.batch)
    waiting = [cases for cases in batches if not all(order.results.path(case).is_file() for case in cases)]
    refused: dict[str, str] = {}
    done = len(order.cases) - sum(len(cases) for cases in waiting)
    if not waiting:
        return refused
    with Engine(order.checkpoint.load(order.tryon), order.engine) as engine:
        for cases in waiting:
            try:
                _render_person(engine, order, cases, refused)
            except ValueError as error:
                raise EvaluationError(f"{cases[0].key} at {order.sized()} (width, height): {error}") from None
            done += len(cases)
            if on_progress is not None:
                on_progress(done, len(order.cases))
    return refused


def _weights_files(path: Path) -> list[Path]:
    """Of the first place that has any."""
    for pattern in ("*", "weights/*", "*/weights/*"):
        if files := sorted(file for file in path.glob(pattern) if file.suffix in _ENDINGS and file.is_file()):
            return files
    return []


def _render_person(engine: Engine, order: RenderOrder, cases: Sequence[Case], refused: dict[str, str]) -> None:
    """The whole batch, although some may be there: a smaller one would round differently."""
    read = list(_readable(cases, order.sized(), refused))
    if not read:
        return
    garment_class = cases[0].test_set.garment_class
    person = engine.encode_person(read[0][2], garment_class)
    garments = engine.encode_garments(Garments.cat([garment for _, garment, _ in read]))
    tryon = engine.render(person, garments, [case.key for case, _, _ in read])
    for number, (case, _, _) in enumerate(read):
        if not order.results.path(case).is_file():
            order.results.write(case, *_picture_and_mask(tryon[number : number + 1], garment_class))


def _readable(
    cases: Sequence[Case], size: tuple[int, int], refused: dict[str, str]
) -> Iterator[tuple[Case, Garments, Persons]]:
    for case in cases:
        try:
            yield case, *read_pair(case.test_set.tree, SPLIT, case.pair, case.setting, (size[1], size[0]))
        except FormatError as error:
            refused[case.key] = str(error)


def _picture_and_mask(tryon: TryOn, garment_class: GarmentClass) -> tuple[Picture, Mask]:
    image: Tensor = (tryon.image[0].float().clamp(-1, 1) + 1) * 127.5
    picture = image.round().byte().permute(1, 2, 0).cpu().numpy()
    worn: Mask = tryon.parse[0].cpu().numpy() == RULES[garment_class].channel
    return np.ascontiguousarray(picture), worn


def _batches(cases: Sequence[Case], size: int) -> Iterator[list[Case]]:
    """Of one person each, which is encoded once for both settings."""
    for _, group in groupby(sorted(cases, key=lambda case: (case.person, case.key)), lambda case: case.person):
        of_person = list(group)
        yield from (of_person[first : first + size] for first in range(0, len(of_person), size))


def _check_record(order: RenderOrder) -> None:
    path = order.results.root / _RECORD
    made: dict[str, Any] = {
        **order.checkpoint.described(),
        "size": order.sized(),
        "mode": order.engine.mode,
        "tryon": asdict(order.tryon),
    }
    made = json.loads(json.dumps(made))  # as it will be read: tuples are lists
    if not path.exists():
        write_atomic(path, json.dumps(made, indent=1).encode())
    elif json.loads(path.read_bytes()) != made:
        raise EvaluationError(
            f"{order.results.root} has try-ons of another checkpoint, size or mode: choose another folder"
        )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
