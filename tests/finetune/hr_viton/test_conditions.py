"""Conditions from stored pictures, their sizes and what is refused; noise that repeats; rejection."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune.hr_viton import (
    PUBLISHED,
    SMALL,
    ConditionGenerator,
    Garments,
    ImageGenerator,
    Persons,
    SeededNoise,
    Sizes,
    fresh_noise,
)
from finetune.hr_viton.rejection import acceptance, odds
from finetune.hr_viton.warping import base_grid, sample, warp
from tests.finetune.hr_viton import drawn
from vitonhd.labels import CIHP, HR_VITON_13


def test_stored_arrays_become_tensors_of_the_documented_ranges() -> None:
    cloth = np.full((4, 3, 3), 255, np.uint8)
    cloth[0, 0] = (0, 127, 128)
    mask = np.zeros((4, 3), bool)
    mask[1] = True
    garments = Garments.of(cloth, mask, (4, 3))
    assert garments.picture.shape == (1, 3, 4, 3) and garments.mask.shape == (1, 1, 4, 3)
    assert garments.picture[0, :, 0, 0].tolist() == pytest.approx([-1, 127 / 127.5 - 1, 128 / 127.5 - 1], abs=1e-6)
    assert garments.picture.max() == 1
    assert torch.equal(garments.mask[0, 0], torch.from_numpy(mask).float())


def test_parse_becomes_the_13_channels_and_is_resized_to_whole_labels() -> None:
    parse = np.zeros((8, 6), np.uint8)
    parse[:4] = CIHP.id("coat")
    parse[4:] = CIHP.id("torso-skin")
    picture = np.zeros((8, 6, 3), np.uint8)
    persons = Persons.of(parse, picture, picture, (4, 3))
    assert persons.parse_agnostic.shape == (1, 13, 4, 3)
    assert torch.equal(persons.parse_agnostic[0].argmax(0)[:, 0], torch.tensor([3, 3, 0, 0]))
    assert HR_VITON_13.id("upper") == 3
    assert torch.equal(persons.parse_agnostic.sum(1), torch.ones(1, 4, 3))


def test_densepose_and_agnostic_picture_keep_their_places() -> None:
    dark, bright = np.zeros((4, 3, 3), np.uint8), np.full((4, 3, 3), 255, np.uint8)
    persons = Persons.of(np.zeros((4, 3), np.uint8), dark, bright, (4, 3))
    assert torch.equal(persons.densepose, -torch.ones(1, 3, 4, 3))
    assert torch.equal(persons.agnostic, torch.ones(1, 3, 4, 3))
    assert torch.equal(persons.network_input((4, 3))[:, 13:], persons.densepose)


def test_batches_join_split_and_refuse_other_sizes() -> None:
    one, other = drawn.garment(0, (8, 6)), drawn.garment(1, (8, 6))
    both = Garments.cat([one, other])
    assert len(both) == 2 and torch.equal(both[1:].picture, other.picture)
    with pytest.raises(ValueError, match="differ in number or size"):
        Garments(one.picture, drawn.garment(0, (8, 8)).mask)
    with pytest.raises(ValueError, match=r"garments of one size.*\(8, 6\), \(8, 8\)"):
        Garments.cat([one, drawn.garment(0, (8, 8))])
    with pytest.raises(ValueError, match="garments of one size"):
        Garments.cat([])


@pytest.mark.parametrize(
    ("garment", "person", "message"),
    [
        ((1, 4, 96, 64), (1, 15, 96, 64), "N x 4 and N x 16"),
        ((1, 4, 96, 64), (2, 16, 96, 64), "N x 4 and N x 16"),
        ((1, 4, 100, 64), (1, 16, 100, 64), "100x64"),
        ((1, 4, 32, 32), (1, 16, 32, 32), "at least 64"),
    ],
)
def test_condition_generator_refuses_what_it_cannot_take(
    garment: tuple[int, ...], person: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        ConditionGenerator(4)(torch.zeros(garment), torch.zeros(person))


@pytest.mark.parametrize(
    ("image", "parse", "message"),
    [((1, 8, 128, 128), (1, 7, 128, 128), "N x 9"), ((1, 9, 192, 128), (1, 7, 192, 128), "multiples of 128")],
)
def test_image_generator_refuses_what_it_cannot_take(
    image: tuple[int, ...], parse: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        ImageGenerator(2)(torch.zeros(image), torch.zeros(parse))


def test_named_sizes_are_the_published_and_a_small_one() -> None:
    with torch.device("meta"):
        small = ConditionGenerator(SMALL.condition_width), drawn.image_generator(SMALL)
        published = ConditionGenerator(PUBLISHED.condition_width), drawn.image_generator(PUBLISHED)
    counts = [[sum(p.numel() for p in network.parameters()) for network in pair] for pair in (small, published)]
    assert counts == [[1_336_577, 2_248_755], [47_431_697, 100_481_987]]
    with pytest.raises(ValueError, match="multiples of 128"):
        Sizes(size=(960, 768))


def test_a_flow_of_zeros_is_the_published_near_identity() -> None:
    """The grid reaches from corner to corner but is read by pixel edges: each side moves out by half a pixel."""
    ramp = torch.arange(8.0).view(1, 1, 1, 8).expand(1, 1, 8, 8)
    warped = warp(ramp, torch.zeros(1, 4, 4, 2))
    assert torch.allclose(warped[0, 0, 0], (torch.linspace(-1, 1, 8) * 4 + 3.5).clamp(0, 7), atol=1e-6)
    assert torch.equal(warped, sample(ramp, base_grid((8, 8), ramp)))


def test_a_flow_is_in_pixels_of_its_own_map() -> None:
    ramp = torch.arange(32.0).view(1, 1, 1, 32).expand(1, 1, 32, 32)
    flow = torch.zeros(1, 8, 8, 2)
    flow[..., 0] = 1
    moved = (warp(ramp, flow) - warp(ramp, torch.zeros_like(flow)))[0, 0, 16, 8:24]
    assert torch.allclose(moved, torch.full((16,), 2 / 7 * 16), atol=1e-4)
    with pytest.raises(ValueError, match="flow is 1x8"):
        warp(ramp, torch.zeros(1, 1, 8, 2))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.text(max_size=8), min_size=1, max_size=4), st.integers(1, 9), st.integers(1, 9))
def test_seeded_noise_depends_on_key_norm_and_size_alone(keys: list[str], height: int, width: int) -> None:
    together = SeededNoise(keys)("up_0.norm_s", len(keys), height, width)
    alone = torch.cat([SeededNoise([key])("up_0.norm_s", 1, height, width) for key in keys])
    assert torch.equal(together, alone)
    assert not torch.equal(SeededNoise(keys)("up_0.norm_0", len(keys), height, width), together)
    with pytest.raises(ValueError, match="render keys"):
        SeededNoise(keys)("up_0.norm_s", len(keys) + 1, height, width)


def test_noise_is_standard_normal_and_fresh_noise_follows_the_seed_in_the_published_layout() -> None:
    field = SeededNoise(["a"])("head_0.norm_0", 1, 200, 200)
    assert abs(float(field.mean())) < 0.02 and abs(float(field.std()) - 1) < 0.02
    torch.manual_seed(3)
    got = fresh_noise("any", 2, 5, 4)
    torch.manual_seed(3)
    assert torch.equal(got, torch.randn(2, 4, 5, 1).permute(0, 3, 2, 1))


def test_rejection_odds_are_guarded() -> None:
    scores = torch.tensor([-0.1, 0.0, 0.5, 0.9, 1.0, 1.3])
    assert odds(scores)[:4].tolist() == pytest.approx([0, 0, 1, 9], rel=1e-5)
    assert torch.isfinite(odds(scores)).all()
    assert acceptance(scores, 9.0)[3] == pytest.approx(1, rel=1e-5)
    with pytest.raises(ValueError, match="must be positive"):
        acceptance(scores, 0.0)
