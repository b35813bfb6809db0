"""The folder that weights lie in: one folder per entry, its files, and a record of what they are.

The contract that must not break: a file counts as sound only while its SHA-256 is the registry's, or, where the
registry has none, the one recorded when it was fetched.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from preprocess.weights.errors import WeightsMissing
from preprocess.weights.registry import Weights, WeightsFile
from vitonhd.atomic import write_atomic

_RECORD = "record.json"


class State(StrEnum):
    """How a file in the cache is."""

    MISSING = "missing"
    SOUND = "sound"
    RECORDED = "recorded"
    """Unchanged since it was fetched; the registry knows no SHA-256 to hold it against."""
    UNRECORDED = "unrecorded"
    """Somebody put it there; nothing to hold it against."""
    CHANGED = "changed"


@dataclass(frozen=True)
class Recorded:
    """What a file was when it came."""

    sha256: str
    size: int
    source: str


@dataclass(frozen=True)
class Checked:
    """One file's state; `sha256` and `size` are what is there now."""

    file: str
    state: State
    sha256: str | None = None
    size: int | None = None


class WeightsCache:
    """`folder` need not exist."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, weights: Weights, file: WeightsFile) -> Path:
        return self.folder / weights.name / file.name

    def paths(self, weights: Weights) -> list[Path]:
        """The entry's files, all there. Raises WeightsMissing with the command that gets them."""
        paths = [self.path(weights, file) for file in weights.files]
        for path in paths:
            if not path.is_file():
                raise WeightsMissing(f"{path} is not there: run `lookbook weights fetch {weights.name}`")
        return paths

    def check(self, weights: Weights, file: WeightsFile) -> Checked:
        """Reads the whole file."""
        path = self.path(weights, file)
        if not path.is_file():
            return Checked(file.name, State.MISSING)
        sha256, size = digest(path), path.stat().st_size
        recorded = self.recorded(weights).get(file.name)
        expected = file.sha256 or (recorded and recorded.sha256)
        if expected is None:
            state = State.UNRECORDED
        elif expected != sha256:
            state = State.CHANGED
        else:
            state = State.SOUND if file.sha256 else State.RECORDED
        return Checked(file.name, state, sha256, size)

    def recorded(self, weights: Weights) -> dict[str, Recorded]:
        """By file name; a record that can't be read counts as none."""
        try:
            content = json.loads((self.folder / weights.name / _RECORD).read_bytes())
            return {str(name): Recorded(**values) for name, values in content.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def record(self, weights: Weights, file: WeightsFile, recorded: Recorded) -> None:
        content = {name: asdict(one) for name, one in (self.recorded(weights) | {file.name: recorded}).items()}
        write_atomic(self.folder / weights.name / _RECORD, json.dumps(content, indent=1).encode())


def digest(path: Path) -> str:
    """A file's SHA-256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
