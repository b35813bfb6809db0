"""Training the student: seeded, resumable at any moment, the same on CPU and GPU.

The contract that must not break: what step `s` does follows from recipe, data and the state after step `s - 1`; a run
killed at any moment and started again ends with the bytes of one that ran through. That holds on a CPU with the same
number of threads; a GPU adds in an order of its own, so there the two runs agree as closely as two runs ever do.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from preprocess.errors import PreprocessError
from preprocess.student.augmentation import augment
from preprocess.student.batches import Batch, Loader
from preprocess.student.checkpoints import Average, load_checkpoint, save_checkpoint
from preprocess.student.curves import curve_picture
from preprocess.student.draws import Draws
from preprocess.student.examples import Examples, find_sources, read_examples
from preprocess.student.losses import LossWeights, losses_of, weighted
from preprocess.student.network import StudentNetwork, StudentShape, to_input
from preprocess.student.sheets import batch_sheet
from preprocess.student.student import device_named
from preprocess.student.truth import Teacher
from preprocess.student.weights import load_student, read_about, save_student
from preprocess.weights.cache import digest
from vitonhd.atomic import write_atomic
from vitonhd.pictures import encode_png

Progress = Callable[[int, int | None], None]


class Diverged(PreprocessError):
    """The loss is no number any more."""


@dataclass(frozen=True)
class Recipe:
    """What decides the weights; a run goes on only with the recipe that it began with.

    Raises PreprocessError for numbers that can't train.
    """

    data: str
    """The tree, or folder of trees."""
    steps: int
    seed: int = 0
    teacher: Teacher = Teacher.STUDIO
    batch: int = 16
    rate: float = 1e-3
    """The highest learning rate; it rises over the first 3 % of the steps and falls as a cosine to nothing."""
    decay: float = 0.02
    """AdamW's weight decay, of matrices only."""
    average: float = 0.999
    """Decay of the moving average of the weights, which is what is kept."""
    augmented: bool = True
    """False shows the data as they are: for proving that the network can learn them at all."""
    half: bool = False
    """Convolutions in bfloat16 on a CPU too, as they always are on CUDA; pays where the CPU has AMX."""
    start: str = ""
    """A student's weights to begin from; "" for none."""
    room: float = 1.25
    """Examples are kept this much larger than the input, so that crops stay sharp."""
    shape: StudentShape = field(default_factory=StudentShape)
    weights: LossWeights = field(default_factory=LossWeights)

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch < 2:
            raise PreprocessError(f"steps {self.steps}, batch {self.batch}: at least 1 step and a batch of 2")
        if not (0 < self.rate < 1 and 0 <= self.average < 1 and 1 <= self.room <= 4):
            raise PreprocessError(f"rate {self.rate} and average {self.average} are in 0..1, room {self.room} in 1..4")

    @property
    def example_size(self) -> tuple[int, int]:
        """Height and width at which examples are kept."""
        height, width = self.shape.size
        return round(height * self.room), round(width * self.room)

    def rate_at(self, step: int) -> float:
        """The learning rate of a step, 0-based."""
        warm = max(1, round(self.steps * 0.03))
        if step < warm:
            return self.rate * (step + 1) / warm
        return self.rate * (1 + math.cos(math.pi * (step - warm) / max(1, self.steps - warm))) / 2


def make_recipe(
    data: Path,
    steps: int,
    *,
    size: str = "",
    backbone: str = "",
    width: int = 0,
    teacher: str = "studio",
    **options: Any,
) -> Recipe:
    """A recipe from what commands are given: `size` is WxH; "" and 0 mean the default. Raises PreprocessError."""
    shape = StudentShape()
    sides = size.split("x") if size else [str(shape.input_width), str(shape.input_height)]
    if len(sides) != 2 or not all(side.isdecimal() for side in sides):
        raise PreprocessError(f"size {size!r}: expected WxH, for example 288x384")
    shape = StudentShape(backbone or shape.backbone, width or shape.width, int(sides[0]), int(sides[1]))
    return Recipe(str(data), steps, teacher=Teacher(teacher), shape=shape, **options)


