"""The plain networks equal the published ones: keys, shapes and outputs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from finetune.hr_viton import (
    HRVITON,
    ConditionDiscriminator,
    ConditionGenerator,
    Garments,
    ImageDiscriminator,
    ImageGenerator,
    Persons,
    TryOnSettings,
)
from finetune.hr_viton.alignment import gaussian_blur, one_hot
from finetune.hr_viton.rejection import realness
from finetune.hr_viton.warping import resize
from tests.finetune.hr_viton import formula
from tests.finetune.hr_viton.golden_differences import close, labels_close

KEYS: dict[str, Callable[[], nn.Module]] = {
    "tocg": ConditionGenerator,
    "tocg_encoder_conv": lambda: ConditionGenerator(warp_feature="encoder", out_layer="conv"),
    "tocg_ngf16": lambda: ConditionGenerator(16),
    "gen": ImageGenerator,
    "gen_ngf8": lambda: ImageGenerator(8),
    "gen_ngf8_more": lambda: ImageGenerator(8, upsampling="more"),
    "tocg_D_train_flags": ConditionDiscriminator,
    "tocg_D_no_flags": lambda: ConditionDiscriminator(half_size=False, dropout=False),
    "tocg_D_spectral_dropout": lambda: ConditionDiscriminator(spectral=True),
    "gen_D": ImageDiscriminator,
}


@pytest.mark.parametrize("name", KEYS)
def test_state_dict_is_the_published_one_in_names_order_shapes_and_types(goldens: Path, name: str) -> None:
    wanted = json.loads((goldens / "keys" / f"{name}.json").read_text())
    with torch.device("meta"):
        network = KEYS[name]()
    parameters = dict(network.named_parameters())
    got = [
        [key, list(value.shape), str(value.dtype).removeprefix("torch."), "param" if key in parameters else "buffer"]
        for key, value in network.state_dict().items()
    ]
    assert got == wanted["keys"]
    assert sum(value.numel() for value in parameters.values()) == wanted["param_count"]


@pytest.mark.parametrize(
    ("file", "network", "batch", "height", "width"),
    [
        ("tocg_small", ConditionGenerator(16), 2, 128, 96),
        ("tocg_small_encoder_conv", ConditionGenerator(16, warp_feature="encoder", out_layer="conv"), 1, 64, 64),
    ],
)
@torch.inference_mode()
def test_condition_generator(
    goldens: Path, file: str, network: ConditionGenerator, batch: int, height: int, width: int
) -> None:
    formula.fill(network)
    output = network.eval()(*condition_inputs(batch, height, width))
    path = goldens / f"{file}.npz"
    for level, flow in enumerate(output.flows):
        close(flow, path, f"flow{level}")
    close(output.parse_logits, path, "segmap")
    close(output.warped_garment, path, "warped_cloth")
    close(output.warped_mask, path, "warped_clothmask")


def condition_inputs(batch: int, height: int, width: int) -> tuple[Tensor, Tensor]:
    garment = torch.cat(
        (formula.image("cloth", batch, 3, height, width), formula.ellipse_mask(batch, height, width)), 1
    )
    parse = one_hot(formula.label_map(batch, height, width, 13), 13)
    return garment, torch.cat((parse, formula.image("densepose", batch, 3, height, width)), 1)


@pytest.mark.parametrize(
    ("file", "noise_scale", "upsampling", "batch", "height", "width"),
    [
        ("gen_small", 0.0, "most", 2, 384, 256),
        ("gen_small_noise", 0.1, "most", 1, 384, 256),
        ("gen_small_more", 0.0, "more", 1, 256, 192),
    ],
)
@torch.inference_mode()
def test_image_generator(
    goldens: Path, file: str, noise_scale: float, upsampling: str, batch: int, height: int, width: int
) -> None:
    network = ImageGenerator(8, upsampling="most" if upsampling == "most" else "more")
    formula.fill(network, noise=noise_scale)
    parse = one_hot(formula.label_map(batch, height, width, 7, 0.05), 7)
    output = network.eval()(formula.image("gen_input", batch, 9, height, width), parse, formula.noise)
    path = goldens / f"{file}.npz"
    y, x = np.load(path)["crop_origin_yx"]
    close(output[:, :, ::4, ::4], path, "output_stride4")
    close(output[:, :, y : y + 64, x : x + 64], path, "output_crop64")
    close(output.mean((0, 2, 3)), path, "channel_mean")
    close(output.std((0, 2, 3)), path, "channel_std")


@pytest.mark.parametrize(
    ("file", "flags", "height", "width"),
    [("tocg_D_train_flags", True, 256, 192), ("tocg_D_no_flags", False, 128, 96)],
)
@torch.inference_mode()
def test_condition_discriminator(goldens: Path, file: str, flags: bool, height: int, width: int) -> None:
    network = ConditionDiscriminator(half_size=flags, dropout=flags)
    formula.fill(network)
    fake = torch.softmax(3 * formula.image("fake_seg", 2, 13, height, width), 1)
    scores = network.eval()(torch.cat((*condition_inputs(2, height, width), fake), 1))
    path = goldens / f"{file}.npz"
    close(scores[0], path, "pred0")
    close(scores[1], path, "pred1")
    logits = 3 * formula.image("fake_seg", 2, 13, height, width)
    close(realness(network, *condition_inputs(2, height, width), logits), path, "D_logit")


@torch.inference_mode()
def test_image_discriminator(goldens: Path) -> None:
    network = ImageDiscriminator()
    formula.fill(network)
    parse = one_hot(formula.label_map(2, 256, 192, 7, 0.05), 7)
    results = network.eval()(torch.cat((parse, formula.image("rgb", 2, 3, 256, 192)), 1))
    path = goldens / "gen_D.npz"
    for scale, maps in enumerate(results):
        for layer in range(3):
            close(maps[layer].mean((2, 3)), path, f"scale{scale}_out{layer}_channel_mean")
            close(maps[layer][:, :4, ::4, ::4], path, f"scale{scale}_out{layer}_ch0to3_stride4")
        close(maps[3], path, f"scale{scale}_out3")


def small_tryon(settings: TryOnSettings) -> HRVITON:
    conditions, images = ConditionGenerator(16), ImageGenerator(8)
    formula.fill(conditions, bias={("out_layer.block.4.bias", 3): 1.5})
    formula.fill(images)
    return HRVITON(conditions, images, settings=settings).eval()


def formula_pair(height: int = 512, width: int = 384, batch: int = 1) -> tuple[Garments, Persons]:
    garments = Garments(formula.image("cloth", batch, 3, height, width), formula.ellipse_mask(batch, height, width))
    persons = Persons(
        one_hot(formula.label_map(batch, height, width, 13), 13),
        formula.image("densepose", batch, 3, height, width),
        formula.image("agnostic", batch, 3, height, width),
    )
    return garments, persons


@torch.inference_mode()
def test_whole_path(goldens: Path) -> None:
    tryon = small_tryon(TryOnSettings())
    garments, persons = formula_pair()
    result = tryon(garments, persons, noise=formula.no_noise)
    path = goldens / "pipeline_occlusion_warp_grad.npz"
    close(garments.network_input((256, 192))[:, :, ::4, ::4], path, "tocg_in1_stride4")
    person = persons.network_input((256, 192))
    close(person[:, 13:, ::4, ::4], path, "tocg_in2_densepose_stride4")
    assert np.array_equal(person[:, :13].argmax(1).numpy(), np.load(path)["tocg_in2_parse_agnostic"])
    close(result.warped_garment[:, :, ::4, ::4], path, "warped_cloth_stride4")
    close(result.image[:, :, ::4, ::4], path, "output_stride4")
    labels_close(result.slots, path, "parse7")
    composed = tryon.align(garments, persons).composed_logits
    close(gaussian_blur(resize(composed, (512, 384)))[:, :, ::8, ::8], path, "segmap_blur_stride8")


PIPELINES = [
    ("occlusion_warp_grad", TryOnSettings()),
    ("no_occlusion_warp_grad", TryOnSettings(occlusion=False)),
    ("occlusion_no_composition", TryOnSettings(composition="no_composition")),
]


@pytest.mark.parametrize(("file", "settings"), PIPELINES)
@torch.inference_mode()
def test_alignment_settings(goldens: Path, file: str, settings: TryOnSettings) -> None:
    result = small_tryon(settings)(*formula_pair(), noise=formula.no_noise)
    path = goldens / f"pipeline_{file}.npz"
    labels_close(result.parse, path, "fake_parse13")
    close(result.warped_garment[:, :, ::4, ::4], path, "warped_cloth_stride4")


@torch.inference_mode()
def test_detached_composition_counts_as_published(goldens: Path) -> None:
    result = small_tryon(TryOnSettings(composition="detach"))(*formula_pair(), noise=formula.no_noise)
    wanted = json.loads((goldens / "pipeline_info.json").read_text())["occlusion_detach"]["hist13"]
    got = torch.bincount(result.parse.flatten().long(), minlength=13)
    assert (got - torch.tensor(wanted)).abs().sum() < 2e-3 * result.parse.numel()
