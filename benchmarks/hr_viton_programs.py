"""The programs that `benchmarks/hr_viton.py` measures: the plain path, the exact and the fast engine.

The contract that must not break: every program makes the same pictures of the same checkpoints.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.profiler import profile, record_function
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from finetune.hr_viton import HRVITON, ConditionGenerator, Garments, Persons, SeededNoise, Sizes, TryOnSettings
from finetune.hr_viton.checkpoints import load_checkpoint, save_checkpoint
from finetune.hr_viton.engine import Engine, EngineSettings, Mode
from finetune.hr_viton.image_generator import ImageGenerator
from tests.finetune.hr_viton import drawn, formula

PARTS = ("condition_generator", "garment_encoder", "person_encoder", "alignment", "conv_img")
PARSE_GAIN = 10.0


@dataclass(frozen=True)
class Setup:
    """What all programs of one run share."""

    sizes: Sizes
    folder: Path
    """Of the checkpoints."""
    device: str


class Job(NamedTuple):
    """What is timed."""

    images: int
    run: Callable[[], object]
    warm: Callable[[], object]
    """Touches memory and picks kernels."""
    engine: Engine | None


@dataclass
class Result:
    """One program's figures per image."""

    program: str
    work: str
    images: int
    seconds: list[float]
    """Of each round; the same round's figures of all programs were taken in turn."""
    cpu_seconds: list[float]
    memory_gib: float
    """Peak resident memory of the process, or peak allocated memory of the GPU."""
    parts: dict[str, float]
    """Seconds per image of each module, from one profiled run."""
    encoded: dict[str, int]
    """Persons and garments that the timed grid encoded."""


def make_checkpoints(setup: Setup) -> None:
    """The sizes' networks filled by formula, as safetensors."""
    if (setup.folder / "ready").exists():
        return
    conditions, images = ConditionGenerator(setup.sizes.condition_width), drawn.image_generator(setup.sizes)
    formula.fill(conditions)
    formula.fill(images, noise=0.1)
    pass_parse_on(conditions)
    save_checkpoint(conditions, setup.folder / "conditions.safetensors")
    save_checkpoint(images, setup.folder / "images.safetensors")
    (setup.folder / "ready").touch()


@torch.no_grad()
def pass_parse_on(network: ConditionGenerator) -> None:
    """No flow; the last layer's logits are the agnostic parse, and the warped mask for the garment."""
    for layer in network.flow_conv:
        layer.weight.zero_()
        layer.bias.zero_()
    last: Any = network.out_layer
    for values in (last.scale.weight, last.scale.bias, last.block[4].weight, last.block[4].bias):
        values.zero_()
    for channel in range(13):
        last.scale.weight[channel, network.width + channel] = PARSE_GAIN
    last.scale.weight[3, -1] = 2 * PARSE_GAIN


def load(setup: Setup) -> HRVITON:
    conditions, images = (load_checkpoint(setup.folder / f"{name}.safetensors") for name in ("conditions", "images"))
    assert isinstance(conditions, ConditionGenerator) and isinstance(images, ImageGenerator)
    return HRVITON(conditions, images, settings=TryOnSettings(condition_size=setup.sizes.condition_size)).eval()


def garment(setup: Setup, number: int) -> Garments:
    height, width = setup.sizes.size
    picture = formula.image(f"cloth-{number}", 1, 3, height, width)
    return Garments(picture, (drawn.parse(height, width) == 3)[:, None].float())


def person(setup: Setup, number: int) -> Persons:
    return drawn.person(number, setup.sizes.size)


def stage(program: str, work: str, setup: Setup) -> Result:
    """What is measured: one program in a process of its own, a timed run for each line that it reads.

    `work` is a batch size or PERSONSxGARMENTS.
    """
    tryon, grid = load(setup), "x" in work
    job = _grid_job(program, work, tryon, setup) if grid else _batch_job(program, int(work), tryon, setup)
    del tryon
    job.warm()
    before = dict(vars(job.engine.counts)) if job.engine else {}
    times = []
    print("ready", flush=True)
    for line in sys.stdin:
        if line == "end\n":
            break
        times.append(tuple(seconds / job.images for seconds in _timed(job.run, setup.device)))
        print("done", flush=True)
    memory = _peak_memory(setup.device)
    counts = dict(vars(job.engine.counts)) if job.engine and grid else {}
    encoded = {name: counts[name] - before[name] for name in ("persons", "garments") if name in counts}
    parts = {} if grid else _profiled(job.run, setup.device)
    per_image = {name: seconds / job.images for name, seconds in parts.items()}
    seconds, cpu = [one for one, _ in times], [one for _, one in times]
    return Result(program, work, job.images, seconds, cpu, memory / 2**30, per_image, encoded)


def _batch_job(program: str, batch: int, tryon: HRVITON, setup: Setup, threads: int = 0) -> Job:
    garments = Garments.cat([garment(setup, number) for number in range(batch)]).to(setup.device)
    one = person(setup, 0).to(setup.device)
    keys = [str(number) for number in range(batch)]
    if program == "plain":
        tryon = tryon.to(setup.device)
        _name_modules(tryon)
        persons = one.expand(batch)
        run = torch.inference_mode()(lambda: tryon(garments, persons, noise=SeededNoise(keys)))
        return Job(batch, run, run, None)
    engine = _engine(program, batch, tryon, setup, threads)

    def render() -> object:
        return engine.render(engine.encode_person(one), engine.encode_garments(garments), keys)

    return Job(batch, render, render, engine)


