"""HR-VITON per image at 1024x768 and published widths: the plain path, the exact and the fast engine, in turn.

    python benchmarks/hr_viton.py                              # about 15 minutes on two quiet cores
    python benchmarks/hr_viton.py --only plain,exact,fast --batches 1 --grid none --rounds 2
    python benchmarks/hr_viton.py --device cuda

Weights are made by a formula, but for a condition generator that lays the garment straight and passes the drawn parse
on, so that the parse is as smooth as a real one (3.8 % of its pixels have a mixed 5x5 window; VITON-HD's own parses
3.3 to 4.0 %). Every program is a process of its own, whose peak memory includes loading. They run in turn, so that a
busy machine slows all of them: judge by the ratios, each of one round's runs.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.profiler import profile, record_function
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

sys.path.insert(0, str(Path(__file__).parents[1]))

from finetune.hr_viton import HRVITON, PUBLISHED, ConditionGenerator, Garments, ImageGenerator, Persons, SeededNoise
from finetune.hr_viton.checkpoints import load_checkpoint, save_checkpoint
from finetune.hr_viton.engine import Engine, EngineSettings, Mode
from tests.finetune.hr_viton import drawn, formula

PROGRAMS = ("plain", "exact", "fast")
PARTS = ("condition_generator", "garment_encoder", "person_encoder", "alignment", "conv_img")
PARSE_GAIN = 10.0


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


def make_checkpoints(folder: Path) -> None:
    """The published sizes filled by formula, as safetensors."""
    if (folder / "ready").exists():
        return
    conditions, images = ConditionGenerator(PUBLISHED.condition_width), ImageGenerator(PUBLISHED.image_width)
    formula.fill(conditions)
    formula.fill(images, noise=0.1)
    pass_parse_on(conditions)
    save_checkpoint(conditions, folder / "conditions.safetensors")
    save_checkpoint(images, folder / "images.safetensors")
    (folder / "ready").touch()


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


def load(folder: Path) -> HRVITON:
    conditions, images = (load_checkpoint(folder / f"{name}.safetensors") for name in ("conditions", "images"))
    assert isinstance(conditions, ConditionGenerator) and isinstance(images, ImageGenerator)
    return HRVITON(conditions, images).eval()


def garment(number: int) -> Garments:
    height, width = PUBLISHED.size
    picture = formula.image(f"cloth-{number}", 1, 3, height, width)
    return Garments(picture, (drawn.parse(height, width) == 3)[:, None].float())


def person(number: int) -> Persons:
    return drawn.person(number, PUBLISHED.size)


def stage(program: str, work: str, folder: Path, device: str) -> Result:
    """What is measured: one program in a process of its own, a timed run for each line that it reads.

    `work` is a batch size or PERSONSxGARMENTS.
    """
    tryon = load(folder)
    if "x" in work:
        images, run = _grid_run(program, work, tryon, device)
    else:
        images, run = _batch_run(program, int(work), tryon, device)
    del tryon
    run()  # the first run touches memory and picks kernels
    times = []
    print("ready", flush=True)
    for line in sys.stdin:
        if line == "end\n":
            break
        times.append(tuple(seconds / images for seconds in _timed(run, device)))
        print("done", flush=True)
    memory = _peak_memory(device)
    parts = {} if "x" in work else _profiled(run, device)
    per_image = {name: seconds / images for name, seconds in parts.items()}
    return Result(
        program, work, images, [one for one, _ in times], [cpu for _, cpu in times], memory / 2**30, per_image
    )


def _batch_run(
    program: str, batch: int, tryon: HRVITON, device: str, threads: int = 0
) -> tuple[int, Callable[[], object]]:
    garments, one = Garments.cat([garment(number) for number in range(batch)]).to(device), person(0).to(device)
    keys = [str(number) for number in range(batch)]
    if program == "plain":
        tryon = tryon.to(device)
        _name_modules(tryon)
        persons = one.expand(batch)
        return batch, torch.inference_mode()(lambda: tryon(garments, persons, noise=SeededNoise(keys)))
    engine = _engine(program, batch, tryon, device, threads)
    return batch, lambda: engine.render(engine.encode_person(one), engine.encode_garments(garments), keys)


def _grid_run(program: str, work: str, tryon: HRVITON, device: str) -> tuple[int, Callable[[], object]]:
    persons, garments = map(int, work.split("x"))
    engine = _engine(program, 8, tryon, device)
    people = {str(number): person(number) for number in range(persons)}
    different = [garment(number) for number in range(4)]
    things = [(str(number), different[number % 4]) for number in range(garments)]
    return persons * garments, lambda: deque(engine.render_grid(people, things, "{}+{}".format), maxlen=0)


def _engine(program: str, batch: int, tryon: HRVITON, device: str, threads: int = 0) -> Engine:
    mode: Mode = "exact" if program == "exact" else "fast"
    return Engine(tryon, EngineSettings(mode=mode, batch=batch, device=device, threads=threads))


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


def limits(program: str, folder: Path) -> dict[str, float]:
    """Arithmetic and bytes of one image; counted in one thread, as counters see only their own."""
    _, run = _batch_run(program, 1, load(folder), "cpu", threads=1)
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


def fast_against_exact(folder: Path) -> dict[str, float]:
    """PSNR in dB over the range -1..1, and the share of labels that differ, of one image."""
    tryon = load(folder)
    made = []
    for program in ("exact", "fast"):
        engine = _engine(program, 1, tryon, "cpu")
        made.append(engine.render(engine.encode_person(person(0)), engine.encode_garments(garment(0)), ["0"]))
    error = (made[0].image - made[1].image).square().mean()
    labels = (made[0].parse != made[1].parse).float().mean()
    return {"psnr_db": float(10 * torch.log10(4 / error)), "labels_apart": float(labels)}


def measured(arguments: list[str]) -> Any:
    """The JSON answer of a process of its own."""
    return Contestant(arguments).end()


class Contestant:
    """A process that runs one program once whenever it is told to."""

    def __init__(self, arguments: list[str]) -> None:
        command = [sys.executable, __file__, *arguments]
        # Threads that wait by spinning take the cores from those that work as soon as anything else runs.
        environment = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ}
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment)

    def wait(self) -> str:
        """Its next line."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self._process.args} ended with {self._process.wait()}")
        return line

    def run(self) -> None:
        self._tell("run\n")
        self.wait()

    def end(self) -> Any:
        """Its JSON answer."""
        self._tell("end\n")
        return json.loads(self.wait())

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line)
        self._process.stdin.flush()


