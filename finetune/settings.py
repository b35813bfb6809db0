"""What a training run is asked for: `params.yaml` or the command line -> one frozen model.

The contract that must not break: `RunSettings` decides the weights and nothing else does; `Pace` and the number of
workers never change a weight. Unknown keys are errors.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from finetune.errors import FinetuneError
from vitonhd.garment_classes import GarmentClass


class Frozen(BaseModel):
    """Immutable; unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class AugmentationSettings(Frozen):
    """How far an example may be from the stored one; zeros leave it as it is."""

    flip: float = Field(default=0.0, ge=0, le=1, description="share of examples mirrored, sides swapped")
    recolour: float = Field(default=0.0, ge=0, le=1, description="share whose garment has other colours, worn and flat")
    person_shift: float = Field(default=0.0, ge=0, le=0.5, description="most shift of the person, of the side")
    person_zoom: float = Field(default=1.0, ge=1, le=2, description="most zoom of the person, in or out")
    person_turn: float = Field(default=0.0, ge=0, le=45, description="most turn of the person, degrees")
    garment_shift: float = Field(default=0.0, ge=0, le=0.5, description="most shift of the packshot, of the side")
    garment_zoom: float = Field(default=1.0, ge=1, le=2, description="most zoom of the packshot, in or out")
    garment_turn: float = Field(default=0.0, ge=0, le=45, description="most turn of the packshot, degrees")


class RateSettings(Frozen):
    """The learning rate's way over the run, as a factor of each network's own rate."""

    warm_up: int = Field(default=0, ge=0, description="steps over which it rises from nothing")
    decay_from: float = Field(default=1.0, ge=0, le=1, description="share of the steps after which it falls to nothing")

    def factor(self, step: int, steps: int) -> float:
        """Of a step, 0-based."""
        if step < self.warm_up:
            return (step + 1) / self.warm_up
        first = round(self.decay_from * steps)
        return 1.0 if step < first else 1 - (step - first) / (steps - first + 1)


class StopSettings(Frozen):
    """Early stop: when the validation score has not become better for so many validations."""

    patience: int = Field(default=0, ge=0, description="validations without a better score; 0: never stop early")
    better_by: float = Field(default=0.0, ge=0, description="least improvement that counts")


class RunSettings(Frozen):
    """Everything that decides the weights; a run goes on only with the settings that it began with."""

    family: str = Field(default="hr-viton", description="model family")
    stage: str = Field(description="stage of the family")
    steps: int = Field(ge=1, description="updates of each network")
    batch: int = Field(default=8, ge=1, description="examples a step, over all processes")
    seed: int = Field(default=0, ge=0)
    width: int = Field(default=192, ge=16, le=4096, description="pixels of what examples are read as")
    height: int = Field(default=256, ge=16, le=4096, description="pixels of what examples are read as")
    precision: str = Field(default="32-true", description="as Lightning Fabric names it, for example bf16-mixed")
    average: float = Field(default=0.999, ge=0, lt=1, description="decay of the moving average, which is what is kept")
    clip: float = Field(default=0.0, ge=0, description="largest norm of a network's gradient; 0: any")
    mix: dict[GarmentClass, int] = Field(
        default={}, description="examples by class, e.g. upper 2, lower 1; empty: alike"
    )
    freeze: tuple[str, ...] = Field(default=(), description="network:pattern of parameters that are not trained")
    start: dict[str, str] = Field(default={}, description="checkpoint files that networks start from, by network")
    rate: RateSettings = RateSettings()
    augmentation: AugmentationSettings = AugmentationSettings()
    stop: StopSettings = StopSettings()
    model: dict[str, Any] = Field(default={}, description="the family's own settings")

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.height, self.width


class Pace(Frozen):
    """How often a run says, shows and saves something, in steps, and how it reads; no effect on the weights."""

    log: int = Field(default=20, ge=1)
    save: int = Field(default=500, ge=1)
    validate_every: int = Field(default=500, ge=1)
    sample: int = Field(default=500, ge=1)
    keep: int = Field(default=2, ge=2, description="checkpoints kept; the older ones stand in for a damaged one")
    workers: int = Field(default=0, ge=0, description="processes that decode; 0: this one")
    cache_gb: float = Field(default=0.0, ge=0, description="memory for decoded examples, in each process that decodes")
    validation_examples: int = Field(default=48, ge=1)


def read_sections(path: Path) -> dict[str, dict[str, Any]]:
    """The runs under `finetune` in a `params.yaml`, by name, in their order. Raises FinetuneError."""
    try:
        found = yaml.safe_load(path.read_text())["finetune"]
        return {str(name): dict(values) for name, values in found.items()}
    except OSError as error:
        raise FinetuneError(f"{path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError, AttributeError, TypeError, KeyError, ValueError) as error:
        raise FinetuneError(f"{path} has no runs under finetune: {str(error).splitlines()[0]}") from None


def make_settings(values: dict[str, Any], source: str = "settings") -> RunSettings:
    """Checked settings. Raises FinetuneError naming the first wrong key."""
    try:
        return RunSettings.model_validate(values)
    except ValidationError as error:
        raise FinetuneError(f"{source}: {first_fault(error)}") from None


def make_pace(values: dict[str, Any]) -> Pace:
    """Raises FinetuneError naming the first wrong key."""
    try:
        return Pace.model_validate(values)
    except ValidationError as error:
        raise FinetuneError(f"pace: {first_fault(error)}") from None


def first_fault(error: ValidationError) -> str:
    """The first wrong key of a pydantic error, in one line."""
    first = error.errors()[0]
    return f"{'.'.join(str(part) for part in first['loc'])} = {first['input']!r}: {first['msg']}"
