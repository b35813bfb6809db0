"""How an engine works, and what it did.

The contract that must not break: no setting changes what `exact` renders by more than rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch

Mode = Literal["exact", "fast"]


@dataclass(frozen=True)
class EngineSettings:
    """Raises ValueError for what can't be."""

    mode: Mode = "exact"
    """`exact` is float32; `fast` runs the image generator in the half precision that the device is fast in."""
    device: str = "cpu"
    batch: int = 8
    """Garments at a time; halved, and kept so, when memory runs out."""
    memory: int = 192 << 20
    """Bytes: a third for what a stage makes at once (maps, tables, indices), the rest for a grid's encoded persons.

    A single picture's may be more. Neither the weights count nor what the caller holds: encoded garments, results.
    Batching pays in the small first stages alone, so more makes nothing faster on a CPU."""
    threads: int = 0
    """Strips at a time on a CPU; 0 takes as many as PyTorch has threads."""
    strip_bytes: int = 4 << 20
    """Of a strip; about the size of a core's cache on a CPU. A GPU takes whole pictures."""
    compile: bool = False
    """Let `torch.compile` fuse each modulation into one kernel; for GPUs, costs a minute at the first render."""

    def __post_init__(self) -> None:
        if self.mode not in get_args(Mode):
            raise ValueError(f"mode {self.mode!r} is none of {', '.join(get_args(Mode))}")
        if self.batch < 1:
            raise ValueError(f"batch must be at least 1, not {self.batch}")
        for name in ("memory", "threads", "strip_bytes"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative: {getattr(self, name)}")

    @property
    def stage_memory(self) -> int:
        return self.memory // 3

    @property
    def person_memory(self) -> int:
        return self.memory - self.stage_memory


@dataclass
class Counts:
    """What an engine did."""

    persons: int = 0
    garments: int = 0
    renders: int = 0
    halvings: int = 0


def fast_dtype(device: torch.device) -> torch.dtype:
    """The half precision in which the device convolves fastest; float32 where none is faster.

    float16 on a GPU, bfloat16 on a CPU with instructions for it (with AMX 5 to 9 times float32's rate, and float16
    there half of it).
    """
    if device.type != "cpu":
        return torch.float16
    capabilities = torch.cpu.get_capabilities()
    return torch.bfloat16 if capabilities.get("amx_bf16") or capabilities.get("avx512_bf16") else torch.float32
