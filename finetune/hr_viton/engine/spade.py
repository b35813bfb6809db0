"""One block of the image generator, folded: modulation by table, maps channels-last, strip by strip.

The contract that must not break: in float32 a block equals `SpadeResBlock` in evaluation up to rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from finetune.hr_viton.engine.folding import Convolution, without_spectral_norm
from finetune.hr_viton.engine.modulation import Modulation
from finetune.hr_viton.engine.strips import Scratch, Strip, Workers, strips
from finetune.hr_viton.engine.windows import Windows
from finetune.hr_viton.image_generator import LEAK, NORM_EPSILON, SpadeNorm, SpadeResBlock
from finetune.hr_viton.noise import Noise

Fused = Callable[..., Tensor]
ROWS_TOGETHER = 64
"""Rows of half precision that are summed at a time: bounds their copy in float32."""


def statistics(maps: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of each channel of each sample, NxC float32, of NxHxWxC maps."""
    if maps.device.type != "cpu":
        variance, mean = torch.var_mean(maps.float(), (1, 2), correction=0)
        return mean, variance
    # On a CPU var_mean over rows of channels is 15 times slower than batch norm's own kernel.
    zero = torch.zeros(maps.shape[3])
    each = [torch.batch_norm_update_stats(one[None].permute(0, 3, 1, 2), zero, zero.clone(), 0.0) for one in maps]
    return torch.stack([mean for mean, _ in each]), torch.stack([variance for _, variance in each])


def weighted_sums(maps: Tensor, weights: Tensor) -> Tensor:
    """NxC float32: sums over NxHxWxC maps, each pixel times its weight (NxHxW, float32).

    Summed in float32: weights that sum to zero no longer do once rounded, and a large constant channel shows it.
    """
    sums = torch.zeros(maps.shape[0], 1, maps.shape[3], device=maps.device)
    together = maps.shape[1] if maps.dtype == torch.float32 else ROWS_TOGETHER
    for top in range(0, maps.shape[1], together):
        rows = slice(top, top + together)
        sums += torch.bmm(weights[:, rows].flatten(1)[:, None], maps[:, rows].flatten(1, 2).float())
    return sums[:, 0]


class Whole:
    """A block's input that exists: NxHxWxC maps."""

    def __init__(self, maps: Tensor) -> None:
        self.maps = maps

    def read(self, strip: Strip, numbers: Tensor, scratch: Scratch) -> Tensor:
        """The strip's rows by number."""
        return self.maps[strip.samples].index_select(1, numbers)

    def drop(self) -> None:
        """Let go of the maps; to be read no more."""
        self.maps = self.maps.new_empty(0)

    def statistics(self) -> tuple[Tensor, Tensor]:
        return statistics(self.maps)

    def weighted_sums(self, weights: Tensor) -> Tensor:
        return weighted_sums(self.maps, weights)


