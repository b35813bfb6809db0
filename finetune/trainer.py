"""The one trainer: devices, precision, loops, optimisers, averages, checkpoints and an early stop for any stage.

The contract that must not break: what step `s` does follows from settings, data and the state after step `s - 1`; a
run killed at any moment and started again ends with the weights of one that ran through (on a CPU with the same number
of threads exactly; a GPU adds in an order of its own).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from finetune.augmentation import augment, to_scene
from finetune.averaging import Average
from finetune.batch_norm import share_batch_norms
from finetune.errors import Diverged
from finetune.examples import Examples
from finetune.family import Stage, Values
from finetune.freezing import freeze, hold_frozen_norms
from finetune.loader import Batch, Loader, first_batch
from finetune.run_checkpoints import RunCheckpoints, State
from finetune.run_folder import RunFolder
from finetune.sampling import Sampler
from finetune.settings import Pace, RunSettings
from finetune.sheets import sheet_picture
from finetune.tracking import Tracker
from vitonhd.atomic import write_atomic
from vitonhd.pictures import encode_png

Progress = Callable[[int, int | None], None]


@dataclass
class Watch:
    """The early stop's memory."""

    best: float = math.inf
    best_step: int = 0
    since: int = 0
    """Validations since the best."""


class Trainer:
    """One stage's run in one folder."""

    def __init__(
        self, fabric: Fabric, stage: Stage, settings: RunSettings, pace: Pace, folder: RunFolder,
        training: Examples, held_out: Examples | None,
    ) -> None:  # fmt: skip
        self.fabric, self.stage, self.settings, self.pace, self.folder = fabric, stage, settings, pace, folder
        self._training, self._held_out = training, held_out
        self.own = {name: one.network.to(memory_format=torch.channels_last) for name, one in stage.trained.items()}
        freeze(self.own, settings.freeze)
        if fabric.world_size > 1:
            for network in self.own.values():
                share_batch_norms(network)
        self.networks: dict[str, nn.Module] = {}
        self.optimisers: dict[str, Any] = {}
        for name, one in stage.trained.items():
            learning = [parameter for parameter in one.network.parameters() if parameter.requires_grad]
            optimiser = torch.optim.Adam(learning, lr=one.rate, betas=one.betas)
            self.networks[name], self.optimisers[name] = fabric.setup(one.network, optimiser)
        for name, network in stage.frozen.items():
            self.networks[name] = fabric.to_device(network.requires_grad_(False).eval())
        self.averages = {
            name: Average(self.own[name], settings.average) for name, one in stage.trained.items() if one.averaged
        }
        self.checkpoints = RunCheckpoints(folder.checkpoints, pace.keep)
        self.step, self.watch, self.losses = 0, Watch(), dict[str, float]()
        self.validation: dict[str, float] = {}
        self.waited = self.seconds = 0.0
        self._resume()
        self.resumed = self.step
        self.trackers: list[Tracker] = []

    def run(self, on_progress: Progress | None = None) -> None:
        """The remaining steps. Raises Diverged."""
        loader = self._loader()
        started = time.perf_counter()
        for batch in loader:
            losses = self.learn(batch)
            self.step += 1
            if self._due(self.pace.log):
                self._note(losses)
            if self._due(self.pace.validate_every):
                self._validate()
            if self._due(self.pace.sample):
                self._show()
            stop = self._stopped()
            if self._due(self.pace.save) or stop:
                self._save()
            self.waited, self.seconds = loader.waited, time.perf_counter() - started
            if on_progress is not None:
                on_progress(self.step, self.settings.steps)
            if stop:
                break
        for tracker in self.trackers:
            tracker.close()

    def learn(self, batch: Batch) -> Values:
        """One step; the losses by name."""
        # Dropout's chance follows from the step too; all else is drawn from the batch's own numbers.
        torch.manual_seed(_seed(self.settings.seed, self.step, self.fabric.global_rank))
        factor = self.settings.rate.factor(self.step, self.settings.steps)
        for name, optimiser in self.optimisers.items():
            for group in optimiser.param_groups:
                group["lr"] = self.stage.trained[name].rate * factor
        for network in self.own.values():
            network.train()
            hold_frozen_norms(network)
        scene = augment(batch, self.settings.augmentation)
        return self.stage.step(self.networks, scene, self.update, self.step)

    def update(self, network: str, loss: Tensor) -> None:
        """As `family.Update`."""
        optimiser = self.optimisers[network]
        optimiser.zero_grad(set_to_none=True)
        self.fabric.backward(loss)
        if self.settings.clip:
            self.fabric.clip_gradients(self.networks[network], optimiser, max_norm=self.settings.clip)
        optimiser.step()
        if network in self.averages:
            self.averages[network].update(self.own[network], self.step)

    def averaged(self) -> ExitStack:
        """While it lasts every network is in evaluation mode, with its averaged weights where it has some."""
        stack = ExitStack()
        for name, average in self.averages.items():
            stack.enter_context(average.worn_by(self.own[name]))
        for name, network in self.own.items():
            if name not in self.averages:
                network.eval()
        return stack

    def still(self) -> dict[str, nn.Module]:
        """The networks without Fabric's wrapping: for evaluation, on one process, in full precision."""
        return {**self.networks, **self.own}

    def _loader(self) -> Loader:
        settings = self.settings
        sampler = Sampler(
            self._training.counts(), settings.mix, batch=settings.batch, seed=settings.seed, first_step=self.step,
            steps=settings.steps, rank=self.fabric.global_rank, world=self.fabric.world_size,
        )  # fmt: skip
        if self._stopped():
            sampler = Sampler(self._training.counts(), settings.mix, batch=settings.batch, seed=0, steps=0)
        device = self.fabric.device
        return Loader(self._training, sampler, seed=settings.seed, device=device, workers=self.pace.workers)

    def _due(self, every: int) -> bool:
        return self.step % every == 0 or self.step == self.settings.steps

    def _stopped(self) -> bool:
        patience = self.settings.stop.patience
        return bool(patience) and self.watch.since >= patience

    def _note(self, losses: Values) -> None:
        """A line in the logs; a loss that is no number is found here, so that other steps need not wait for a GPU."""
        self.losses = {name: float(value) for name, value in losses.items()}
        if wrong := sorted(name for name, value in self.losses.items() if not math.isfinite(value)):
            raise Diverged(f"{', '.join(wrong)} is no number any more by step {self.step}; lower the rates")
        self._tell({f"train/{name}": value for name, value in self.losses.items()})

    def _tell(self, values: Mapping[str, float]) -> None:
        if self.fabric.is_global_zero:
            rounded = {name: float(f"{value:.6g}") for name, value in values.items()}
            self.folder.add_metrics({"step": self.step, **rounded})
            for tracker in self.trackers:
                tracker.numbers(self.step, rounded)

    @torch.no_grad()
    def _validate(self) -> None:
        """Scores on held-out examples, by every process alike so that all stop at the same step."""
        if self._held_out is None:
            return
        sums: dict[str, float] = {}
        count = 0
        with self.averaged():
            for batch in first_batch(self._held_out, self.pace.validation_examples, self.fabric.device):
                for name, value in self.stage.validate(self.still(), to_scene(batch)).items():
                    sums[name] = sums.get(name, 0.0) + float(value) * len(batch)
                count += len(batch)
        self.validation = {name: value / count for name, value in sums.items()}
        self._tell({f"validation/{name}": value for name, value in self.validation.items()})
        score = self.validation[self.stage.monitor]
        if score < self.watch.best - self.settings.stop.better_by:
            self.watch = Watch(score, self.step)
        else:
            self.watch.since += 1

    @torch.no_grad()
    def _show(self) -> None:
        """How the averaged networks see some held-out examples."""
        if not self.fabric.is_global_zero:
            return
        with self.averaged():
            batches = first_batch(self._held_out or self._training, 9, self.fabric.device)
            sheets = [self.stage.sheet(self.still(), to_scene(batch)) for batch in batches]
        picture = sheet_picture(torch.cat(sheets))
        write_atomic(self.folder.samples / f"step-{self.step:08d}.png", encode_png(picture))
        for tracker in self.trackers:
            tracker.picture(self.step, "samples", picture)

    def _save(self) -> None:
        if self.fabric.is_global_zero:
            self.checkpoints.save(self.step, self.state())
        self.fabric.barrier()

    def state(self) -> State:
        """Everything that the next step depends on, on the CPU."""
        return {
            "networks": {name: network.state_dict() for name, network in self.own.items()},
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()},
            "averages": {name: average.state for name, average in self.averages.items()},
            "watch": vars(self.watch) | {},
        }

    def _resume(self) -> None:
        found = self.checkpoints.load()
        if found is None:
            return
        self.step, state = found
        for name, network in self.own.items():
            network.load_state_dict(state["networks"][name])
            self.optimisers[name].load_state_dict(state["optimisers"][name])
        for name, average in self.averages.items():
            average.load(state["averages"][name])
        self.watch = Watch(**state["watch"])


def _seed(*words: int) -> int:
    return int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0] >> np.uint64(1))
