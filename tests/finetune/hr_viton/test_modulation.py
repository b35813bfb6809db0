"""Modulation by table equals the convolutions, for any parse; blur and enlargement by matrix equal the plain ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from finetune.hr_viton.alignment import gaussian_blur, one_hot
from finetune.hr_viton.engine.alignment import enlarge_and_blur, first_largest
from finetune.hr_viton.engine.modulation import Modulation
from finetune.hr_viton.engine.spade import Affine, FoldedNorm, Whole
from finetune.hr_viton.engine.strips import strips
from finetune.hr_viton.engine.windows import find_windows
from finetune.hr_viton.image_generator import NORM_EPSILON, SpadeNorm
from finetune.hr_viton.noise import fresh_noise
from finetune.hr_viton.warping import resize


@st.composite
def parses(draw: st.DrawFn) -> Tensor:
    """NxHxW labels: blocks of one label, from single pixels to whole pictures."""
    batch, height, width, block = (draw(st.integers(1, most)) for most in (3, 9, 9, 6))
    labels = np.random.default_rng(draw(st.integers(0, 999))).integers(
        0, draw(st.integers(1, 7)), (batch, height, width)
    )
    return torch.from_numpy(np.kron(labels, np.ones((1, block, block), np.int64)).astype(np.uint8))


@settings(max_examples=25, deadline=None)
@given(parses())
@torch.inference_mode()
def test_table_equals_the_convolutions_at_every_pixel(slots: Tensor) -> None:
    torch.manual_seed(0)
    norm = SpadeNorm(5, 6)
    hidden = norm.conv_shared(one_hot(slots.long(), 7))
    windows = find_windows(slots)
    table = Modulation(norm, torch.device("cpu"), torch.float32).table(windows)
    rows = windows.rows.long()
    assert torch.allclose(table.scale[rows].permute(0, 3, 1, 2), 1 + norm.conv_gamma(hidden), atol=1e-5)
    assert torch.allclose(table.shift[rows].permute(0, 3, 1, 2), norm.conv_beta(hidden), atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("scale", [1e-3, 0.1])
@torch.inference_mode()
def test_norm_of_large_constant_channels_is_that_of_their_noise(dtype: torch.dtype, scale: float) -> None:
    norm = SpadeNorm(3, 4)
    norm.noise_scale.fill_(scale)
    constant = torch.tensor([1000.0, -30_000.0, 0.0]).to(dtype)
    source = Whole(constant.expand(2, 150, 64, 3).contiguous())
    folded = FoldedNorm(norm, torch.device("cpu"), dtype, None)
    assert folded.noise_scale is not None
    affine = Affine(folded, source, find_windows(torch.zeros(2, 150, 64, dtype=torch.uint8)), fresh_noise)
    assert affine.field is not None
    spread = affine.field.float().var((1, 2), correction=0)[:, None]
    wanted = torch.rsqrt(folded.noise_scale.float().square() * spread + NORM_EPSILON)
    assert torch.isfinite(affine.inverse).all()
    assert torch.allclose(affine.inverse[:, 2], wanted[:, 2], rtol=1e-3)
    assert torch.allclose(affine.inverse[:, 0], wanted[:, 0], rtol=0.05)


@settings(max_examples=25, deadline=None)
@given(parses())
def test_windows_are_distinct_and_those_of_the_pixels(slots: Tensor) -> None:
    windows = find_windows(slots)
    assert len(torch.unique(windows.cells, dim=0)) == len(windows)
    padded = torch.nn.functional.pad(slots, (2, 2, 2, 2), value=7)
    true = padded.unfold(1, 5, 1).unfold(2, 5, 1).flatten(3)
    assert torch.equal(windows.cells[windows.rows.long()], true)


@given(st.integers(1, 5), st.integers(1, 40), st.integers(1, 100), st.integers(1, 20_000))
@settings(max_examples=50, deadline=None)
def test_strips_cover_every_row_once_and_keep_the_budget(batch: int, height: int, row: int, budget: int) -> None:
    seen = np.zeros((batch, height), int)
    for strip in strips(batch, height, row, budget):
        seen[strip.samples, strip.rows] += 1
        count = (strip.last - strip.first) * (strip.bottom - strip.top)
        assert count * row <= budget or count == 1
        assert strip.last - strip.first == 1 or strip.bottom - strip.top == height
    assert (seen == 1).all()


@pytest.mark.parametrize(("small", "large"), [(256, 1024), (192, 768), (96, 192), (64, 100)])
def test_one_matrix_enlarges_and_blurs_an_axis(small: int, large: int) -> None:
    maps = torch.randn(1, 3, small, 16)
    wanted = gaussian_blur(resize(maps, (large, 16)))
    across = enlarge_and_blur(16, 16)
    assert torch.allclose(enlarge_and_blur(small, large) @ maps @ across.t(), wanted, atol=1e-5)


def test_first_largest_takes_the_first_of_equals() -> None:
    maps = torch.tensor([[[0.0, 1.0, 2.0]], [[0.0, 3.0, 2.0]], [[0.0, 3.0, 2.5]]])
    assert first_largest(maps).tolist() == [[0, 1, 2]]
