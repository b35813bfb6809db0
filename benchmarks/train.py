"""Training speed: samples/s, the share of time that steps wait for data, memory; and the same step written plainly.

python benchmarks/train.py --data STUDIO --run condition --steps 20
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from finetune.augmentation import augment
from finetune.examples import Examples, Source, find_sources
from finetune.family import Stage, build_stage
from finetune.loader import Loader
from finetune.sampling import Sampler
from finetune.settings import Pace, RunSettings
from finetune.train import run_settings
from finetune.training import TRAIN, train

SMALL = Path(__file__).parents[1] / "finetune" / "hr_viton" / "small.yaml"


def trained(settings: RunSettings, sources: list[Source], pace: Pace, accelerator: str) -> dict[str, Any]:
    """The trainer's own figures of a run in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        results = train(settings, sources, Path(folder), pace=pace, accelerator=accelerator, trackers=())
    per_step = results["seconds_per_step"]
    return {
        "samples_per_s": round(settings.batch / per_step, 2), "seconds_per_step": per_step,
        "data_wait_share": results["data_wait_share"], "peak_memory_gb": results["peak_memory_gb"],
    }  # fmt: skip


def plain(settings: RunSettings, sources: list[Source], device: torch.device) -> dict[str, Any]:
    """The same steps without Fabric, half precision, channels-last or averages."""
    torch.manual_seed(settings.seed)
    stage = build_stage(settings)
    networks = {name: one.network.to(device).train() for name, one in stage.trained.items()}
    networks |= {name: one.to(device).eval() for name, one in stage.frozen.items()}
    examples = Examples(sources, TRAIN, stage.parts, settings.size)
    sampler = Sampler(examples.counts(), settings.mix, batch=settings.batch, seed=settings.seed, steps=settings.steps)
    started = time.perf_counter()
    update = _updates(stage)
    for number, batch in enumerate(Loader(examples, sampler, seed=settings.seed, device=device)):
        stage.step(networks, augment(batch, settings.augmentation), update, number)
    if device.type == "cuda":
        torch.cuda.synchronize()
    per_step = (time.perf_counter() - started) / settings.steps
    return {"samples_per_s": round(settings.batch / per_step, 2), "seconds_per_step": round(per_step, 4)}


def _updates(stage: Stage) -> Any:
    optimisers = {
        name: torch.optim.Adam(
            [weight for weight in one.network.parameters() if weight.requires_grad], one.rate, one.betas
        )
        for name, one in stage.trained.items()
    }

    def update(network: str, loss: torch.Tensor) -> None:
        optimisers[network].zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimisers[network].step()

    return update


def main() -> None:
    parser = argparse.ArgumentParser(description="Training speed.")
    parser.add_argument("--data", action="append", required=True)
    parser.add_argument("--params", type=Path, default=SMALL)
    parser.add_argument("--run", default="condition")
    parser.add_argument("--start", help="condition generator's checkpoint, for the image generator")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--accelerator", default="auto")
    arguments = parser.parse_args()
    start = {"condition_generator": arguments.start} if arguments.start else {}
    settings = run_settings(arguments.run, arguments.params, start=start, steps=arguments.steps)
    sources = find_sources(arguments.data)
    pace = Pace(workers=arguments.workers, log=10**6, save=10**6, sample=10**6, validate_every=10**6)
    device = torch.device("cuda" if arguments.accelerator != "cpu" and torch.cuda.is_available() else "cpu")
    print(json.dumps({"run": arguments.run, "plain": plain(settings, sources, device)}), flush=True)
    print(json.dumps({"run": arguments.run, "trainer": trained(settings, sources, pace, arguments.accelerator)}))


if __name__ == "__main__":
    main()
