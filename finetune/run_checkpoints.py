"""Where a run is: everything that the next step depends on, in a file that is whole or doesn't count.

The contract that must not break: a file is loaded only when its SHA-256 is the one written beside it after it; a
damaged one gives way to the one before. Nothing in a file is executed.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import re
from pathlib import Path
from typing import Any

import torch

from vitonhd.atomic import write_atomic

State = dict[str, Any]
_NAME = re.compile(r"step-(\d{8})\.pt")
_log = logging.getLogger(__name__)


class RunCheckpoints:
    """The checkpoints in a folder: `step-NNNNNNNN.pt` and, written after it, `step-NNNNNNNN.json` with its SHA-256."""

    def __init__(self, folder: Path, keep: int = 2) -> None:
        self.folder, self.keep = folder, keep

    def save(self, step: int, state: State) -> Path:
        """The state after `step` steps; of older files the last `keep - 1` stay."""
        buffer = io.BytesIO()
        torch.save(state, buffer)
        path = self.folder / f"step-{step:08d}.pt"
        data = buffer.getvalue()
        write_atomic(path, data)
        record = {"step": step, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        write_atomic(path.with_suffix(".json"), json.dumps(record).encode())
        for _, old in self._found()[self.keep :]:
            old.with_suffix(".json").unlink(missing_ok=True)
            old.unlink(missing_ok=True)
        return path

    def load(self) -> tuple[int, State] | None:
        """The newest whole state and its step; None where there is none. A file that is passed over is named."""
        for step, path in self._found():
            data = self._whole(path)
            if data is not None:
                return step, torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
            _log.warning("%s is not whole and is not loaded; the one before it is", path)
        return None

    def _found(self) -> list[tuple[int, Path]]:
        """Newest first."""
        named = ((_NAME.fullmatch(path.name), path) for path in self.folder.glob("step-*.pt"))
        return sorted(((int(match[1]), path) for match, path in named if match), reverse=True)

    @staticmethod
    def _whole(path: Path) -> bytes | None:
        try:
            data = path.read_bytes()
            record = json.loads(path.with_suffix(".json").read_text())
            sound = record["sha256"] == hashlib.sha256(data).hexdigest()
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return data if sound else None
