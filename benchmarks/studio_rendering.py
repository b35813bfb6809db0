"""What the studio renders in a second and how exact it is: whole items with one and two workers, and the flow's PSNR.

    python benchmarks/studio_rendering.py  # 768x1024, 5 items of each class twice, 18 flows: some minutes
    python benchmarks/studio_rendering.py --items 1 --flows 1 --size 192x256

There is no peer to stand beside: nothing else makes these truths. Memory is that of all processes together, sampled.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import psutil

from studio.items import Draw, shot, sitting
from studio.render import unshaded
from vitonhd.garment_classes import GarmentClass

ROOT = Path(__file__).parents[1]


def render(folder: Path, workers: int, options: argparse.Namespace) -> dict[str, object]:
    """Seconds, items a second and peak memory of `lookbook studio render`, starting included."""
    command = [sys.executable, "-m", "lookbook", "studio", "render", "--class", "mix", "--seed", "21", "--workers"]
    command += [str(workers), "--pairs", str(options.items), "--size", options.size, "--out", str(folder)]
    started = time.monotonic()
    running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = _watch_memory(running)
    seconds = time.monotonic() - started
    if running.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {running.returncode}")
    rate = 3 * options.items / seconds
    return {
        "workers": workers,
        "items": 3 * options.items,
        "seconds": round(seconds, 1),
        "items_a_second": round(rate, 3),
        "peak_mb": round(peak / 1e6),
    }


def _watch_memory(running: subprocess.Popen[bytes]) -> int:
    """Peak of the resident memory of a process and its children, bytes; returns when it has ended."""
    peak, ended = 0, threading.Event()
    while running.poll() is None:
        try:
            process = psutil.Process(running.pid)
            family = [process, *process.children(recursive=True)]
            peak = max(peak, sum(each.memory_info().rss for each in family))
        except psutil.NoSuchProcess:
            pass
        ended.wait(0.1)
    return peak


def content(folder: Path) -> str:
    """One hash of every file's name and bytes."""
    total = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        total.update(path.relative_to(folder).as_posix().encode() + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def flow(draw: Draw, width: int, height: int) -> tuple[float, float]:
    """PSNR in dB of the unshaded packshot carried by the flow, and the share of the worn garment that has flow."""
    seated, pack = sitting(draw, width, height), shot(draw, width, height)
    truth = seated.truth(pack)
    seen = ~np.isnan(truth.flow[..., 0])
    worn = unshaded(seated.scene, seated.camera)
    large = unshaded(pack.scene, pack.camera.enlarged(2))  # finer, so that sampling it loses nothing
    x, y = 2 * truth.flow[..., 0] + 0.5, 2 * truth.flow[..., 1] + 0.5
    error = np.mean((worn[seen].astype(float) - cv2.remap(large, x, y, cv2.INTER_LINEAR)[seen]) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-9))), float(seen.sum() / truth.worn.sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=5, help="items of each class to render, twice")
    parser.add_argument("--flows", type=int, default=6, help="items of each class to measure the flow of")
    parser.add_argument("--size", default="768x1024")
    options = parser.parse_args()
    width, _, height = options.size.partition("x")
    with tempfile.TemporaryDirectory() as folder:
        runs = [render(Path(folder) / str(workers), workers, options) for workers in (1, 2)]
        same = content(Path(folder) / "1") == content(Path(folder) / "2")
    draws = [Draw(garment_class, 21, index) for garment_class in GarmentClass for index in range(options.flows)]
    found = np.array([flow(draw, int(width), int(height)) for draw in draws])
    print(json.dumps({
        "size": options.size, "render": runs, "same_bytes": same,
        "flow_psnr_db": {"least": round(found[:, 0].min(), 1), "median": round(float(np.median(found[:, 0])), 1)},
        "flow_share": {"least": round(found[:, 1].min(), 3), "median": round(float(np.median(found[:, 1])), 3)},
    }, indent=1))  # fmt: skip


if __name__ == "__main__":
    main()
