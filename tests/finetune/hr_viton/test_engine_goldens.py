"""The exact engine equals the published networks, not only our plain path."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from finetune.hr_viton import ConditionGenerator, ImageGenerator, TryOnSettings
from finetune.hr_viton.engine import Engine
from finetune.hr_viton.engine.alignment import enlarge_and_blur
from finetune.hr_viton.engine.features import ConditionEngine
from finetune.hr_viton.sizes import Upsampling
from tests.finetune.hr_viton import formula
from tests.finetune.hr_viton.golden_differences import close, labels_close
from tests.finetune.hr_viton.test_engine import generator_conditions, image_engine
from tests.finetune.hr_viton.test_goldens import PIPELINES, condition_inputs, formula_pair, small_tryon


@pytest.mark.parametrize(
    ("file", "upsampling", "noise", "batch", "height", "width"),
    [
        ("gen_small", "most", 0.0, 2, 384, 256),
        ("gen_small_noise", "most", 0.1, 1, 384, 256),
        ("gen_small_more", "more", 0.0, 1, 256, 192),
    ],
)
@torch.inference_mode()
def test_image_generator(
    goldens: Path, file: str, upsampling: Upsampling, noise: float, batch: int, height: int, width: int
) -> None:
    network = ImageGenerator(8, upsampling=upsampling)
    formula.fill(network, noise=noise)
    output = image_engine(network.eval(), torch.float32)(generator_conditions(batch, height, width, torch.float32))
    path = goldens / f"{file}.npz"
    y, x = np.load(path)["crop_origin_yx"]
    close(output[:, :, ::4, ::4], path, "output_stride4", program="exact")
    close(output[:, :, y : y + 64, x : x + 64], path, "output_crop64", program="exact")
    close(output.mean((0, 2, 3)), path, "channel_mean", program="exact")
    close(output.std((0, 2, 3)), path, "channel_std", program="exact")


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
    engine = ConditionEngine(network.eval(), torch.device("cpu"))
    garments, persons = condition_inputs(batch, height, width)
    encoded = engine.encode_garments(garments)
    each = [
        engine.join(encoded.part(slice(number, number + 1)), engine.encode_person(persons[number : number + 1]))
        for number in range(batch)
    ]
    path = goldens / f"{file}.npz"
    close(torch.cat([one.flow for one in each]), path, "flow4", program="exact")
    close(torch.cat([one.logits for one in each]), path, "segmap", program="exact")
    warped = torch.cat([one.warped for one in each])
    close(warped[:, :3], path, "warped_cloth", program="exact")
    close(warped[:, 3:], path, "warped_clothmask", program="exact")


@pytest.mark.parametrize(("file", "settings"), PIPELINES)
@torch.inference_mode()
def test_whole_path(goldens: Path, file: str, settings: TryOnSettings) -> None:
    tryon, (garments, persons) = small_tryon(settings), formula_pair()
    engine = Engine(tryon, noise_of=lambda keys: formula.no_noise)
    result = engine.render(engine.encode_person(persons), engine.encode_garments(garments), ["any"])
    path = goldens / f"pipeline_{file}.npz"
    close(result.warped_garment[:, :, ::4, ::4], path, "warped_cloth_stride4", program="exact")
    labels_close(result.parse, path, "fake_parse13", program="exact")
    if file == "occlusion_warp_grad":
        close(result.image[:, :, ::4, ::4], path, "output_stride4", program="exact")
        labels_close(result.slots, path, "parse7", program="exact")
        composed = tryon.align(garments, persons).composed_logits
        blurred = enlarge_and_blur(256, 512) @ composed @ enlarge_and_blur(192, 384).t()
        close(blurred[:, :, ::8, ::8], path, "segmap_blur_stride8", program="exact")
