"""The image generator for many pictures: folded, in strips, splitting a batch where its maps get too large.

The contract that must not break: in float32 it equals `ImageGenerator` in evaluation up to rounding, and a picture
depends on the batch that it was made in by rounding only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional
from torch.profiler import record_function

from finetune.hr_viton.engine.folding import Convolution, plain
from finetune.hr_viton.engine.spade import FoldedBlock, Joined, Whole, convolved, modulated
from finetune.hr_viton.engine.strips import Scratch, Strip, Workers, strips
from finetune.hr_viton.engine.windows import Windows, find_windows
from finetune.hr_viton.image_generator import LEAK, ImageGenerator
from finetune.hr_viton.noise import Noise
from finetune.hr_viton.sizes import first_size

NoiseOf = Callable[[Sequence[str]], Noise]
_INDEX_BYTES = 20
"""Of a pixel: the number of its window, and noise of two norms as it is drawn and as it is used."""


@dataclass(frozen=True)
class ImageConditions:
    """What N pictures are made of."""

    person: Tensor
    """NxHxWx6 or 1xHxWx6 in the engine's precision: agnostic picture and DensePose in -1..1."""
    garment: Tensor
    """Nx3xHxW: the warped garment in -1..1."""
    slots: Tensor
    """NxHxW uint8."""
    keys: tuple[str, ...]
    """N render keys, which seed the noise."""

    def __len__(self) -> int:
        return len(self.slots)

    def part(self, first: int, last: int) -> ImageConditions:
        person = self.person if len(self.person) == 1 else self.person[first:last]
        return ImageConditions(person, self.garment[first:last], self.slots[first:last], self.keys[first:last])


