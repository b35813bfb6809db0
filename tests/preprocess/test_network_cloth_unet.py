"""The cloth U-Net equals segmentation_models_pytorch's: names, logits; and its segmenter pads without a trace."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
import torch

from preprocess.backends.cloth_unet import UnetSegmenter
from preprocess.networks.cloth_unet import ClothUnet
from tests.preprocess.network_formula import state
from tests.preprocess.network_goldens import difference, golden, golden_shapes, shapes_of, with_formula


@pytest.fixture(scope="module")
def segmenter() -> UnetSegmenter:
    return UnetSegmenter(with_formula(ClothUnet(), state))


def test_names_and_shapes_are_the_published_ones(segmenter: UnetSegmenter) -> None:
    assert shapes_of(segmenter.network) == golden_shapes("smp_unet_timm_effb3_state_dict.json")


def test_logits_and_mask(segmenter: UnetSegmenter) -> None:
    arrays = golden("smp_unet_effb3_golden.npz")
    assert difference(segmenter.logits(arrays["image"][None]).cpu(), arrays["logits"]) < 2e-5
    assert (segmenter.segment([arrays["image"]])[0] == (arrays["logits"][0, 0] > 0)).all()


def test_the_library_itself_gives_the_same(segmenter: UnetSegmenter) -> None:
    if importlib.util.find_spec("segmentation_models_pytorch") is None:
        pytest.skip("segmentation_models_pytorch is not installed")
    smp = importlib.import_module("segmentation_models_pytorch")
    theirs = smp.Unet("timm-efficientnet-b3", encoder_weights=None, classes=1).eval()
    theirs.load_state_dict(segmenter.network.state_dict())
    x = torch.randn(1, 3, 64, 96)
    with torch.inference_mode():
        assert torch.allclose(segmenter.network(x), theirs(x), atol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (33, 70), (64, 64), (95, 31)])
def test_any_size_comes_back_at_its_size(size: tuple[int, int], segmenter: UnetSegmenter) -> None:
    picture = np.full((*size, 3), 200, np.uint8)
    mask = segmenter.segment([picture])[0]
    assert mask.shape == size
    assert mask.dtype == np.bool_


def test_padding_is_black_and_cut_off_again(segmenter: UnetSegmenter) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (40, 32, 3), np.uint8)
    padded = np.zeros((64, 32, 3), np.uint8)
    padded[12:52] = picture
    assert torch.equal(segmenter.logits(picture[None]), segmenter.logits(padded[None])[..., 12:52, :])
