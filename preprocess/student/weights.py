"""The student's weights as one small safetensors file that says itself which network it is for.

The contract that must not break: a file is tensors and text, nothing in it is executed; one that doesn't fit is
refused with the reason; the same weights give the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from preprocess.errors import PreprocessError
from preprocess.student.network import StudentNetwork, StudentShape
from preprocess.weights.checkpoints import compare
from preprocess.weights.errors import WeightsDamaged, WeightsMissing
from vitonhd.atomic import write_atomic

BUNDLED = Path(__file__).with_name("student.safetensors")
"""The weights that come with Lookbook."""
FORMAT = "lookbook-student-1"
_ABOUT = "lookbook"
_LARGEST = 64 << 20


def save_student(path: Path, state: Mapping[str, Tensor], shape: StudentShape, made: Mapping[str, Any]) -> None:
    """Write weights, atomically: matrices as float16, vectors (biases, statistics) as float32.

    `made` says how they were made (steps, seed, data ...) and is kept in the file.
    """
    stored = {
        key: value.detach().cpu().to(torch.float16 if value.ndim > 1 else torch.float32).contiguous()
        for key, value in state.items()
        if value.is_floating_point()
    }
    # One entry: safetensors writes several in an order of its own, another in each process.
    about = json.dumps({"format": FORMAT, "shape": asdict(shape), "made": dict(made)}, sort_keys=True)
    write_atomic(path, safetensors.torch.save(stored, {_ABOUT: about}))


def load_student(path: Path = BUNDLED) -> tuple[StudentNetwork, dict[str, Any]]:
    """The network with a file's weights, set to inference on the CPU, and how they were made.

    Raises WeightsMissing, WeightsDamaged.
    """
    if not path.is_file():
        raise WeightsMissing(f"{path} is not there; `lookbook preprocess train-student` makes the student's weights")
    if path.stat().st_size > _LARGEST:
        raise WeightsDamaged(f"{path.name} has {path.stat().st_size} bytes, a student {_LARGEST} at most")
    about = read_about(path)
    try:
        shape, made = StudentShape(**about["shape"]), dict(about["made"])
        network = StudentNetwork(shape)
    except (KeyError, TypeError, ValueError, PreprocessError) as error:
        raise WeightsDamaged(f"{path.name} does not say which student it is for: {error}") from None
    state = safetensors.torch.load_file(path)
    if mismatch := compare(network, state):
        raise WeightsDamaged(f"{path.name} is not of its own shape: {mismatch}")
    current = network.state_dict()
    network.load_state_dict({**current, **{key: value.float() for key, value in state.items()}})
    network.requires_grad_(False).eval()
    return network, made


def read_about(path: Path) -> dict[str, Any]:
    """What a student's file says of itself. Raises WeightsDamaged for another kind of file."""
    try:
        with safetensors.safe_open(path, "pt") as file:
            about = json.loads((file.metadata() or {}).get(_ABOUT, "{}"))
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise WeightsDamaged(f"{path.name} is no safetensors file: {error}") from None
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise WeightsDamaged(f"{path.name} is no student of format {FORMAT!r}")
    return about
