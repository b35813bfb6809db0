"""Conditions from stored pictures, their sizes and what is refused; noise that repeats; rejection."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune.hr_viton import (
    PUBLISHED,
    SMALL,
    ConditionDiscriminator,
    ConditionGenerator,
    Garments,
    ImageGenerator,
    Persons,
    Rejection,
    SeededNoise,
    Sizes,
    fresh_noise,
)
from finetune.hr_viton.alignment import occlude
from finetune.hr_viton.rejection import odds, realness
from finetune.hr_viton.warping import base_grid, sample, warp
from tests.finetune.hr_viton import drawn, formula
from vitonhd.garment_classes import RULES, GarmentClass
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


def test_masks_are_resized_to_whole_pixels_and_pictures_to_means() -> None:
    cloth = np.zeros((8, 8, 3), np.uint8)
    cloth[:, ::2] = 200
    mask = np.zeros((8, 8), bool)
    mask[:3, :5] = True
    garments = Garments.of(cloth, mask, (4, 4))
    assert set(garments.mask.flatten().tolist()) == {0.0, 1.0}
    assert garments.picture[0, :, :, 1:-1].mean() == pytest.approx(100 / 127.5 - 1, abs=0.05)
    assert float(garments.picture[0, :, :, 1:-1].std()) < 0.1
    whole = Garments.of(cloth, mask, (8, 8)).network_input((4, 4))
    assert torch.equal(whole[0, 3], torch.from_numpy(mask[::2, ::2]).float())
    assert torch.allclose(whole[0, :3], torch.full((3, 4, 4), 100 / 127.5 - 1), atol=1e-6)
    persons = Persons.of(np.zeros((8, 8), np.uint8), cloth, cloth, (8, 8)).network_input((4, 4))
    assert torch.allclose(persons[0, 13:], whole[0, :3])


@pytest.mark.parametrize("mask", [np.full((8, 6), 255, np.uint8), np.ones((8, 5), bool)])
def test_a_mask_that_is_none_of_the_picture_is_refused(mask: npt.NDArray[np.bool_]) -> None:
    with pytest.raises(ValueError, match=r"mask is .* not bool \(8, 6\)"):
        Garments.of(np.zeros((8, 6, 3), np.uint8), mask, (4, 3))


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
    [
        ((1, 8, 256, 128), (1, 7, 256, 128), "N x 9"),
        ((1, 9, 192, 128), (1, 7, 192, 128), "multiples of 128"),
        ((1, 9, 128, 128), (1, 7, 128, 128), "128x128.* one side must be 256 or more.* no variance"),
    ],
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
    with pytest.raises(ValueError, match="one side must be 128 or more"):
        Sizes(size=(64, 64), upsampling="more")


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


def test_realness_is_the_score_of_the_softmax() -> None:
    discriminator = ConditionDiscriminator(2).eval()
    formula.fill(discriminator)
    garment, person, logits = (5 * torch.randn(2, channels, 64, 48) for channels in (4, 16, 13))
    scores = discriminator(torch.cat((garment, person, torch.softmax(logits, 1)), 1))
    wanted = (scores[0].mean((1, 2, 3)) + scores[1].mean((1, 2, 3))) / 2
    assert torch.allclose(realness(discriminator, garment, person, logits), wanted, atol=1e-6)


@pytest.mark.parametrize("garment_class", GarmentClass)
def test_only_the_class_s_own_occluders_hide_its_garment(garment_class: GarmentClass) -> None:
    """One column for each channel, which the logits are sure of."""
    logits = 50 * torch.eye(13)[None, :, None]
    garment, mask = torch.zeros(1, 3, 1, 13), torch.ones(1, 1, 1, 13)
    hidden = occlude(garment, mask, logits, garment_class)
    seen = [float(channel not in RULES[garment_class].occluders) for channel in range(13)]
    assert hidden.mask.flatten().tolist() == pytest.approx(seen)
    assert hidden.garment[0, 0, 0].tolist() == pytest.approx([1 - value for value in seen])


def test_rejection_odds_are_guarded() -> None:
    scores = torch.tensor([-0.1, 0.0, 0.5, 0.9, 1.0, 1.3])
    assert odds(scores)[:4].tolist() == pytest.approx([0, 0, 1, 9], rel=1e-5)
    assert torch.isfinite(odds(scores)).all()
    rejection = Rejection(largest_odds=9.0, least_acceptance=0.9)
    assert rejection.acceptance(scores)[3] == pytest.approx(1, rel=1e-5)
    assert rejection.accepts(scores).tolist() == [False, False, False, True, True, True]
    with pytest.raises(ValueError, match="must be positive"):
        Rejection(0.0)
