"""What HR-VITON's stages share in training: its settings, networks to start from, inputs and the perceptual loss.

The contract that must not break: defaults are the published recipe; what stands in for something that isn't there is
named in the results.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

import numpy as np
import torch
from pydantic import Field, ValidationError
from torch import Tensor, nn

from finetune import pyramid_loss
from finetune.augmentation import Scene
from finetune.errors import FinetuneError
from finetune.hr_viton.alignment import Composition, one_hot
from finetune.hr_viton.checkpoints import CheckpointError, load_checkpoint, read_state
from finetune.hr_viton.condition_generator import PARSE_CHANNELS
from finetune.hr_viton.conditions import Garments, Persons
from finetune.hr_viton.losses import PerceptualLoss
from finetune.hr_viton.sizes import PUBLISHED, SMALL, Sizes, Upsampling
from finetune.pyramid_loss import PyramidLoss
from finetune.settings import Frozen, RunSettings, first_fault
from vitonhd.label_conversions import convert_labels
from vitonhd.labels import CIHP, HR_VITON_13

VGG = "vgg-19"
_SIZES = {"small": SMALL, "published": PUBLISHED}
Network = TypeVar("Network", bound=nn.Module)


class HRVITONSettings(Frozen):
    """HR-VITON's own settings; the defaults are the published recipe on the small networks."""

    size: Literal["small", "published"] = Field(default="small", description="widths of networks that start afresh")
    condition_width: int | None = Field(default=None, ge=1, description="instead of the size's own, as the next two")
    image_width: int | None = Field(default=None, ge=2)
    modulation_width: int | None = Field(default=None, ge=1)
    upsampling: Upsampling | None = Field(default=None, description="how often the image generator doubles its size")
    condition_pixels: tuple[int, int] = Field(
        default=(256, 192), description="height, width of the first network's maps"
    )
    vgg: str = Field(default="", description="file of torchvision's VGG-19; without it pyramid-l1 stands in")
    composition: Composition = "warp_grad"
    l1: float = Field(default=10.0, ge=0, description="condition: mask")
    total_variation: float = Field(default=2.0, ge=0, description="condition: smoothness of the last flow")
    cross_entropy: float = Field(default=10.0, ge=0, description="condition: parse")
    adversarial: float = Field(
        default=1.0, ge=0, description="condition: weight of the discriminator; 0: none is trained"
    )
    flow_truth: float = Field(default=0.0, ge=0, description="condition: distance from the studio's exact flow")
    perceptual: float | None = Field(default=None, ge=0, description="weight; published 1 (condition), 10 (generator)")
    features: float = Field(default=10.0, ge=0, description="generator: the discriminator's inner maps")
    generator_rate: float | None = Field(default=None, gt=0, description="published 2e-4 (condition), 1e-4 (generator)")
    discriminator_rate: float | None = Field(default=None, gt=0, description="published 2e-4, 4e-4")
    generated_anew: bool = Field(default=True, description="generator: its discriminator judges a second picture")
    initial_gain: float = Field(default=0.02, ge=0, description="generator: Xavier's, afresh; 0: PyTorch's own weights")
    discriminator_first: int = Field(default=0, ge=0, description="generator: steps in which only a fresh one learns")

    @property
    def sizes(self) -> Sizes:
        """Of networks that start afresh."""
        own: dict[str, Any] = {"condition_width": self.condition_width, "image_width": self.image_width}
        own |= {"modulation_width": self.modulation_width, "upsampling": self.upsampling}
        given = {key: value for key, value in own.items() if value}
        return replace(_SIZES[self.size], **given)


def settings_of(settings: RunSettings) -> HRVITONSettings:
    """Raises FinetuneError for keys that HR-VITON doesn't have."""
    try:
        return HRVITONSettings.model_validate(settings.model)
    except ValidationError as error:
        raise FinetuneError(f"model: {first_fault(error)}") from None


def started(settings: RunSettings, name: str, kind: type[Network], afresh: Callable[[], Network] | None) -> Network:
    """The network `name` from its checkpoint, or afresh where none is named.

    Raises FinetuneError for a file that holds something else, and where one is needed (`afresh` is None).
    """
    path = settings.start.get(name)
    if path is None:
        if afresh is None:
            raise FinetuneError(f"stage {settings.stage} needs a trained {name}: start.{name} names its checkpoint")
        return afresh()
    try:
        found = load_checkpoint(Path(path))
    except (CheckpointError, OSError) as error:
        raise FinetuneError(f"start.{name}: {error}") from None
    if not isinstance(found, kind):
        raise FinetuneError(f"start.{name}: {path} holds {type(found).__name__}, not {kind.__name__}")
    return found


def perceptual_loss(settings: HRVITONSettings) -> tuple[PerceptualLoss, dict[str, Any]]:
    """VGG-19 where its file is named, else the substitute; and what the results say of it. Raises FinetuneError."""
    if not settings.vgg:
        return cast(PerceptualLoss, PyramidLoss()), {"perceptual": pyramid_loss.NAME, "perceptual_stands_in_for": VGG}
    loss = PerceptualLoss()
    try:
        loss.load_torchvision(read_state(Path(settings.vgg)))
    except (CheckpointError, OSError, RuntimeError) as error:
        raise FinetuneError(f"model.vgg: {settings.vgg}: {str(error).splitlines()[0]}") from None
    return loss, {"perceptual": VGG}


@cache
def _channels() -> Tensor:
    return torch.from_numpy(convert_labels(np.arange(len(CIHP), dtype=np.uint8)[None], CIHP, HR_VITON_13)[0]).long()


def channels_of(labels: Tensor) -> Tensor:
    """CIHP ids NxHxW to ids of the 13 channels."""
    return _channels().to(labels.device)[labels]


def garments_of(scene: Scene) -> Garments:
    return Garments(scene.cloth, scene.cloth_mask)


def persons_of(scene: Scene) -> Persons:
    """With an agnostic picture of nothing where the stage doesn't read it."""
    agnostic = scene.agnostic if scene.agnostic.numel() else scene.densepose
    return Persons(one_hot(channels_of(scene.parse_agnostic), PARSE_CHANNELS), scene.densepose, agnostic)


@contextmanager
def held(network: nn.Module) -> Iterator[None]:
    """Gradients go through the network, not into it: its parameters learn nothing meanwhile."""
    learning = [one for one in network.parameters() if one.requires_grad]
    for one in learning:
        one.requires_grad_(False)
    try:
        yield
    finally:
        for one in learning:
            one.requires_grad_(True)


_SHOWN = ("background", "hair", "face", "upper-clothes", "pants", "left-arm", "right-arm", "left-leg", "right-leg")
_COLOURS = CIHP.palette[list(CIHP.ids(*_SHOWN, "left-shoe", "right-shoe", "socks", "scarf"))]


def painted_channels(channels: Tensor) -> Tensor:
    """Ids of the 13 channels NxHxW as pictures Nx3xHxW in -1..1."""
    colours = torch.from_numpy(_COLOURS.copy()).to(channels.device)
    return colours[channels.long()].permute(0, 3, 1, 2).float() / 127.5 - 1
