"""Published networks that measures need: LPIPS, the Inception of FID, DINOv2; from their files, never trusted.

The contract that must not break: a file fits its network exactly or is refused, and nothing in a file runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import timm
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import inception as blocks  # type: ignore[import-untyped]
from torchvision.models.alexnet import AlexNet  # type: ignore[import-untyped]

from finetune.evaluation.errors import EvaluationError
from vitonhd.arrays import Picture
from vitonhd.mismatch import listed, mismatch
from vitonhd.stored_tensors import StoredTensor, TensorFileError, read_safetensors, unsound
from vitonhd.torch_files import read_torch_file

_CHANNELS = (64, 192, 384, 256, 256)
_ENDS = (2, 5, 8, 10, 12)
"""Of AlexNet's five stages: after each ReLU that LPIPS looks at."""
_TINY = 1e-8
INCEPTION_SIZE = 299
_CONTAINERS = ("state_dict", "model")


class LPIPS(nn.Module):
    """Zhang et al. 2018, version 0.1 on AlexNet; both pictures Nx3xHxW in -1..1."""

    shift: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.features: nn.Sequential = AlexNet().features[: max(_ENDS)]
        self.weights = nn.ModuleList(nn.Conv2d(channels, 1, 1, bias=False) for channels in _CHANNELS)
        self.register_buffer("shift", torch.tensor([-0.030, -0.088, -0.188]).view(3, 1, 1), persistent=False)
        self.register_buffer("scale", torch.tensor([0.458, 0.448, 0.450]).view(3, 1, 1), persistent=False)

    @classmethod
    def load(cls, backbone: Path, weights: Path) -> LPIPS:
        """From torchvision's AlexNet and LPIPS' own `alex.pth`. Raises EvaluationError."""
        network = cls()
        features = {key: value for key, value in _read(backbone).items() if not key.startswith("classifier.")}
        own = {_own_name(key): value for key, value in _read(weights).items()}
        _fill(network, {**features, **own}, f"{backbone.name} and {weights.name}")
        return network

    def forward(self, made: Tensor, true: Tensor) -> Tensor:
        """N distances."""
        return torch.stack([level.mean((1, 2, 3)) for level in self._levels(made, true)]).sum(0)

    def both(self, made: Tensor, true: Tensor) -> tuple[Tensor, Tensor]:
        """N distances, and Nx1xHxW: those around each pixel, every stage enlarged bilinearly."""
        levels = self._levels(made, true)
        size = made.shape[2:]
        maps = [functional.interpolate(level, size, mode="bilinear", align_corners=False) for level in levels]
        return torch.stack([level.mean((1, 2, 3)) for level in levels]).sum(0), torch.stack(maps).sum(0)

    def _levels(self, made: Tensor, true: Tensor) -> list[Tensor]:
        both = (torch.cat((made, true)) - self.shift) / self.scale
        levels = []
        first = 0
        for end, weight in zip(_ENDS, self.weights, strict=True):
            both = self.features[first:end](both)
            unit = both / torch.sqrt(_TINY + both.square().sum(1, keepdim=True))
            one, other = unit.chunk(2)
            levels.append(weight((one - other).square()))
            first = end
        return levels


class Inception(nn.Module):
    """The Inception of FID (TensorFlow's of December 2015) up to its last pooling."""

    def __init__(self) -> None:
        super().__init__()
        parts = [
            blocks.BasicConv2d, _BlockA, blocks.InceptionB, _BlockC, blocks.InceptionD, _BlockE, blocks.InceptionAux,
        ]  # fmt: skip
        self.network = blocks.Inception3(1008, aux_logits=False, inception_blocks=parts, init_weights=False)

    @classmethod
    def load(cls, path: Path) -> Inception:
        """From pytorch-fid's or torch-fidelity's file. Raises EvaluationError."""
        made = cls()
        _fill(made.network, _read(path), path.name)
        made.network.fc = nn.Identity()
        return made.requires_grad_(False).eval()

    def forward(self, pictures: Tensor) -> Tensor:
        """Nx2048 of Nx3x299x299 in 0..255, as `inception_input` makes them."""
        features: Tensor = self.network((pictures - 128) / 128)
        return features


def inception_input(picture: Picture) -> Tensor:
    """1x3x299x299 in 0..255: each channel resized by Pillow's bicubic filter in floats, which is clean-fid's rule."""
    size = (INCEPTION_SIZE, INCEPTION_SIZE)
    channels = [
        np.asarray(Image.fromarray(channel).resize(size, Image.Resampling.BICUBIC)).clip(0, 255)
        for channel in np.moveaxis(picture.astype(np.float32), 2, 0)
    ]
    return torch.from_numpy(np.stack(channels))[None]


def load_embedding(path: Path) -> nn.Module:
    """DINOv2 ViT-S/14 from its published file: Nx3x224x224, normalised, to Nx384. Raises EvaluationError."""
    network = timm.create_model("vit_small_patch14_dinov2", pretrained=False, num_classes=0, dynamic_img_size=True)
    state = {key: value for key, value in _read(path).items() if key != "mask_token"}
    _fill(network, state, path.name)
    return network


def _own_name(key: str) -> str:
    """`lin0.model.1.weight` is our `weights.0.weight`."""
    head, _, _ = key.partition(".")
    return f"weights.{head.removeprefix('lin')}.weight" if head.startswith("lin") else key


def _fill(network: nn.Module, state: Mapping[str, StoredTensor], name: str) -> None:
    wanted = network.state_dict()
    if unfit := mismatch(wanted, state, spared=lambda key: key.endswith("num_batches_tracked")):
        raise EvaluationError(f"{name}: not of {type(network).__name__}: {unfit}")
    if faults := unsound(state):
        raise EvaluationError(f"{name} has been damaged: {listed(faults)}")
    network.load_state_dict({**wanted, **{key: torch.from_numpy(value.array).float() for key, value in state.items()}})
    network.requires_grad_(False).eval()


def _read(path: Path) -> dict[str, StoredTensor]:
    try:
        if path.suffix == ".safetensors":
            return read_safetensors(path)[0]
        with path.open("rb") as file:
            return read_torch_file(file, _CONTAINERS)
    except (TensorFileError, OSError) as error:
        raise EvaluationError(f"{path} is no weights file: {error}") from None


def _average(maps: Tensor) -> Tensor:
    """TensorFlow leaves the border's zeros out of the mean."""
    return functional.avg_pool2d(maps, 3, stride=1, padding=1, count_include_pad=False)


def _with_pool(outputs: list[Tensor], block: nn.Module, maps: Tensor, pool: Callable[[Tensor], Tensor]) -> list[Tensor]:
    return [*outputs[:-1], block.branch_pool(pool(maps))]  # type: ignore[operator]


class _BlockA(blocks.InceptionA):  # type: ignore[misc]
    def _forward(self, x: Tensor) -> list[Tensor]:
        return _with_pool(super()._forward(x), self, x, _average)


class _BlockC(blocks.InceptionC):  # type: ignore[misc]
    def _forward(self, x: Tensor) -> list[Tensor]:
        return _with_pool(super()._forward(x), self, x, _average)


class _BlockE(blocks.InceptionE):  # type: ignore[misc]
    """The last block's pooling takes the largest value: so was the network that FID was defined with."""

    def __init__(self, in_channels: int) -> None:
        super().__init__(in_channels)
        self.is_last = in_channels == 2048

    def _forward(self, x: Tensor) -> list[Tensor]:
        pool = (lambda maps: functional.max_pool2d(maps, 3, stride=1, padding=1)) if self.is_last else _average
        return _with_pool(super()._forward(x), self, x, pool)