def _grid_job(program: str, work: str, tryon: HRVITON, setup: Setup) -> Job:
    persons, garments = map(int, work.split("x"))
    engine = _engine(program, 8, tryon, setup)
    people = {str(number): person(setup, number) for number in range(persons)}
    different = [garment(setup, number) for number in range(4)]
    things = [(str(number), different[number % 4]) for number in range(garments)]

    def render(garments: int, people: dict[str, Persons]) -> object:
        return deque(engine.render_grid(people, things[:garments], "{}+{}".format), maxlen=0)

    return Job(persons * garments, lambda: render(garments, people), lambda: render(8, {"0": people["0"]}), engine)


def _engine(program: str, batch: int, tryon: HRVITON, setup: Setup, threads: int = 0) -> Engine:
    mode: Mode = "exact" if program == "exact" else "fast"
    return Engine(tryon, EngineSettings(mode=mode, batch=batch, device=setup.device, threads=threads))


def _name_modules(tryon: HRVITON) -> None:
    """Give the plain path's modules the names that the engine's parts have in a profile."""
    generator = tryon.image_generator
    named = {name: generator.get_submodule(name) for name in (*generator.block_names, "conv_img")}
    for name, module in {"condition_generator": tryon.condition_generator, **named}.items():
        spans: list[Any] = []

        def enter(*_: object, name: str = name, spans: list[Any] = spans) -> None:
            spans.append(record_function(name))
            spans[-1].__enter__()

        def leave(*_: object, spans: list[Any] = spans) -> None:
            spans.pop().__exit__(None, None, None)

        module.register_forward_pre_hook(enter)
        module.register_forward_hook(leave)


def _timed(run: Callable[[], object], device: str) -> tuple[float, float]:
    started, cpu = time.perf_counter(), time.process_time()
    run()
    _wait(device)
    return time.perf_counter() - started, time.process_time() - cpu


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def _peak_memory(device: str) -> int:
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) << 10
    return 0


def _profiled(run: Callable[[], object], device: str) -> dict[str, float]:
    """Seconds of each named part of one run, and of everything else."""
    with _quiet(), profile():
        pass  # the profiler's own start
    started = time.perf_counter()
    with _quiet(), profile() as seen:
        run()
        _wait(device)
    whole = time.perf_counter() - started
    names = {*PARTS, *(f"up_{number}" for number in range(5)), "head_0", "G_middle_0", "G_middle_1"}
    parts: dict[str, float] = defaultdict(float)
    for event in seen.key_averages():
        if event.key in names:
            on_device = event.device_time_total if device == "cuda" else event.cpu_time_total
            parts[event.key] += on_device / 1e6
    return {**parts, "rest": max(0.0, whole - sum(parts.values()))}


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The profiler's library writes to the process's error stream."""
    saved, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null)


class BytesCounter(TorchDispatchMode):
    """Bytes that operations read and write, counted as if no cache kept anything; views are free."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if not func.is_view:
            leaves = torch.utils._pytree.tree_leaves((args, kwargs, result))
            self.bytes += sum(leaf.numel() * leaf.element_size() for leaf in leaves if isinstance(leaf, Tensor))
        return result


def limits(program: str, setup: Setup) -> dict[str, float]:
    """Arithmetic and bytes of one image; counted in one thread, as counters see only their own."""
    run = _batch_job(program, 1, load(setup), replace(setup, device="cpu"), threads=1).run
    with FlopCounterMode(display=False) as flops:
        run()
    with BytesCounter() as moved:
        run()
    return {"gflop": flops.get_total_flops() / 1e9, "gbytes": moved.bytes / 1e9}


def machine_peaks() -> dict[str, float]:
    """GFLOP/s of a large matrix product and GB/s of a large copy, best of five."""

    def best(run: Callable[[], object]) -> float:
        return min(_timed(run, "cpu")[0] for _ in range(5))

    peaks = {}
    for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        one, other = torch.randn(2048, 2048).to(dtype), torch.randn(2048, 2048).to(dtype)
        peaks[f"{name}_gflops"] = 2 * 2048**3 / best(lambda one=one, other=other: one @ other) / 1e9
    source, target = torch.randn(1 << 26), torch.empty(1 << 26)
    peaks["copy_gbytes"] = 2 * source.nbytes / best(lambda: target.copy_(source)) / 1e9
    return peaks


def fast_against_exact(setup: Setup) -> dict[str, float]:
    """PSNR in dB over the range -1..1, and the share of labels that differ, of one image."""
    tryon = load(setup)
    made = []
    for program in ("exact", "fast"):
        engine = _engine(program, 1, tryon, replace(setup, device="cpu"))
        garments = engine.encode_garments(garment(setup, 0))
        made.append(engine.render(engine.encode_person(person(setup, 0)), garments, ["0"]))
    error = (made[0].image - made[1].image).square().mean()
    labels = (made[0].parse != made[1].parse).float().mean()
    return {"psnr_db": float(10 * torch.log10(4 / error)), "labels_apart": float(labels)}
