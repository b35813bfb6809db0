"""What each network costs on this CPU for one 768x1024 picture, with formula weights: seconds and peak memory.

`python -m tests.preprocess.network_cost [NAME ...]`: a fresh process per network, one thread. The seconds are the
process's own CPU seconds, which other work on the machine does not change much.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import torch

from preprocess.backends.cloth_unet import UnetSegmenter
from preprocess.backends.densepose import RcnnDensePose
from preprocess.backends.graphonomy import ONE_SCALE, GraphonomyParser
from preprocess.backends.schp import ON_ATR, ON_LIP, SchpParser
from preprocess.networks.cloth_unet import ClothUnet
from preprocess.networks.densepose.rcnn import DensePoseRcnn
from preprocess.networks.graphonomy import Graphonomy
from preprocess.networks.schp import Schp
from tests.preprocess.network_formula import densepose_state, graphonomy_state, hashed, schp_state, state
from tests.preprocess.network_goldens import with_formula
from vitonhd.arrays import Picture

Run = Callable[[list[Picture]], object]


def _graphonomy() -> Graphonomy:
    return with_formula(Graphonomy(), graphonomy_state)


OPENERS: dict[str, Callable[[], Run]] = {
    "graphonomy": lambda: GraphonomyParser(_graphonomy()).parse,
    "graphonomy-one-scale": lambda: GraphonomyParser(_graphonomy(), scales=ONE_SCALE).parse,
    "schp-lip": lambda: SchpParser(with_formula(Schp(20), schp_state), ON_LIP).parse,
    "schp-atr": lambda: SchpParser(with_formula(Schp(18), schp_state), ON_ATR).parse,
    "densepose-s1x": lambda: RcnnDensePose(with_formula(DensePoseRcnn(), densepose_state)).estimate,
    "cloth-unet": lambda: UnetSegmenter(with_formula(ClothUnet(), state)).segment,
}


def picture(height: int = 1024, width: int = 768) -> Picture:
    """A synthetic picture: a gradient under noise."""
    noise = hashed(height * width * 3, 7).reshape(height, width, 3) * 64
    gradient = np.linspace(0, 191, height, dtype=np.float32)[:, None, None]
    return (noise + gradient).astype(np.uint8)


def measure(name: str) -> dict[str, float]:
    """Of this process: seconds of CPU and of the clock for one picture, peak memory in MiB with and before it."""
    torch.set_num_threads(1)
    run, content = OPENERS[name](), picture()
    before = resource.getrusage(resource.RUSAGE_SELF)
    started = time.perf_counter()
    run([content])
    clock = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"cpu_s": cpu, "clock_s": clock, "peak_mib": after.ru_maxrss / 1024, "loaded_mib": before.ru_maxrss / 1024}


def main(names: list[str]) -> None:
    if names[:1] == ["--one"]:
        print(json.dumps(measure(names[1])))
        return
    print(f"{'network':<22} {'CPU s':>8} {'clock s':>8} {'peak MiB':>9}")
    for name in names or list(OPENERS):
        command = [sys.executable, "-m", "tests.preprocess.network_cost", "--one", name]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found = json.loads(done.stdout.splitlines()[-1])
        print(f"{name:<22} {found['cpu_s']:>8.1f} {found['clock_s']:>8.1f} {found['peak_mib']:>9.0f}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
