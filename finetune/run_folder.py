"""A run's folder: what was asked for, where and with what it ran, and what came of it.

The contract that must not break: a folder belongs to one run; the same settings, data and code versions go on, others
are refused by name of what differs.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from finetune.errors import OtherRun
from finetune.settings import RunSettings
from vitonhd.atomic import write_atomic

CONFIG, ENVIRONMENT, METRICS, RESULTS = "config.json", "environment.json", "metrics.jsonl", "results.json"
_PACKAGES = ("torch", "torchvision", "lightning-fabric", "numpy", "pillow", "lookbook")


class RunFolder:
    """`config.json`, `environment.json`, `metrics.jsonl`, `checkpoints/`, `samples/` and at the end `results.json`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.checkpoints, self.samples = root / "checkpoints", root / "samples"

    def open(self, settings: RunSettings, data: Mapping[str, Any]) -> None:
        """Begin or go on. `data` is what examples there are. Raises OtherRun."""
        config = json.loads(json.dumps({"settings": settings.model_dump(mode="json"), "data": _data_digest(data)}))
        path = self.root / CONFIG
        if path.exists():
            self._check(path, config)
        else:
            write_atomic(path, json.dumps(config, indent=1).encode())
        write_atomic(self.root / ENVIRONMENT, json.dumps(environment(settings), indent=1).encode())

    @staticmethod
    def _check(path: Path, wanted: dict[str, Any]) -> None:
        try:
            found = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise OtherRun(f"{path} can't be read ({error}); choose another folder") from None
        before, now = (dict(flattened(one)) for one in (found, wanted))
        other = sorted(key for key in before.keys() | now.keys() if before.get(key) != now.get(key))
        if other:
            told = ", ".join(f"{key} {before.get(key)!r}, not {now.get(key)!r}" for key in other[:4])
            raise OtherRun(f"{path.parent} holds a run with {told}; choose another folder")

    def kept_metrics(self, step: int) -> list[dict[str, Any]]:
        """The lines up to `step`; what a killed run wrote after its last checkpoint is dropped from the file."""
        path, lines = self.root / METRICS, []
        for text in path.read_text().splitlines() if path.exists() else ():
            try:
                line = json.loads(text)
            except ValueError:
                break  # the line that was being written
            if line["step"] <= step:
                lines.append(line)
        write_atomic(path, "".join(json.dumps(line) + "\n" for line in lines).encode())
        return lines

    def add_metrics(self, line: Mapping[str, Any]) -> None:
        with (self.root / METRICS).open("a") as file:
            file.write(json.dumps(line) + "\n")

    def write_results(self, results: Mapping[str, Any]) -> Path:
        path = self.root / RESULTS
        write_atomic(path, json.dumps(results, indent=1, default=str).encode())
        return path


def flattened(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Dotted keys and their values."""
    found: list[tuple[str, Any]] = []
    for key, value in values.items():
        found += flattened(value, f"{prefix}{key}.") if isinstance(value, dict) else [(f"{prefix}{key}", value)]
    return found


def _data_digest(data: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: f"{len(items)} items, {sha256(json.dumps(items).encode()).hexdigest()[:16]}"
        for name, items in data.items()
    }


def environment(settings: RunSettings) -> dict[str, Any]:
    """Where and with what a run runs."""
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": sys.argv,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "threads": torch.get_num_threads(),
        "gpu": [torch.cuda.get_device_name(one) for one in range(torch.cuda.device_count())],
        "seed": settings.seed,
        "git": _git(),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _git() -> dict[str, Any] | None:
    """The commit of the code, and whether files differ from it; None outside a repository."""
    here = Path(__file__).parent

    def said(*arguments: str) -> str:
        done = subprocess.run(  # noqa: S603  # fixed arguments, no shell
            ["git", "-C", str(here), *arguments],  # noqa: S607
            capture_output=True, text=True, check=True, timeout=30,
        )  # fmt: skip
        return done.stdout.strip()

    try:
        return {"commit": said("rev-parse", "HEAD"), "changed": bool(said("status", "--porcelain", "--", str(here)))}
    except (OSError, subprocess.SubprocessError):
        return None
