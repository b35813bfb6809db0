"""What a model family tells the trainer: its stages, their networks, and one step of each.

The contract that must not break: a family decides what is learnt (networks, losses, the order of forwards and
updates); the trainer decides how (devices, precision, loops, optimisers, averages, checkpoints). Neither knows the
other's part.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor, nn

from finetune.augmentation import Scene
from finetune.errors import FinetuneError
from finetune.settings import RunSettings

Values = dict[str, Tensor]
"""Numbers by name, still on the device."""


class Update(Protocol):
    """Improve one of the trained networks by its loss: gradients anew, clipping, optimiser, average."""

    def __call__(self, network: str, loss: Tensor) -> None: ...


@dataclass(frozen=True)
class Trained:
    """A network that a stage trains, and how: Adam, as all published recipes have it."""

    network: nn.Module
    rate: float
    betas: tuple[float, float]
    averaged: bool = False
    """Whether its moving average is what is validated and kept."""


class Stage(Protocol):
    """One stage of a family, built for a run."""

    name: str
    parts: tuple[str, ...]
    """Of each example: parts of the format (`vitonhd.folders`) and `examples.FLOW`; image and cloth are among them."""
    monitor: str
    """The validation value that decides on an early stop; smaller is better."""

    @property
    def trained(self) -> Mapping[str, Trained]: ...

    @property
    def frozen(self) -> Mapping[str, nn.Module]: ...

    @property
    def facts(self) -> Mapping[str, Any]:
        """What the results must say of how the stage was built, such as a loss that stands in for another."""
        ...

    def step(self, networks: Mapping[str, nn.Module], scene: Scene, update: Update, number: int) -> Values:
        """Step `number` (0-based); the losses before its updates.

        `networks` are trained and frozen ones as the trainer wrapped them.
        """
        ...

    def validate(self, networks: Mapping[str, nn.Module], scene: Scene) -> Values:
        """Scores of examples that are not trained on, each a mean over the scene; in evaluation mode."""
        ...

    def sheet(self, networks: Mapping[str, nn.Module], scene: Scene) -> Tensor:
        """NxKx3xHxW in -1..1: for each example K pictures side by side, from what is given to what is made."""
        ...

    def export(self, networks: Mapping[str, nn.Module], folder: Path) -> list[Path]:
        """The averaged networks as files for inference."""
        ...


Build = Callable[[RunSettings], Stage]

FAMILIES: dict[str, dict[str, Build]] = {}
"""Families by name, each with its stages by name. A family's module enters itself (`register`)."""


def register(family: str, stages: Mapping[str, Build]) -> None:
    FAMILIES[family] = dict(stages)


def build_stage(settings: RunSettings) -> Stage:
    """The stage that the settings name. Raises FinetuneError with the names that there are."""
    import finetune.hr_viton.family  # noqa: F401  # enters itself

    if settings.family not in FAMILIES:
        raise FinetuneError(f"there is no family {settings.family!r}; there are {', '.join(sorted(FAMILIES))}")
    stages = FAMILIES[settings.family]
    if settings.stage not in stages:
        raise FinetuneError(f"{settings.family} has no stage {settings.stage!r}; it has {', '.join(stages)}")
    return stages[settings.stage](settings)