class Joined(Whole):
    """A block's input that never exists as a whole: maps at half the size, doubled, beside those of the conditions."""

    def __init__(self, half: Tensor, skip: Tensor) -> None:
        super().__init__(skip)
        self.half = half

    def drop(self) -> None:
        super().drop()
        self.half = self.half.new_empty(0)

    def read(self, strip: Strip, numbers: Tensor, scratch: Scratch) -> Tensor:
        half = self.half[strip.samples].index_select(1, numbers // 2)
        batch, rows, width, channels = half.shape
        both = scratch.take("joined", batch, rows, 2 * width, channels + self.maps.shape[3])
        both.view(batch, rows, width, 2, -1)[..., :channels] = half[:, :, :, None]
        both[..., channels:] = self.maps[strip.samples].index_select(1, numbers)
        return both

    def statistics(self) -> tuple[Tensor, Tensor]:
        """Doubling changes neither mean nor variance."""
        parts = zip(statistics(self.half), statistics(self.maps), strict=True)
        mean, variance = (torch.cat(part, 1) for part in parts)
        return mean, variance

    def weighted_sums(self, weights: Tensor) -> Tensor:
        batch, height, width = weights.shape
        summed = weights.view(batch, height // 2, 2, width // 2, 2).sum((2, 4))
        return torch.cat((weighted_sums(self.half, summed), weighted_sums(self.maps, weights)), 1)


def modulated(
    maps: Tensor, rows: Tensor, scale: Tensor, shift: Tensor, field: Tensor | None, noise_scale: Tensor, leak: float
) -> Tensor:
    """HxWxC maps plus noise, scaled and shifted by each pixel's row, through a leaky ReLU; for a compiler to fuse."""
    noisy = maps if field is None else maps + field * noise_scale
    return functional.leaky_relu(noisy * scale[rows] + shift[rows], leak)


class Affine:
    """A norm for a batch: instance norm, noise and modulation as one scale and one shift per window."""

    def __init__(self, norm: FoldedNorm, source: Whole, windows: Windows, noise: Noise) -> None:
        self._fused = norm.fused
        batch, height, width = windows.rows.shape
        self.table, self.rows = norm.modulation.table(windows), windows.rows
        self.dtype = source.maps.dtype
        self.noise_scale, self.field = norm.noise_scale, None
        mean, variance = source.statistics()
        if norm.noise_scale is not None:
            self.field = noise(norm.name, batch, height, width)[:, 0].to(source.maps)
            mean, variance = self._with_noise(norm.noise_scale.float(), self.field, source, mean, variance)
        self.mean, self.inverse = mean, torch.rsqrt(variance + NORM_EPSILON)
        self._last: tuple[int, Tensor, Tensor] | None = None

    @staticmethod
    def _with_noise(
        scale: Tensor, field: Tensor, source: Whole, mean: Tensor, variance: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Moments of input + scale * field, from those of the input and their covariance.

        The sum of three may round to less than zero.
        """
        level = field.float().mean((1, 2))
        centred = field.float() - level[:, None, None]
        covariance = source.weighted_sums(centred) / centred[0].numel()
        spread = centred.square().mean((1, 2))[:, None]
        noisy = variance + 2 * scale * covariance + scale.square() * spread
        return mean + scale * level[:, None], noisy.clamp_(min=0)

    def of_sample(self, number: int) -> tuple[Tensor, Tensor]:
        """Scale and shift of every window, UxC."""
        last = self._last
        if last is None or last[0] != number:
            scale = self.table.scale * self.inverse[number]
            shift = self.table.shift - scale * self.mean[number]
            last = number, scale.to(self.dtype), shift.to(self.dtype)
            self._last = last
        return last[1], last[2]

    def apply(self, maps: Tensor, strip: Strip, numbers: Tensor, scratch: Scratch, *, leak: bool) -> Tensor:
        """The strip's modulated rows; the result is scratch memory until the next call."""
        _, height, width, channels = maps.shape
        result = scratch.take("modulated", *maps.shape)
        for place, sample in enumerate(range(strip.first, strip.last)):
            scale, shift = self.of_sample(sample)
            rows = self.rows[sample].index_select(0, numbers)
            field = None if self.field is None else self.field[sample].index_select(0, numbers)[:, :, None]
            if self._fused is not None:
                noise_scale = shift[0] if self.noise_scale is None else self.noise_scale
                result[place] = self._fused(maps[place], rows, scale, shift, field, noise_scale, LEAK if leak else 1.0)
                continue
            source, index = maps[place], rows.flatten()
            factor = scratch.take("factor", height * width, channels)
            torch.index_select(scale, 0, index, out=factor)
            torch.index_select(shift, 0, index, out=result[place].view(-1, channels))
            if field is not None and self.noise_scale is not None:
                source = torch.addcmul(source, field, self.noise_scale, out=scratch.take("noisy", *source.shape))
            torch.addcmul(result[place], source, factor.view_as(source), out=result[place])
        return functional.leaky_relu_(result, LEAK) if leak and self._fused is None else result


class FoldedNorm:
    """A norm's weights; without noise when it was never trained to have any. `fused` is a compiled `modulated`."""

    def __init__(self, norm: SpadeNorm, device: torch.device, dtype: torch.dtype, fused: Fused | None) -> None:
        self.name, self.fused = norm.name, fused
        self.modulation = Modulation(norm, device, dtype)
        scale = norm.noise_scale.detach()
        self.noise_scale = scale.to(device, dtype, copy=True) if bool(scale.any()) else None


class Shortcut(NamedTuple):
    norm: FoldedNorm
    weight: Tensor
    """CxO."""


class FoldedBlock:
    """A block's weights, and how to run it."""

    def __init__(
        self, block: SpadeResBlock, device: torch.device, dtype: torch.dtype, fused: Fused | None = None
    ) -> None:
        self.conv_0 = without_spectral_norm(block.conv_0).to(device, dtype)
        self.conv_1 = without_spectral_norm(block.conv_1).to(device, dtype)
        self.norm_0 = FoldedNorm(block.norm_0, device, dtype, fused)
        self.norm_1 = FoldedNorm(block.norm_1, device, dtype, fused)
        self.shortcut: Shortcut | None = None
        if block.conv_s is not None and block.norm_s is not None:
            weight = without_spectral_norm(block.conv_s).weight[:, :, 0, 0].t().contiguous()
            self.shortcut = Shortcut(FoldedNorm(block.norm_s, device, dtype, fused), weight.to(device, dtype))
        self.middle, self.outputs = len(self.conv_0.weight), len(self.conv_1.weight)

    def __call__(self, source: Whole, windows: Windows, noise: Noise, workers: Workers, budget: int) -> Tensor:
        """NxHxWxO maps; drops the source. `budget` is the bytes of a strip."""
        batch, height, width = windows.rows.shape
        hidden = source.maps.new_empty(batch, height, width, self.middle)
        result = self._first_half(source, windows, noise, hidden, workers, budget)
        source.drop()
        whole = Whole(hidden)
        affine = Affine(self.norm_1, whole, windows, noise)

        def second_half(strip: Strip, scratch: Scratch) -> None:
            numbers = strip.rows_with(1, hidden.device)
            maps = affine.apply(whole.read(strip, numbers, scratch), strip, numbers, scratch, leak=True)
            result[strip.samples, strip.rows] += convolved(maps, self.conv_1, strip)

        workers.each(self._strips(hidden, self.conv_1, budget), second_half)
        return result

    def _first_half(
        self, source: Whole, windows: Windows, noise: Noise, hidden: Tensor, workers: Workers, budget: int
    ) -> Tensor:
        """Fills `hidden`; returns the shortcut's result, which is the input itself without one."""
        shortcut = self.shortcut
        result = source.maps if shortcut is None else hidden.new_empty(*hidden.shape[:3], self.outputs)
        beside = None if shortcut is None else Affine(shortcut.norm, source, windows, noise)
        affine = Affine(self.norm_0, source, windows, noise)

        def first_half(strip: Strip, scratch: Scratch) -> None:
            numbers = strip.rows_with(1, hidden.device)
            maps = source.read(strip, numbers, scratch)
            if shortcut is not None and beside is not None:
                modulated = beside.apply(maps[:, 1:-1], strip, numbers[1:-1], scratch, leak=False)
                target = result[strip.samples, strip.rows].view(-1, self.outputs)
                torch.mm(modulated.flatten(0, 2), shortcut.weight, out=target)
            modulated = affine.apply(maps, strip, numbers, scratch, leak=True)
            hidden[strip.samples, strip.rows] = convolved(modulated, self.conv_0, strip)

        workers.each(self._strips(hidden, self.conv_0, budget), first_half)
        return result

    @staticmethod
    def _strips(maps: Tensor, convolution: Convolution, budget: int) -> list[Strip]:
        batch, height, width, _ = maps.shape
        weight = convolution.weight
        row_bytes = width * weight.shape[1] * weight.element_size()
        return strips(batch, height, row_bytes, max(budget, weight.nbytes))

    def largest_strip(self, budget: int) -> int:
        """Bytes. A convolution rearranges its weights on every call: strips as large as they are keep that cheap."""
        return max(budget, self.conv_0.weight.nbytes, self.conv_1.weight.nbytes)


def convolved(maps: Tensor, convolution: Convolution, strip: Strip) -> Tensor:
    """N x (rows + 2) x W x C, whose outer rows are the neighbours', to N x rows x W x O. Blanks what is outside."""
    strip.blank_outside(maps)
    result = functional.conv2d(maps.permute(0, 3, 1, 2), convolution.weight, convolution.bias, padding=(0, 1))
    return result.permute(0, 2, 3, 1)
