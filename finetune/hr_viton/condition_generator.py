"""The try-on condition generator: where the garment goes, and the parse of the person who wears it.

The contract that must not break: state-dict names are those of the published `mtviton.pth`, and outputs equal the
published network's within 1e-4. Spec section 2 is the source of every rule.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from finetune.hr_viton.sizes import check_size
from finetune.hr_viton.warping import resize_flow, warp

GARMENT_CHANNELS = 4
PERSON_CHANNELS = 16
PARSE_CHANNELS = 13

Scale = Literal["down", "same", "up"]
WarpFeature = Literal["T1", "encoder"]
OutLayer = Literal["relu", "conv"]


class ConditionOutput(NamedTuple):
    """What the condition generator says of N pairs at HxW."""

    flows: list[Tensor]
    """Coarsest first, Nxhxwx2 with (x, y) in pixels of the map itself; the last is half of HxW."""
    parse_logits: Tensor
    """Nx13xHxW; never negative when the last layer is a block, as it is in the published files."""
    warped_garment: Tensor
    """Nx3xHxW in -1..1."""
    warped_mask: Tensor
    """Nx1xHxW in 0..1."""


def upsample() -> nn.Module:
    return nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)


class ResBlock(nn.Module):
    """Resize, then a residual of two convolutions; the result is never negative."""

    def __init__(self, inputs: int, outputs: int, scale: Scale) -> None:
        super().__init__()
        self.scale: nn.Module
        if scale == "down":
            self.scale = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False)
        elif scale == "same":
            self.scale = nn.Conv2d(inputs, outputs, 1)
        else:
            self.scale = nn.Sequential(upsample(), nn.Conv2d(inputs, outputs, 1))
        self.block = nn.Sequential(
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, features: Tensor) -> Tensor:
        scaled = self.scale(features)
        return torch.relu(scaled + self.block(scaled))


def encoder(inputs: int, width: int) -> nn.ModuleList:
    """Five halvings; ends at 4 x `width` channels."""
    widths = [inputs, width, 2 * width, 4 * width, 4 * width, 4 * width]
    return nn.ModuleList(ResBlock(widths[level], widths[level + 1], "down") for level in range(5))


def encode(layers: nn.ModuleList, picture: Tensor) -> list[Tensor]:
    """The five feature maps, finest first."""
    maps = []
    for layer in layers:
        picture = layer(picture)
        maps.append(picture)
    return maps


class ConditionGenerator(nn.Module):
    """Two encoders, a flow pathway and a parse pathway that exchange features at every level.

    `warp_feature` and `out_layer` exist for files trained with the other options; the published one has the defaults.
    """

    def __init__(self, width: int = 96, *, warp_feature: WarpFeature = "T1", out_layer: OutLayer = "relu") -> None:
        super().__init__()
        full = 4 * width
        self.width = width
        self.warp_feature = warp_feature
        self.ClothEncoder = encoder(GARMENT_CHANNELS, width)
        self.PoseEncoder = encoder(PERSON_CHANNELS, width)
        self.conv = ResBlock(full, 2 * full, "same")
        warped = [full] * 4 if warp_feature == "T1" else [full, full, 2 * width, width]
        skipped = [full, full, 2 * width, width]
        decoded = [full, full, 2 * width, width, width]
        self.SegDecoder = nn.ModuleList([ResBlock(2 * full, decoded[0], "up")])
        for level in range(4):
            inputs = decoded[level] + skipped[level] + warped[level]
            self.SegDecoder.append(ResBlock(inputs, decoded[level + 1], "up"))
        last = width + PERSON_CHANNELS + GARMENT_CHANNELS
        self.out_layer: nn.Module = (
            ResBlock(last, PARSE_CHANNELS, "same")
            if out_layer == "relu"
            else nn.Sequential(ResBlock(last, width, "same"), nn.Conv2d(width, PARSE_CHANNELS, 1))
        )
        encoded = [width, 2 * width, full, full]
        self.conv1 = nn.ModuleList(nn.Conv2d(inputs, full, 1) for inputs in encoded)
        # Read by nothing in T1 mode and untrained: there because the published file has it.
        self.conv2 = nn.ModuleList(nn.Conv2d(inputs, full, 1) for inputs in encoded)
        self.flow_conv = nn.ModuleList(nn.Conv2d(2 * full, 2, 3, padding=1) for _ in range(5))
        self.bottleneck = nn.ModuleList(
            nn.Sequential(nn.Conv2d(inputs, full, 3, padding=1), nn.ReLU()) for inputs in decoded[:4]
        )

    def forward(self, garment: Tensor, person: Tensor) -> ConditionOutput:
        """`garment` Nx4xHxW: RGB in -1..1 and mask 0..1; `person` Nx16xHxW: 13 parse-agnostic channels and DensePose.

        Raises ValueError for other channels or sides that aren't multiples of 32, at least 64.
        """
        check_inputs(garment, person)
        garment_maps, person_maps = encode(self.ClothEncoder, garment), encode(self.PoseEncoder, person)
        garment_features, deepest = garment_maps[4], person_maps[4]
        flow = self._flow(0, garment_features, deepest)
        flows = [flow]
        features = self.SegDecoder[0](self.conv(deepest))
        for level in range(1, 5):
            finer = garment_maps[4 - level]
            garment_features = self._up(garment_features) + self.conv1[4 - level](finer)
            warped = warp(garment_features, flow)
            offset = self._flow(level, warped, self.bottleneck[level - 1](features))
            skipped = warped if self.warp_feature == "T1" else warp(finer, flow)
            flow = resize_flow(flow, (offset.shape[1], offset.shape[2])) + offset
            flows.append(flow)
            features = self.SegDecoder[level](torch.cat((features, person_maps[4 - level], skipped), 1))
        warped_input = warp(garment, flow)
        logits = self.out_layer(torch.cat((features, person, warped_input), 1))
        return ConditionOutput(flows, logits, warped_input[:, :3], warped_input[:, 3:])

    def _flow(self, level: int, one: Tensor, other: Tensor) -> Tensor:
        flow: Tensor = self.flow_conv[level](torch.cat((one, other), 1))
        return flow.permute(0, 2, 3, 1)

    @staticmethod
    def _up(maps: Tensor) -> Tensor:
        return nn.functional.interpolate(maps, scale_factor=2, mode="bilinear", align_corners=False)


def check_inputs(garment: Tensor, person: Tensor) -> None:
    """Raises ValueError unless the two are what `ConditionGenerator.forward` takes."""
    size = (garment.shape[2], garment.shape[3])
    wanted = [(len(garment), GARMENT_CHANNELS, *size), (len(garment), PERSON_CHANNELS, *size)]
    if [tuple(garment.shape), tuple(person.shape)] != wanted:
        raise ValueError(
            f"garment is {tuple(garment.shape)} and person {tuple(person.shape)}; "
            f"wanted N x {GARMENT_CHANNELS} and N x {PERSON_CHANNELS} of one size"
        )
    check_size("condition", size, 32, least=64)
