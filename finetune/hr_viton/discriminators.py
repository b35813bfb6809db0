"""The two discriminators: is this parse, is this picture one of a real person?

The contract that must not break: state-dict names are those of the published files, whose numbers shift with the
options that they were trained with. Spec section 4 is the source of every rule.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from finetune.hr_viton.condition_generator import GARMENT_CHANNELS, PARSE_CHANNELS, PERSON_CHANNELS
from finetune.hr_viton.image_generator import LEAK, SLOTS
from finetune.hr_viton.spectral_norm import SpectralConv2d

SCALES = 2
KERNEL, PADDING = 4, 2


def half(maps: Tensor) -> Tensor:
    """Each pixel the mean of its neighbourhood, at half the size."""
    return functional.avg_pool2d(maps, 3, stride=2, padding=1, count_include_pad=False)


class ConditionDiscriminator(nn.Module):
    """Patch scores of garment, person and parse at two scales; used in training stage 1 and to reject results.

    `half_size` halves the input first. It leaves no trace in a file; the published one was trained with it, and with
    `dropout`.
    """

    def __init__(
        self, width: int = 64, *, half_size: bool = True, dropout: bool = True, spectral: bool = False
    ) -> None:
        super().__init__()
        self.half_size = half_size
        for scale in range(SCALES):
            self.add_module(f"layer{scale}", _patch_scores(width, dropout=dropout, spectral=spectral))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, 0, 0.02)
            elif isinstance(module, SpectralConv2d):
                nn.init.normal_(module.weight_orig, 0, 0.02)

    def forward(self, conditions: Tensor) -> list[Tensor]:
        """Nx1xhxw scores of Nx33xHxW (garment 4, person 16, parse 13), the finer scale first."""
        maps = half(conditions) if self.half_size else conditions
        scores = []
        for scale in reversed(range(SCALES)):
            scores.append(self.get_submodule(f"layer{scale}")(maps))
            maps = half(maps) if scale else maps
        return scores


def _patch_scores(width: int, *, dropout: bool, spectral: bool) -> nn.Sequential:
    layers: list[nn.Module] = []

    def convolution(inputs: int, outputs: int, *, stride: int = 2, spectral: bool = False) -> None:
        make = SpectralConv2d if spectral else nn.Conv2d
        layers.append(make(inputs, outputs, KERNEL, stride=stride, padding=PADDING))

    convolution(GARMENT_CHANNELS + PERSON_CHANNELS + PARSE_CHANNELS, width)
    layers.append(nn.LeakyReLU(LEAK))
    for level in range(3):
        inner = level < 2
        convolution(width << level, width << level + 1, stride=2 if inner else 1, spectral=spectral and inner)
        layers += [nn.InstanceNorm2d(width << level + 1), nn.LeakyReLU(LEAK)]
        if dropout and inner:
            layers.append(nn.Dropout(0.5))
    convolution(width << 3, 1, stride=1)
    return nn.Sequential(*layers)


class ImageDiscriminator(nn.Module):
    """Patch scores and features of parse and picture at two scales, the full size first; training stage 2 only."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        for scale in range(SCALES):
            self.add_module(f"discriminator_{scale}", _PatchFeatures(width))

    def forward(self, parse_and_image: Tensor) -> list[list[Tensor]]:
        """For each scale the three inner maps and then the scores, of Nx10xHxW (parse 7, image 3)."""
        results = []
        maps = parse_and_image
        for scale in range(SCALES):
            results.append(self.get_submodule(f"discriminator_{scale}")(maps))
            maps = half(maps) if scale + 1 < SCALES else maps
        return results


class _PatchFeatures(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        first = nn.Conv2d(SLOTS + 3, width, KERNEL, stride=2, padding=PADDING)
        self.model0 = nn.Sequential(first, nn.LeakyReLU(LEAK))
        self.model1 = self._inner(width, 2 * width)
        self.model2 = self._inner(2 * width, 4 * width)
        self.model3 = nn.Sequential(nn.Conv2d(4 * width, 1, KERNEL, padding=PADDING))

    @staticmethod
    def _inner(inputs: int, outputs: int) -> nn.Sequential:
        convolution = SpectralConv2d(inputs, outputs, KERNEL, stride=2, padding=PADDING, bias=False)
        return nn.Sequential(nn.Sequential(convolution, nn.InstanceNorm2d(outputs)), nn.LeakyReLU(LEAK))

    def forward(self, maps: Tensor) -> list[Tensor]:
        results = []
        for layer in (self.model0, self.model1, self.model2, self.model3):
            maps = layer(maps)
            results.append(maps)
        return results