def fingerprint(recipe: Recipe, examples: Examples) -> dict[str, Any]:
    """What a run must share with the checkpoint that it goes on from; where the data lie is no part of it."""
    names = "\n".join(map(str, examples.sources)).encode()
    fixed: dict[str, Any] = json.loads(json.dumps(asdict(recipe)))
    del fixed["data"]
    fixed["start"] = recipe.start and digest(Path(recipe.start))
    return {**fixed, "items": len(examples), "items_sha256": hashlib.sha256(names).hexdigest()}


@dataclass(frozen=True)
class Pace:
    """How often a run says and saves something, in steps; no effect on the weights."""

    log: int = 20
    save: int = 500
    sheet: int = 500


@dataclass(frozen=True)
class Trained:
    weights: Path
    steps: int
    resumed: int
    """The step that this call began with."""
    examples: int
    rejected: int
    loss: float
    """Of the last logged step."""
    seconds: float


class Trainer:
    """One run in one folder: `checkpoint.pt`, `loss.jsonl`, `loss.png`, `sheet.png` and at the end the weights."""

    def __init__(self, recipe: Recipe, out: Path, examples: Examples, device: torch.device, pace: Pace) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.out, self.pace, self.device = recipe, out, pace, device
        self.network = _first_network(recipe).to(device).to(memory_format=torch.channels_last)
        self.average = Average(self.network, recipe.average)
        matrices = [one for one in self.network.parameters() if one.ndim > 1]
        vectors = [one for one in self.network.parameters() if one.ndim <= 1]
        groups = [{"params": matrices, "weight_decay": recipe.decay}, {"params": vectors, "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW(groups, lr=recipe.rate)
        self.loader = Loader(examples, recipe.batch, recipe.seed, device)
        self.fixed = fingerprint(recipe, examples)
        self.step = load_checkpoint(self.checkpoint, self.fixed, self.network, self.average, self.optimiser)
        self.log = _kept_log(out / "loss.jsonl", self.step)
        if self.step == recipe.steps and not self.log:
            raise PreprocessError(f"{out} holds a finished run without its loss.jsonl; choose another folder")

    @property
    def checkpoint(self) -> Path:
        return self.out / "checkpoint.pt"

    def run(self, on_progress: Progress | None = None) -> None:
        """The remaining steps. Raises Diverged."""
        while self.step < self.recipe.steps:
            losses = self.learn(self.batch(self.step))
            self.step += 1
            if self._due(self.pace.log):
                self._note(losses)
            if self._due(self.pace.sheet):
                self._show()
            if self._due(self.pace.save):
                save_checkpoint(
                    self.checkpoint, self.step, self.fixed, self.network, self.average, self.optimiser
                )  # fmt: skip
            if on_progress is not None:
                on_progress(self.step, self.recipe.steps)

    def batch(self, step: int) -> Batch:
        """What a step learns from."""
        plain = self.loader.batch(step)
        draws = Draws(self.recipe.seed, step, len(plain.worn), self.device)
        return augment(plain, draws, self.recipe.shape.size, varied=self.recipe.augmented)

    def learn(self, batch: Batch) -> dict[str, Tensor]:
        """One step; the losses by name."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.recipe.rate_at(self.step)
        pictures = to_input(batch.pictures).contiguous(memory_format=torch.channels_last)
        half = self.recipe.half or self.device.type == "cuda"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
            outputs = self.network(pictures)
        losses = losses_of(outputs, batch)
        total = weighted(losses, self.recipe.weights)
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimiser.step()
        self.average.update(self.network, self.step)
        return {"total": total.detach(), **{name: value.detach() for name, value in losses.items()}}

    def _due(self, every: int) -> bool:
        return self.step % every == 0 or self.step == self.recipe.steps

    def _note(self, losses: dict[str, Tensor]) -> None:
        """A line in the log; NaN is found here, so that other steps need not wait for the device."""
        values = {name: round(float(value), 6) for name, value in losses.items()}
        if not math.isfinite(values["total"]):
            raise Diverged(f"the loss became {values['total']} by step {self.step}: {values}; lower the rate")
        line = {"step": self.step, "rate": round(self.recipe.rate_at(self.step - 1), 8), **values}
        self.log.append(line)
        with (self.out / "loss.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")

    def _show(self) -> None:
        """The curve so far, and how the averaged network sees some of the next step's pictures."""
        write_atomic(self.out / "loss.png", encode_png(curve_picture(self.log)))
        batch = self.batch(self.step)
        network = StudentNetwork(self.recipe.shape).to(self.device).eval()
        network.load_state_dict(self.average.state)
        with torch.inference_mode():
            outputs = network(to_input(batch.pictures))
        write_atomic(self.out / "sheet.png", encode_png(batch_sheet(batch, outputs)))


def _first_network(recipe: Recipe) -> StudentNetwork:
    """What a run begins with. Raises PreprocessError for a start of another network; its input's size may differ."""
    network = StudentNetwork(recipe.shape)
    if recipe.start:
        started, _ = load_student(Path(recipe.start))
        made, wanted = started.shape, recipe.shape
        if (made.backbone, made.width) != (wanted.backbone, wanted.width):
            raise PreprocessError(
                f"{recipe.start} is a {made.backbone} of width {made.width}, not a {wanted.backbone} of {wanted.width}"
            )
        network.load_state_dict(started.state_dict())
    return network.train()


def _kept_log(path: Path, step: int) -> list[dict[str, Any]]:
    """The log up to `step`; what a killed run wrote after its last checkpoint is dropped."""
    lines: list[dict[str, Any]] = []
    if path.exists():
        for text in path.read_text().splitlines():
            try:
                line = json.loads(text)
            except ValueError:
                break  # the line that was being written
            if line["step"] <= step:
                lines.append(line)
    write_atomic(path, "".join(json.dumps(line) + "\n" for line in lines).encode())
    return lines


def train(
    recipe: Recipe,
    out: Path,
    *,
    device: str = "cpu",
    workers: int = 2,
    pace: Pace | None = None,
    on_progress: Progress | None = None,
) -> Trained:
    """Train in `out`, going on where it stopped; the weights are `out/student.safetensors`.

    Raises PreprocessError: NothingToDo without data, OtherParameters for a folder of another run, Diverged.
    """
    started = time.monotonic()
    home = device_named(device)
    out.mkdir(parents=True, exist_ok=True)
    sources = find_sources(Path(recipe.data), "train")
    examples = read_examples(sources, *recipe.example_size, teacher=recipe.teacher, workers=workers)
    _write_rejections(out / "rejections.jsonl", examples)
    trainer = Trainer(recipe, out, examples, home, pace or Pace())
    resumed = trainer.step
    trainer.run(on_progress)
    weights = out / "student.safetensors"
    made = {
        "data": Path(recipe.data).name, "items": len(examples), "teacher": str(recipe.teacher), "steps": recipe.steps,
        "batch": recipe.batch, "seed": recipe.seed, "augmented": recipe.augmented, "loss": trainer.log[-1]["total"],
        **({"start": read_about(Path(recipe.start))["made"]} if recipe.start else {}),
    }  # fmt: skip
    save_student(weights, trainer.average.state, recipe.shape, made)
    return Trained(
        weights, recipe.steps, resumed, len(examples), len(examples.rejected), trainer.log[-1]["total"],
        time.monotonic() - started,
    )  # fmt: skip


def _write_rejections(path: Path, examples: Examples) -> None:
    lines = (json.dumps({"item": str(source), "reason": reason}) for source, reason in examples.rejected)
    write_atomic(path, "".join(line + "\n" for line in lines).encode())
