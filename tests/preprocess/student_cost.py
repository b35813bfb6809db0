"""What the student costs on this CPU: pictures a second at work, steps a second in training.

`python -m tests.preprocess.student_cost [--threads N] [--weights FILE]`. An untrained student sees noise, whose many
borders take longer to enlarge: with a trained one's weights the figures are those of use. Of several rounds the
fastest counts, as other work on the machine only ever slows one.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from preprocess.student.examples import find_sources, read_examples
from preprocess.student.network import StudentNetwork, StudentShape
from preprocess.student.student import Student
from preprocess.student.training import Pace, Trainer, make_recipe
from tests.preprocess.mannequin import mannequin
from tests.preprocess.student_drawn import write_tree
from vitonhd.arrays import Picture

ROUNDS = 5


def fastest(run: Callable[[], object]) -> tuple[float, float]:
    """Seconds of the clock and of the CPU, each the least of the rounds."""
    run()
    clocks, cpus = [], []
    for _ in range(ROUNDS):
        clock, cpu = time.perf_counter(), time.process_time()
        run()
        clocks.append(time.perf_counter() - clock)
        cpus.append(time.process_time() - cpu)
    return min(clocks), min(cpus)


def pictures(count: int) -> list[Picture]:
    """Synthetic, 768x1024: the drawn mannequin under noise."""
    photo = np.array(Image.fromarray(mannequin().photo).resize((768, 1024), Image.Resampling.BICUBIC))
    noise = np.random.default_rng(0).integers(-20, 20, photo.shape)
    return [np.clip(photo + noise, 0, 255).astype(np.uint8)] * count


def inference(weights: Path | None) -> None:
    student = Student.load(weights) if weights else Student(StudentNetwork(StudentShape()))
    size = student.network.shape.size
    for count in (1, 8):
        shown, fitted = pictures(count), np.zeros((count, *size, 3), np.uint8)
        clock, cpu = fastest(lambda shown=shown: student.look(shown))  # type: ignore[misc]
        network, _ = fastest(lambda fitted=fitted: student.outputs(fitted))  # type: ignore[misc]
        what = f"look, {size[1]}x{size[0]}, batch {count}"
        print(f"{what}: {count / clock:.1f} pictures/s, {cpu / count * 1e3:.0f} ms CPU each; "
              f"network alone {network / count * 1e3:.0f} ms", flush=True)  # fmt: skip


def training(size: str, batch: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        recipe = make_recipe(write_tree(Path(folder) / "drawn"), 100, size=size, batch=batch)
        examples = read_examples(find_sources(Path(recipe.data), "train"), *recipe.example_size, teacher=recipe.teacher)
        trainer = Trainer(recipe, Path(folder), examples, torch.device("cpu"), Pace())
        made, _ = fastest(lambda: trainer.batch(0))
        ready = trainer.batch(0)
        learnt, cpu = fastest(lambda: trainer.learn(ready))
    print(
        f"step, {size}, batch {batch}: {made + learnt:.2f} s ({made:.2f} augmenting), {cpu:.2f} s CPU learning",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--weights", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    inference(options.weights)
    training("192x256", 8)
    training("288x384", 16)


if __name__ == "__main__":
    main()
