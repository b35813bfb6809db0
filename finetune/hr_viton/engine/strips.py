"""Large maps a few rows at a time, each strip on one core, in buffers that are used again.

The contract that must not break: a strip's result equals the same rows of the whole map's; rows outside the map are
zero where a convolution pads with zeros; strips of one call write to different places.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from math import prod
from threading import local

import torch
from torch import Tensor


@dataclass(frozen=True)
class Strip:
    """Samples `first` to `last` (not included), rows `top` to `bottom` (not included) of maps of `height` rows."""

    first: int
    last: int
    top: int
    bottom: int
    height: int

    @property
    def samples(self) -> slice:
        return slice(self.first, self.last)

    @property
    def rows(self) -> slice:
        return slice(self.top, self.bottom)

    def rows_with(self, halo: int, device: torch.device) -> Tensor:
        """Row numbers with `halo` more on both sides; those outside the map repeat its border."""
        numbers = torch.arange(self.top - halo, self.bottom + halo, device=device)
        return numbers.clamp_(0, self.height - 1)

    def blank_outside(self, maps: Tensor) -> None:
        """Zero the rows of an N x (rows + 2) x W x C strip that are outside the map."""
        if self.top == 0:
            maps[:, 0] = 0
        if self.bottom == self.height:
            maps[:, -1] = 0


def strips(batch: int, height: int, row_bytes: int, budget: int) -> list[Strip]:
    """Cover N maps: several whole maps at a time while they fit the budget (bytes), else rows of one."""
    together = max(1, min(batch, budget // (row_bytes * height)))
    rows = height if together > 1 else max(1, min(height, budget // row_bytes))
    return [
        Strip(first, min(first + together, batch), top, min(top + rows, height), height)
        for first in range(0, batch, together)
        for top in range(0, height, rows)
    ]


class Scratch:
    """Memory by name; asking again for a name gives the same memory, whatever the shape."""

    def __init__(self, device: torch.device, dtype: torch.dtype) -> None:
        self._device, self._dtype = device, dtype
        self._buffers: dict[str, Tensor] = {}

    def take(self, name: str, *shape: int) -> Tensor:
        """A tensor of the shape with whatever was in the memory before."""
        size = prod(shape)
        buffer = self._buffers.get(name)
        if buffer is None or buffer.numel() < size:
            self._buffers.pop(name, None)
            buffer = self._buffers[name] = torch.empty(size, device=self._device, dtype=self._dtype)
        return buffer[:size].view(shape)

    def release(self) -> None:
        """Give the memory back; tensors taken before stay whole."""
        self._buffers.clear()


class Workers:
    """Threads that each take whole strips.

    PyTorch's own threads share every operation and wait for one another after each: on strips that is a wait every
    0.1 ms, and on a busy machine one late core stops all. Here a core has its strip, its cache and its buffers.
    """

    def __init__(self, threads: int, device: torch.device, dtype: torch.dtype) -> None:
        self._own, self._local = Scratch(device, dtype), local()
        self._all, self._closed = [self._own], False
        self._pool: ThreadPoolExecutor | None = None
        if threads > 1:
            self._pool = ThreadPoolExecutor(threads, "strip", _start, (self._local, self._all, device, dtype))

    def each(self, parts: list[Strip], work: Callable[[Strip, Scratch], None]) -> None:
        """Do the work for every strip; returns when all are done, raises what one of them raised.

        Raises RuntimeError after `close`.
        """
        if self._closed:
            raise RuntimeError("the engine is closed")
        if self._pool is None or len(parts) == 1:
            for part in parts:
                work(part, self._own)
            return
        futures = [self._pool.submit(self._one, work, part) for part in parts]
        wait(futures)
        while futures:
            # Popped, as an error's traceback holds this frame: a frame that held the error would keep all maps alive.
            futures.pop(0).result()

    @torch.inference_mode()
    def _one(self, work: Callable[[Strip, Scratch], None], part: Strip) -> None:
        work(part, self._local.scratch)

    def release(self) -> None:
        """Give working memory back."""
        for scratch in self._all:
            scratch.release()

    def close(self) -> None:
        """Stop the threads and give working memory back; closing again does nothing."""
        self._closed = True
        if self._pool is not None:
            self._pool.shutdown()
        self.release()


def _start(own: local, every: list[Scratch], device: torch.device, dtype: torch.dtype) -> None:
    """A thread's first act; not a method, as threads that hold their pool's owner keep both for ever."""
    torch.set_num_threads(1)  # of this thread alone
    own.scratch = Scratch(device, dtype)
    every.append(own.scratch)
