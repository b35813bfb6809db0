"""The try-on image generator: a SPADE network that paints the person in the warped garment.

The contract that must not break: state-dict names are those of the published `gen.pth`, and outputs equal the
published network's within 1e-4 for the same noise. Spec section 3 is the source of every rule.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from finetune.hr_viton.noise import Noise, fresh_noise
from finetune.hr_viton.sizes import LEVELS, Upsampling, first_size
from finetune.hr_viton.spectral_norm import SpectralConv2d
from finetune.hr_viton.warping import resize_nearest

IMAGE_CHANNELS = 9
SLOTS = 7
SKIP_CHANNELS = 16
NORM_EPSILON = 1e-5
LEAK = 0.2


class SpadeNorm(nn.Module):
    """Instance norm of the noisy input, scaled and shifted by what the parse says around each pixel."""

    def __init__(self, channels: int, modulation_width: int) -> None:
        super().__init__()
        self.name = ""
        self.noise_scale = nn.Parameter(torch.zeros(channels))
        self.conv_shared = nn.Sequential(nn.Conv2d(SLOTS, modulation_width, 3, padding=1), nn.ReLU())
        self.conv_gamma = nn.Conv2d(modulation_width, channels, 3, padding=1)
        self.conv_beta = nn.Conv2d(modulation_width, channels, 3, padding=1)

    def forward(self, features: Tensor, parse: Tensor, noise: Noise) -> Tensor:
        batch, _, height, width = features.shape
        field = noise(self.name, batch, height, width).to(features)
        normed = functional.instance_norm(features + field * self.noise_scale[:, None, None], eps=NORM_EPSILON)
        hidden = self.conv_shared(parse)
        modulated: Tensor = normed * (1 + self.conv_gamma(hidden)) + self.conv_beta(hidden)
        return modulated


class SpadeResBlock(nn.Module):
    """Two modulated convolutions beside a modulated 1x1 shortcut (the input itself when the widths agree)."""

    def __init__(self, inputs: int, outputs: int, modulation_width: int) -> None:
        super().__init__()
        middle = min(inputs, outputs)
        self.conv_0 = SpectralConv2d(inputs, middle, 3, padding=1)
        self.conv_1 = SpectralConv2d(middle, outputs, 3, padding=1)
        self.conv_s = SpectralConv2d(inputs, outputs, 1, bias=False) if inputs != outputs else None
        self.norm_0 = SpadeNorm(inputs, modulation_width)
        self.norm_1 = SpadeNorm(middle, modulation_width)
        self.norm_s = SpadeNorm(inputs, modulation_width) if inputs != outputs else None

    def forward(self, features: Tensor, parse: Tensor, noise: Noise) -> Tensor:
        """`parse` is of any size; it is resized to the features'."""
        parse = resize_nearest(parse, (features.shape[2], features.shape[3]))
        shortcut = features
        if self.conv_s is not None and self.norm_s is not None:
            shortcut = self.conv_s(self.norm_s(features, parse, noise))
        hidden = self.conv_0(functional.leaky_relu(self.norm_0(features, parse, noise), LEAK))
        residual: Tensor = self.conv_1(functional.leaky_relu(self.norm_1(hidden, parse, noise), LEAK))
        return shortcut + residual


class ImageGenerator(nn.Module):
    """From 1/128 of the size (`most`; `more` 1/64, `normal` 1/32), the conditions shown again at every level."""

    def __init__(self, width: int = 64, *, upsampling: Upsampling = "most", modulation_width: int = 128) -> None:
        super().__init__()
        self.width, self.upsampling, self.modulation_width = width, upsampling, modulation_width
        self.levels = LEVELS[upsampling]
        widest = 16 * width
        self.conv_0 = nn.Conv2d(IMAGE_CHANNELS, widest, 3, padding=1)
        for level in range(1, 8):
            self.add_module(f"conv_{level}", nn.Conv2d(IMAGE_CHANNELS, SKIP_CHANNELS, 3, padding=1))
        self.head_0 = SpadeResBlock(widest, widest, modulation_width)
        outputs = [widest, widest, 8 * width, 4 * width, 2 * width, width]
        if upsampling == "most":
            outputs.append(width // 2)
        names = ["G_middle_0", "G_middle_1", *(f"up_{level}" for level in range(len(outputs) - 2))]
        for name, inputs, out in zip(names, [widest, *outputs], outputs, strict=False):
            self.add_module(name, SpadeResBlock(inputs + SKIP_CHANNELS, out, modulation_width))
        self.block_names = ("head_0", *names)
        self.conv_img = nn.Conv2d(outputs[-1], 3, 3, padding=1)
        for name, module in self.named_modules():
            if isinstance(module, SpadeNorm):
                module.name = name

    def doublings(self, stage: int) -> int:
        """How often the maps of a block have been doubled."""
        return stage - 1 if self.upsampling == "normal" and stage > 1 else stage

    def stages(self) -> Iterator[tuple[SpadeResBlock, nn.Conv2d | None]]:
        """Each block, and the convolution that shows it the conditions again: all but the first have one."""
        for number, name in enumerate(self.block_names):
            block, skip = self.get_submodule(name), self.get_submodule(f"conv_{number}") if number else None
            assert isinstance(block, SpadeResBlock)
            assert skip is None or isinstance(skip, nn.Conv2d)
            yield block, skip

    def forward(self, image: Tensor, parse: Tensor, noise: Noise = fresh_noise) -> Tensor:
        """Nx3xHxW in -1..1 from `image` Nx9xHxW (agnostic, DensePose, warped garment) and `parse` Nx7xHxW one-hot.

        Raises ValueError for other channels or sides that aren't multiples of 2 to the number of doublings.
        """
        check_generator_inputs(image, parse)
        height, width = first_size(self.levels, (image.shape[2], image.shape[3]))
        features = self.conv_0(resize_nearest(image, (height, width)))
        for stage, (block, skip) in enumerate(self.stages()):
            if skip is not None:
                doublings = self.doublings(stage)
                size = (height << doublings, width << doublings)
                features = torch.cat((resize_nearest(features, size), skip(resize_nearest(image, size))), 1)
            features = block(features, parse, noise)
        return torch.tanh(self.conv_img(functional.leaky_relu(features, LEAK)))


def check_generator_inputs(image: Tensor, parse: Tensor) -> None:
    """Raises ValueError unless the two are what `ImageGenerator.forward` takes."""
    batch, _, height, width = image.shape
    wanted = [(batch, IMAGE_CHANNELS, height, width), (batch, SLOTS, height, width)]
    if [tuple(image.shape), tuple(parse.shape)] != wanted:
        raise ValueError(
            f"image is {tuple(image.shape)} and parse {tuple(parse.shape)}; "
            f"wanted N x {IMAGE_CHANNELS} and N x {SLOTS} of one size"
        )