class ImageEngine:
    """`ImageGenerator` in evaluation, on one device in one precision. Not for several threads at once."""

    def __init__(
        self,
        network: ImageGenerator,
        device: torch.device,
        dtype: torch.dtype,
        *,
        noise_of: NoiseOf,
        threads: int,
        memory: int,
        strip_bytes: int,
        compile: bool = False,
    ) -> None:
        self.device, self.dtype = device, dtype
        self._noise_of, self._memory, self._strip_bytes = noise_of, memory, strip_bytes
        self._levels = network.levels
        self._first = plain(network.conv_0).to(device, dtype)
        # The number of windows differs from picture to picture: shapes are dynamic, and CUDA graphs can't be recorded.
        fused = torch.compile(modulated, dynamic=True) if compile else None
        self._names = network.block_names
        self._doublings = [network.doublings(stage) for stage in range(len(self._names))]
        self._stages: list[tuple[FoldedBlock, Convolution | None]] = []
        for block, skip in network.stages():
            folded = FoldedBlock(block, device, dtype, fused)
            self._stages.append((folded, None if skip is None else plain(skip).to(device, dtype)))
        self._last = plain(network.conv_img).to(device, dtype)
        self.workers = Workers(threads, device, dtype)

    def __call__(self, conditions: ImageConditions) -> Tensor:
        """Nx3xHxW float32 in -1..1. Raises ValueError for a size that the network can't make."""
        batch, height, width = conditions.slots.shape
        first_size(self._levels, (height, width))
        result = torch.empty(batch, 3, height, width, device=self.device)
        small = self._shown(conditions, 1 << self._levels)
        self._from_stage(0, self._first(small.permute(0, 3, 1, 2)).permute(0, 2, 3, 1), conditions, result)
        return result

    def close(self) -> None:
        """Stop the threads and give working memory back; no pictures after it."""
        self.workers.close()

    def _from_stage(self, stage: int, maps: Tensor, conditions: ImageConditions, result: Tensor) -> None:
        """Run the stages from this one on, in parts where the whole batch would take more than the memory."""
        while stage < len(self._stages):
            together = self._memory // self._bytes_of_sample(stage, conditions)
            if together < len(conditions) > 1:
                self._in_parts(max(1, together), stage, maps, conditions, result)
                return
            windows = find_windows(conditions.slots[:, :: self._step(stage), :: self._step(stage)].contiguous())
            if self._bytes_of_tables(stage, windows) > self._memory and len(conditions) > 1:
                self._in_parts((len(conditions) + 1) // 2, stage, maps, conditions, result)
                return
            with record_function(self._names[stage]):
                block, source = self._stages[stage][0], self._source(stage, maps, conditions)
                del maps  # the block drops the source when it has been read
                noise = self._noise_of(conditions.keys)
                maps = block(source, windows, noise, self.workers, self._strip_bytes)
            stage += 1
            if stage == len(self._stages) or self._largest_strip(stage) < self._largest_strip(stage - 1):
                self.workers.release()  # or buffers for strips of 40 MB would be kept beside the largest maps
        with record_function("conv_img"):
            self._finish(maps, result)

    def _in_parts(self, together: int, stage: int, maps: Tensor, conditions: ImageConditions, result: Tensor) -> None:
        for first in range(0, len(conditions), together):
            last = min(first + together, len(conditions))
            self._from_stage(stage, maps[first:last], conditions.part(first, last), result[first:last])

    def _step(self, stage: int) -> int:
        """How many pixels of the picture are one of a stage's maps, on each side."""
        return 1 << (self._levels - self._doublings[stage])

    def _largest_strip(self, stage: int) -> int:
        return self._stages[stage][0].largest_strip(self._strip_bytes)

    def _bytes_of_sample(self, stage: int, conditions: ImageConditions) -> int:
        """Of what a stage holds at once for each: skip, hidden and result maps, window numbers and noise."""
        block, skip = self._stages[stage]
        _, height, width = conditions.slots.shape
        pixels = (height * width) // self._step(stage) ** 2
        channels = block.middle + block.outputs + (0 if skip is None else len(skip.weight))
        return pixels * (channels * self.dtype.itemsize + _INDEX_BYTES)

    def _bytes_of_tables(self, stage: int, windows: Windows) -> int:
        """Of what the modulation of a block's first half holds: float32 tables of scale and shift of two norms."""
        return 2 * 2 * 4 * len(windows) * self._stages[stage][0].norm_0.modulation.channels

    def _source(self, stage: int, maps: Tensor, conditions: ImageConditions) -> Whole:
        skip = self._stages[stage][1]
        if skip is None:
            return Whole(maps.contiguous())
        shown = self._skip(skip, conditions, self._step(stage))
        doubles = self._doublings[stage] > self._doublings[stage - 1]
        return Joined(maps, shown) if doubles else Whole(torch.cat((maps, shown), 3))

    def _shown(self, conditions: ImageConditions, step: int) -> Tensor:
        """NxHxWx9: the conditions at every `step`-th pixel."""
        person, garment = conditions.person[:, ::step, ::step], conditions.garment[:, :, ::step, ::step]
        return torch.cat((person.expand(len(garment), -1, -1, -1), garment.permute(0, 2, 3, 1).to(self.dtype)), 3)

    def _skip(self, convolution: Convolution, conditions: ImageConditions, step: int) -> Tensor:
        shown = Whole(self._shown(conditions, step))
        batch, height, width, channels = shown.maps.shape
        result = shown.maps.new_empty(batch, height, width, len(convolution.weight))
        row_bytes = width * channels * self.dtype.itemsize

        def show(strip: Strip, scratch: Scratch) -> None:
            maps = shown.read(strip, strip.rows_with(1, self.device), scratch)
            result[strip.samples, strip.rows] = convolved(maps, convolution, strip)

        self.workers.each(strips(batch, height, row_bytes, self._strip_bytes), show)
        return result

    def _finish(self, maps: Tensor, result: Tensor) -> None:
        batch, height, width, channels = maps.shape
        source = Whole(maps)

        def finish(strip: Strip, scratch: Scratch) -> None:
            rows = source.read(strip, strip.rows_with(1, self.device), scratch)
            made = convolved(functional.leaky_relu_(rows, LEAK), self._last, strip)
            result[strip.samples, :, strip.rows] = torch.tanh(made.float()).permute(0, 3, 1, 2)

        row_bytes = width * channels * self.dtype.itemsize
        self.workers.each(strips(batch, height, row_bytes, self._strip_bytes), finish)
