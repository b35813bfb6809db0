"""Where a run's numbers and pictures go: DVCLive and TensorBoard, beside the run folder's own `metrics.jsonl`.

The contract that must not break: what is tracked never changes what is learnt, and a run that resumes doesn't tell
a step twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from finetune.errors import FinetuneError
from vitonhd.arrays import Picture

TRACKERS = ("dvclive", "tensorboard")


class Tracker(Protocol):
    """One place that numbers and pictures go to."""

    def numbers(self, step: int, values: Mapping[str, float]) -> None: ...

    def picture(self, step: int, name: str, picture: Picture) -> None: ...

    def close(self) -> None: ...


class TensorBoard:
    """`tensorboard/` in the run folder."""

    def __init__(self, root: Path, step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer: Any = SummaryWriter(str(root / "tensorboard"), purge_step=step + 1)

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def picture(self, step: int, name: str, picture: Picture) -> None:
        self._writer.add_image(name, picture, step, dataformats="HWC")

    def close(self) -> None:
        self._writer.close()


class DVCLive:
    """`dvclive/` in the run folder: metrics, plots and pictures that `dvc exp` and `dvc plots` read."""

    def __init__(self, root: Path, kept: Sequence[Mapping[str, Any]]) -> None:
        from dvclive import Live  # type: ignore[attr-defined]

        # Lookbook's dvc.yaml says what a stage is; a second one in the run folder would be found by `dvc repro`.
        self._live: Any = Live(str(root / "dvclive"), resume=False, dvcyaml=None, save_dvc_exp=False)
        for line in kept:
            self.numbers(line["step"], {key: value for key, value in line.items() if key != "step"})

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        self._live.step = step
        for name, value in values.items():
            self._live.log_metric(name, value)
        self._live.make_summary()

    def picture(self, step: int, name: str, picture: Picture) -> None:
        self._live.step = step
        self._live.log_image(f"{name}.png", picture)

    def close(self) -> None:
        self._live.end()


def open_trackers(names: Sequence[str], root: Path, step: int, kept: Sequence[Mapping[str, Any]]) -> list[Tracker]:
    """The named ones, as they were after `step` steps; `kept` are the lines told before."""
    makers: dict[str, Callable[[], Tracker]] = {
        "dvclive": lambda: DVCLive(root, kept),
        "tensorboard": lambda: TensorBoard(root, step),
    }
    if unknown := [name for name in names if name not in makers]:
        raise FinetuneError(f"there is no tracker {', '.join(unknown)}; there are {', '.join(makers)}")
    return [makers[name]() for name in names]
