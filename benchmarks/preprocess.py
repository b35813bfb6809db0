"""Preprocessing per picture: the student's chain and the official networks' chain on the same pictures, in turn.

    python benchmarks/preprocess.py                        # about 15 minutes on two quiet cores
    python benchmarks/preprocess.py --pictures 6 --rounds 3 --threads 1
    python benchmarks/preprocess.py --device cuda

The pictures are the demo's synthetic people and packshots, half of each, on a larger backdrop so that framing has to be
done and the student looks twice. The official networks have weights made by a formula, the student its own where they
are there and random ones otherwise. All networks really compute, but their answers are replaced by the truth, so that
each picture goes the way it would go with good weights. Pose is missing from the official chain (its networks come with
other packages and can't be filled by formula): it is somewhat dearer than shown. Every run is a process of its own,
whose peak memory includes loading; the chains run in turn, so that a busy machine slows both: judge by the ratio.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from preprocess.backends.cloth_unet import UnetSegmenter
from preprocess.backends.densepose import RcnnDensePose
from preprocess.backends.graphonomy import GraphonomyParser
from preprocess.backends.interfaces import DensePose
from preprocess.chain.assess import assess
from preprocess.chain.eyes import Eyes, StudentEyes
from preprocess.chain.files import drawn_conditions, encoded_files
from preprocess.chain.looking import Looker
from preprocess.chain.official import OfficialEyes
from preprocess.chain.placing import place
from preprocess.chain.taking import Taken, take
from preprocess.networks.cloth_unet import ClothUnet
from preprocess.networks.densepose.rcnn import DensePoseRcnn
from preprocess.networks.graphonomy import Graphonomy
from preprocess.student.network import StudentNetwork, StudentShape
from preprocess.student.student import Sight, Student
from preprocess.student.weights import BUNDLED
from studio.demo_catalogue import DEMO
from tests.preprocess.network_formula import densepose_state, graphonomy_state, state
from tests.preprocess.network_goldens import with_formula
from tests.preprocess.truth_eyes import packshot_sight, worn_sight
from vitonhd.arrays import Labels, Mask, Picture
from vitonhd.densepose import read_picture
from vitonhd.garment_classes import GarmentClass
from vitonhd.openpose_json import Person
from vitonhd.pictures import encode_png
from vitonhd.tree import Tree

CHAINS = ("student", "official")
GOAL = 20
_PAD = 96
"""Pixels of backdrop put around each picture."""


class Shown:
    """The pictures as files, and what is true of each."""

    def __init__(self, count: int) -> None:
        tree = Tree(DEMO / "models")
        self.files: list[bytes] = []
        self._true: dict[bytes, Sight] = {}
        for stem in tree.stems("test", "pose")[: (count + 1) // 2]:
            item = tree.read("test", stem, ("image", "parse", "pose", "densepose", "cloth", "cloth_mask"))
            assert item.image is not None and item.parse is not None and item.pose is not None
            assert item.densepose is not None and item.cloth is not None and item.cloth_mask is not None
            body = item.pose.person.body.copy()
            body[body[:, 2] > 0, :2] += _PAD
            surface, _ = read_picture(item.densepose)
            self._add(item.image, worn_sight(_padded(item.parse), _padded(surface), Person.of(body)))
            self._add(item.cloth, packshot_sight(_padded(item.cloth_mask)))
        self.files = self.files[:count]

    def _add(self, picture: Picture, sight: Sight) -> None:
        larger = np.pad(picture, ((_PAD, _PAD), (_PAD, _PAD), (0, 0)), mode="edge")
        self.files.append(encode_png(larger))
        self._true[_key(larger)] = sight

    def truth(self, picture: Picture) -> Sight:
        return self._true[_key(picture)]


def _padded(labels: Any) -> Any:
    return np.pad(labels, _PAD)


def _key(picture: Picture) -> bytes:
    return np.ascontiguousarray(picture[::16, ::16]).tobytes()


class TrueParser:
    """The parser computes; the answer is the truth."""

    def __init__(self, parser: GraphonomyParser, shown: Shown) -> None:
        self.parser, self.shown = parser, shown

    def parse(self, pictures: Sequence[Picture]) -> list[Labels]:
        self.parser.parse(pictures)
        return [self.shown.truth(picture).parse for picture in pictures]


class TrueDensePose:
    """DensePose computes; the answer is the truth."""

    def __init__(self, densepose: RcnnDensePose, shown: Shown) -> None:
        self.densepose, self.shown = densepose, shown

    def estimate(self, pictures: Sequence[Picture]) -> list[DensePose | None]:
        self.densepose.estimate(pictures)
        return [self.shown.truth(picture).densepose for picture in pictures]


class TruePose:
    """Nothing computes."""

    def __init__(self, shown: Shown) -> None:
        self.shown = shown

    def estimate(self, pictures: Sequence[Picture], boxes: object = None) -> list[Person | None]:
        return [self.shown.truth(picture).person for picture in pictures]


class TrueSegmenter:
    """The segmenter computes; the answer is the truth."""

    def __init__(self, segmenter: UnetSegmenter, shown: Shown) -> None:
        self.segmenter, self.shown = segmenter, shown

    def segment(self, pictures: Sequence[Picture]) -> list[Mask]:
        self.segmenter.segment(pictures)
        return [self.shown.truth(picture).garment_mask for picture in pictures]


def open_student(shown: Shown, device: str) -> Eyes:
    if BUNDLED.is_file():
        return StudentEyes.load(device=device)
    return StudentEyes(Student(StudentNetwork(StudentShape()), device=device), "random weights")


def open_official(shown: Shown, device: str) -> Eyes:
    parser = GraphonomyParser(with_formula(Graphonomy(), graphonomy_state), device=device)
    densepose = RcnnDensePose(with_formula(DensePoseRcnn(), densepose_state), device=device)
    segmenter = UnetSegmenter(with_formula(ClothUnet(), state), device=device)
    return OfficialEyes(
        TrueParser(parser, shown), TrueDensePose(densepose, shown), TruePose(shown), TrueSegmenter(segmenter, shown),
        "formula weights", batch=1 if device == "cpu" else 4,
    )  # fmt: skip


OPENERS: dict[str, Callable[[Shown, str], Eyes]] = {"student": open_student, "official": open_official}


class Clock:
    """Seconds by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.seconds[name] += time.perf_counter() - started


