"""Networks filled by formula and drawn conditions, small enough for a test.

The contract that must not break: parses have regions, thin parts and straight and curved borders, as real ones have.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from finetune.hr_viton import (
    HRVITON,
    ConditionDiscriminator,
    ConditionGenerator,
    Garments,
    ImageGenerator,
    Persons,
    TryOnSettings,
)
from finetune.hr_viton.alignment import one_hot
from finetune.hr_viton.sizes import Sizes
from tests.finetune.hr_viton import formula

TINY = Sizes(
    condition_width=4,
    image_width=2,
    modulation_width=16,
    discriminator_width=8,
    upsampling="more",
    size=(192, 128),
    condition_size=(96, 64),
)

_ELLIPSES = [
    # channel, centre y and x, half-axes
    (4, 0.85, 0.50, 0.40, 0.20),
    (3, 0.52, 0.50, 0.28, 0.26),
    (5, 0.52, 0.26, 0.24, 0.06),
    (6, 0.52, 0.74, 0.24, 0.06),
    (1, 0.15, 0.50, 0.13, 0.16),
    (2, 0.18, 0.50, 0.09, 0.11),
    (12, 0.30, 0.50, 0.01, 0.05),
]


def parse(height: int, width: int, lean: float = 0.0) -> Tensor:
    """1xHxW int64: a person of ellipses in HR-VITON's 13 channels, leaning by a share of the width."""
    y, x = np.mgrid[:height, :width]
    y, x = (y + 0.5) / height, (x + 0.5) / width
    labels = np.zeros((height, width), np.int64)
    for channel, centre_y, centre_x, half_y, half_x in _ELLIPSES:
        centre = centre_x + lean * (1 - y)
        labels[((y - centre_y) / half_y) ** 2 + ((x - centre) / half_x) ** 2 <= 1] = channel
    return torch.from_numpy(labels)[None]


def person(number: int, size: tuple[int, int]) -> Persons:
    height, width = size
    labels = parse(height, width, 0.05 * number)
    labels[labels == 3] = 0
    pictures = [formula.image(f"{name}-{number}", 1, 3, height, width) for name in ("densepose", "agnostic")]
    return Persons(one_hot(labels, 13), *pictures)


def garment(number: int, size: tuple[int, int]) -> Garments:
    height, width = size
    mask = formula.ellipse_mask(number + 1, height, width)[number:]
    return Garments(formula.image(f"cloth-{number}", 1, 3, height, width), mask)


def tryon(
    sizes: Sizes = TINY, *, noise: float = 0.1, discriminator: bool = False, settings: TryOnSettings | None = None
) -> HRVITON:
    conditions, images = ConditionGenerator(sizes.condition_width), image_generator(sizes)
    judge = ConditionDiscriminator(sizes.discriminator_width) if discriminator else None
    formula.fill(conditions, bias={("out_layer.block.4.bias", 3): 1.5})
    formula.fill(images, noise=noise)
    if judge is not None:
        formula.fill(judge)
    settings = settings or TryOnSettings(condition_size=sizes.condition_size)
    return HRVITON(conditions, images, judge, settings).eval()


def image_generator(sizes: Sizes) -> ImageGenerator:
    return ImageGenerator(sizes.image_width, upsampling=sizes.upsampling, modulation_width=sizes.modulation_width)