def answer(args: argparse.Namespace) -> Any:
    """What a process that was started by `measured` prints."""
    if args.threads:
        torch.set_num_threads(args.threads)
    kind, *rest = args.stage
    if kind == "limits":
        return limits(rest[0], args.cache)
    if kind == "peaks":
        return machine_peaks()
    if kind == "psnr":
        return fast_against_exact(args.cache)
    return asdict(stage(kind, rest[0], args.cache, args.device))


def report(result: Result, baseline: Result | None) -> None:
    ratios = ""
    if baseline is not None:
        wall = [one / other for one, other in zip(result.seconds, baseline.seconds, strict=True)]
        cpu = [one / other for one, other in zip(result.cpu_seconds, baseline.cpu_seconds, strict=True)]
        ratios = f"{statistics.median(wall):.3f} / {statistics.median(cpu):.3f}"
    best = f"{min(result.seconds):.3f} | {min(result.cpu_seconds):.2f}"
    print(f"| {result.program} | {result.work} | {best} | {ratios} | {result.memory_gib:.2f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(PROGRAMS), help="which programs, in this order")
    parser.add_argument("--batches", default="1,8", help="batch sizes, one person each")
    parser.add_argument("--grid", default="6x24", help="PERSONSxGARMENTS for the engines, or none")
    parser.add_argument("--rounds", type=int, default=3, help="timed runs of each, in turn")
    parser.add_argument("--threads", type=int, default=0, help="0 leaves PyTorch's choice")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "lookbook-benchmark" / "hr_viton")
    parser.add_argument("--stage", nargs="+", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.stage:
        print(json.dumps(answer(args)))
        return
    make_checkpoints(args.cache)
    common = ["--threads", str(args.threads), "--device", args.device, "--cache", str(args.cache)]
    programs = args.only.split(",")
    results = _measure_all(programs, args, common)
    figures: dict[str, Any] = {"results": [asdict(result) for result in results]}
    figures["peaks"] = measured([*common, "--stage", "peaks"])
    figures["limits"] = {name: measured([*common, "--stage", "limits", name]) for name in programs}
    if {"exact", "fast"} <= set(programs):
        figures["fast_against_exact"] = measured([*common, "--stage", "psnr"])
    _explain(figures, results)
    print(json.dumps(figures))


def _measure_all(programs: list[str], args: argparse.Namespace, common: list[str]) -> list[Result]:
    print("| program | batch or grid | best s/image | best CPU s/image | median of plain, wall / CPU | peak GiB |")
    print("|---|---|---|---|---|---|")
    results: list[Result] = []
    for work in args.batches.split(",") + ([] if args.grid == "none" else [args.grid]):
        # The plain path always makes one picture: eight at once would take 20 GB and no less time each.
        works = {program: "1" if program == "plain" else work for program in programs}
        running = [Contestant([*common, "--stage", program, work]) for program, work in works.items()]
        for contestant in running:
            contestant.wait()
        for _ in range(1 if "x" in work else args.rounds):
            for contestant in running:
                contestant.run()
        made = [Result(**contestant.end()) for contestant in running]
        for result in made:
            report(result, made[0] if programs[0] == "plain" and result.program != "plain" else None)
        results += made
    return results


def _explain(figures: dict[str, Any], results: list[Result]) -> None:
    print("\nSeconds per image by module, first batch size, profiled (the plain path's alignment is in `rest`):")
    single = results[: len(figures["limits"])]
    for name in sorted({name for result in single for name in result.parts}):
        print(f"  {name:22}" + "".join(f"{result.program} {result.parts.get(name, 0):7.3f}   " for result in single))
    peaks = figures["peaks"]
    print("\nPeaks measured: " + ", ".join(f"{name} {value:.0f}" for name, value in peaks.items()))
    for program, limit in figures["limits"].items():
        rate = peaks["bfloat16_gflops" if program == "fast" else "float32_gflops"]
        print(
            f"{program}: {limit['gflop']:.0f} GFLOP, at the peak {limit['gflop'] / rate:.2f} s; "
            f"{limit['gbytes']:.1f} GB read and written, copied in {limit['gbytes'] / peaks['copy_gbytes']:.2f} s"
        )
    if "fast_against_exact" in figures:
        print(f"fast against exact: {figures['fast_against_exact']}")


if __name__ == "__main__":
    main()
