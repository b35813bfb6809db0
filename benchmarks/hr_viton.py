"""HR-VITON per image at 1024x768 and published widths: the plain path, the exact and the fast engine, in turn.

    python benchmarks/hr_viton.py                              # about 15 minutes on two quiet cores
    python benchmarks/hr_viton.py --only plain,exact,fast --batches 1 --grid none --rounds 2
    python benchmarks/hr_viton.py --device cuda
    python benchmarks/hr_viton.py --quick                      # tiny networks: a minute, figures that mean nothing

One pair and eight garments on one person by every program, 6 persons x 24 garments by the fast engine with its
encodings counted, seconds by module, arithmetic and bytes against the machine's peaks, PSNR of fast against exact.

Weights are made by a formula, but for a condition generator that lays the garment straight and passes the drawn parse
on, so that the parse is as smooth as a real one (3.8 % of its pixels have a mixed 5x5 window; VITON-HD's own parses
3.3 to 4.0 %). Every program is a process of its own, whose peak memory includes loading. They run in turn, so that a
busy machine slows all of them: judge by the ratios, each of one round's runs.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.hr_viton_programs import (
    Result,
    Setup,
    fast_against_exact,
    limits,
    machine_peaks,
    make_checkpoints,
    stage,
)
from finetune.hr_viton import PUBLISHED
from tests.finetune.hr_viton import drawn

PROGRAMS = ("plain", "exact", "fast")


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
        return limits(rest[0], setup_of(args))
    if kind == "peaks":
        return machine_peaks()
    if kind == "psnr":
        return fast_against_exact(setup_of(args))
    return asdict(stage(kind, rest[0], setup_of(args)))


def setup_of(args: argparse.Namespace) -> Setup:
    return Setup(drawn.TINY if args.quick else PUBLISHED, args.cache / ("quick" if args.quick else "."), args.device)


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
    parser.add_argument("--grid", default="6x24", help="PERSONSxGARMENTS for the fast engine, or none")
    parser.add_argument("--rounds", type=int, default=3, help="timed runs of each, in turn; of the grid always one")
    parser.add_argument("--threads", type=int, default=0, help="0 leaves PyTorch's choice")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--quick", action="store_true", help="tiny networks and pictures: does it all still work?")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "lookbook-benchmark" / "hr_viton")
    parser.add_argument("--stage", nargs="+", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.stage:
        print(json.dumps(answer(args)))
        return
    make_checkpoints(setup_of(args))
    common = ["--threads", str(args.threads), "--device", args.device, "--cache", str(args.cache)]
    common += ["--quick"] if args.quick else []
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
    for batch in args.batches.split(","):
        # The plain path always makes one picture: eight at once would take 20 GB and no less time each.
        works = {program: "1" if program == "plain" else batch for program in programs}
        results += _measure(works, args.rounds, common)
    if args.grid != "none" and "fast" in programs:
        grid = _measure({"fast": args.grid}, 1, common)
        print(f"encoded by the grid: {grid[0].encoded}")
        results += grid
    return results


def _measure(works: dict[str, str], rounds: int, common: list[str]) -> list[Result]:
    running = [Contestant([*common, "--stage", program, work]) for program, work in works.items()]
    for contestant in running:
        contestant.wait()
    for _ in range(rounds):
        for contestant in running:
            contestant.run()
    made = [Result(**contestant.end()) for contestant in running]
    for result in made:
        report(result, made[0] if made[0].program == "plain" and result.program != "plain" else None)
    return made


def _explain(figures: dict[str, Any], results: list[Result]) -> None:
    print("\nSeconds per image by module, first batch size, profiled (the plain path's alignment is in `rest`):\n")
    single = results[: len(figures["limits"])]
    print("| module | " + " | ".join(result.program for result in single) + " |")
    print("|---" * (1 + len(single)) + "|")
    for name in sorted({name for result in single for name in result.parts}):
        print(f"| {name} | " + " | ".join(f"{result.parts.get(name, 0):.3f}" for result in single) + " |")
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