def through(looker: Looker, shown: Shown, files: Sequence[bytes], folder: Path, clock: Clock) -> int:
    """The pictures through the whole chain; how many have files at the end."""
    with clock.stage("decode"):
        taken: list[Taken] = [take(data) for data in files]
    whole = [one.intake.on_white for one in taken]
    with clock.stage("look"):
        looker.look(whole)
    with clock.stage("assess"):
        placed = [
            place(one, shown.truth(picture), GarmentClass.UPPER) for one, picture in zip(taken, whole, strict=True)
        ]
    if looker.eyes.looks_again:
        with clock.stage("look"):
            looker.look([one.framed.picture for one in placed if one.framed is not None and one.wants_look])
    with clock.stage("assess"):
        assessed = [replace(assess(one), verdicts=()) for one in placed]
    made = 0
    for number, one in enumerate(assessed):
        if one.framed is None:
            continue
        with clock.stage("draw"):
            drawn = drawn_conditions(one)
        with clock.stage("encode"):
            encoded = encoded_files(drawn)
        with clock.stage("write"):
            for name, data in encoded.items():
                (folder / f"{number}-{name}").write_bytes(data)
        made += 1
    return made


def measure(chain: str, count: int, repeats: int, device: str, threads: int) -> dict[str, Any]:
    """Of this process: seconds per picture, by stage too, and peak memory."""
    if threads:
        torch.set_num_threads(threads)
    shown = Shown(count)
    looker = Looker(OPENERS[chain](shown, device))
    with tempfile.TemporaryDirectory() as folder:
        through(looker, shown, shown.files[:2] if repeats > 1 else shown.files[:0], Path(folder), Clock())
        clock = Clock()
        started, cpu = time.perf_counter(), time.process_time()
        made = sum(through(looker, shown, shown.files, Path(folder), clock) for _ in range(repeats))
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    pictures = repeats * len(shown.files)
    on_gpu = device != "cpu" and torch.cuda.max_memory_allocated(device) / 2**20
    return {
        "chain": chain, "pictures": pictures, "made": made, "seconds": seconds / pictures, "cpu": cpu / pictures,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "gpu_mb": on_gpu or 0,
        "stages": {name: value / pictures for name, value in clock.seconds.items()},
        "weights": looker.eyes.identity if chain == "official" or not BUNDLED.is_file() else "bundled",
    }  # fmt: skip


def in_a_process(chain: str, options: argparse.Namespace) -> dict[str, Any]:
    repeats = options.repeats if chain == "student" or options.device != "cpu" else 1
    command = [sys.executable, __file__, "--one", chain, "--pictures", str(options.pictures), "--repeats", str(repeats)]
    command += ["--device", options.device, "--threads", str(options.threads)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def report(runs: dict[str, list[dict[str, Any]]]) -> str:
    stages = list(runs["official"][0]["stages"])
    lines = [
        "| chain | weights | s per picture | pictures/s | " + " | ".join(stages) + " | peak MB | GPU MB |",
        "|---|---|---|---|" + "---|" * (len(stages) + 2),
    ]
    for chain, rounds in runs.items():
        seconds = statistics.median(run["seconds"] for run in rounds)
        cells = [f"{statistics.median(run['stages'].get(stage, 0) for run in rounds):.3f}" for stage in stages]
        peak, gpu = (max(run[name] for run in rounds) for name in ("peak_mb", "gpu_mb"))
        lines.append(
            f"| {chain} | {rounds[0]['weights']} | {seconds:.3f} | {1 / seconds:.2f} | {' | '.join(cells)} "
            f"| {peak:.0f} | {gpu:.0f} |"
        )
    ratios = [slow["seconds"] / fast["seconds"] for fast, slow in zip(runs["student"], runs["official"], strict=True)]
    said = ", ".join(f"{ratio:.1f}" for ratio in ratios)
    lines.append(f"\nofficial / student, round by round: {said}; median {statistics.median(ratios):.1f} (goal {GOAL})")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=4, help="of each chain and round, 12 at most")
    parser.add_argument(
        "--repeats", type=int, default=5, help="how often the student (on a GPU both) sees them a round"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0, help="torch's; 0: as many as it takes")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--one", choices=CHAINS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one, options.pictures, options.repeats, options.device, options.threads)))
        return
    runs: dict[str, list[dict[str, Any]]] = {chain: [] for chain in CHAINS}
    for _ in range(options.rounds):
        for chain in CHAINS:
            runs[chain].append(in_a_process(chain, options))
            print(json.dumps(runs[chain][-1]), file=sys.stderr, flush=True)
    print(report(runs))


if __name__ == "__main__":
    main()
