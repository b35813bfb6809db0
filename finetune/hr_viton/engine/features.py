"""The condition generator in two halves: what is known of a garment, and of a person, before they meet.

The contract that must not break: joining the halves equals `ConditionGenerator` in evaluation up to rounding. It is
algebra: a 1x1 convolution commutes with upsampling and with warping (their weights sum to one), a 3x3 convolution is
nine 1x1 ones shifted, and a convolution of joined maps is the sum of its parts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from finetune.hr_viton.condition_generator import GARMENT_CHANNELS, PERSON_CHANNELS, ConditionGenerator, ResBlock
from finetune.hr_viton.engine.folding import Convolution, Residual, plain
from finetune.hr_viton.warping import resize, sample, sampling_grid

FLOW_TAPS = 18
"""Nine shifts of a flow of two numbers."""


@dataclass(frozen=True)
class GarmentMaps:
    """What the condition generator needs to know of N garments."""

    picture: Tensor
    """Nx4xhxw: the network's own input."""
    flow: Tensor
    """Nx2 at the coarsest level: the garment's half of the first flow."""
    levels: list[Tensor]
    """For each later level what is warped there: 18 channels of flow taps, then the parse decoder's share."""

    def part(self, which: slice | Tensor) -> GarmentMaps:
        return GarmentMaps(self.picture[which], self.flow[which], [maps[which] for maps in self.levels])

    @staticmethod
    def cat(parts: list[GarmentMaps]) -> GarmentMaps:
        levels = [torch.cat(maps) for maps in zip(*(part.levels for part in parts), strict=True)]
        picture, flow = (torch.cat([getattr(part, name) for part in parts]) for name in ("picture", "flow"))
        return GarmentMaps(picture, flow, levels)


@dataclass(frozen=True)
class PersonMaps:
    """What it needs to know of one person; maps are 1x..."""

    flow: Tensor
    """The person's half of the first flow."""
    offset: Tensor
    """And of the second."""
    levels: list[Tensor]
    """For each later level the parse decoder's share, before upsampling."""
    out: Tensor
    """And the last layer's, at full condition size."""


class JoinedMaps(NamedTuple):
    flow: Tensor
    """Nxhxwx2: the last flow, at half the condition size."""
    logits: Tensor
    warped: Tensor
    """Nx4xHxW: garment and mask at condition size."""


class ConditionEngine:
    """`ConditionGenerator` in evaluation, float32: it decides labels, where low precision would show."""

    def __init__(self, network: ConditionGenerator, device: torch.device) -> None:
        full = 4 * network.width
        self._width = network.width
        self._garment_encoder = _Encoder(network.ClothEncoder, device)
        self._person_encoder = _Encoder(network.PoseEncoder, device)
        self._deepest = _Block(network.conv, device)
        self._first = _Block(network.SegDecoder[0], device)
        flow = plain(network.flow_conv[0])
        self._garment_flow = _moved(flow.inputs(0, full, bias=False), device)
        self._person_flow = _moved(flow.inputs(full, 2 * full, bias=True), device)
        self._levels = [_Level(network, level, device) for level in range(1, 5)]
        self._last = _LastLayer(network, device)

    def encode_garments(self, picture: Tensor) -> GarmentMaps:
        """Nx4xhxw as `ConditionGenerator.forward` takes it."""
        encoded = self._garment_encoder(picture)
        maps, shares = encoded[4], []
        for level, finer in zip(self._levels, encoded[3::-1], strict=True):
            maps = _doubled(maps) + level.lateral(finer)
            shares.append(level.garment_share(maps, finer))
        return GarmentMaps(picture, self._garment_flow(encoded[4]), shares)

    def encode_person(self, picture: Tensor) -> PersonMaps:
        """1x16xhxw as `ConditionGenerator.forward` takes it."""
        encoded = self._person_encoder(picture)
        features = self._first.after_scale(_doubled(self._first.scale(self._deepest(encoded[4]))))
        shares = [level.person_share(finer) for level, finer in zip(self._levels, encoded[3::-1], strict=True)]
        shares[0] = shares[0] + self._levels[0].features_share(features)
        offset = self._levels[0].offset(features)
        return PersonMaps(self._person_flow(encoded[4]), offset, shares, self._last.person_share(picture))

    def bytes_of_garment(self, garments: GarmentMaps) -> int:
        """Of what `join` holds at once for each: at the finest level the scaled maps, two results and the warped."""
        height, width = garments.picture.shape[2:]
        return 4 * self._width * height * width * garments.picture.itemsize

    def join(self, garments: GarmentMaps, person: PersonMaps) -> JoinedMaps:
        """Each garment on the person."""
        flow, features = garments.flow + person.flow, None
        for level, garment_share, person_share in zip(self._levels, garments.levels, person.levels, strict=True):
            size = (garment_share.shape[2], garment_share.shape[3])
            warped = sample(garment_share, sampling_grid(flow.permute(0, 2, 3, 1), size))
            offset = person.offset if features is None else level.offset(features)
            flow = resize(flow, size) + level.shifted(warped[:, :FLOW_TAPS]) + offset
            scaled = warped[:, FLOW_TAPS:] + person_share
            if features is not None:
                scaled += level.features_share(features)
            features = level.residual(_doubled(scaled))
        assert features is not None
        last_flow, picture = flow.permute(0, 2, 3, 1), garments.picture
        warped = sample(picture, sampling_grid(last_flow, (picture.shape[2], picture.shape[3])))
        return JoinedMaps(last_flow, self._last(features, person.out, warped), warped)


class _Encoder:
    def __init__(self, layers: nn.ModuleList, device: torch.device) -> None:
        self._layers = [_Block(layer, device) for layer in layers]

    def __call__(self, picture: Tensor) -> list[Tensor]:
        """Five maps, finest first."""
        maps = []
        for layer in self._layers:
            picture = layer.after_scale(layer.scale(picture, 2))
            maps.append(picture)
        return maps


class _Block:
    """A block with its resizing left to the caller."""

    def __init__(self, block: nn.Module, device: torch.device) -> None:
        assert isinstance(block, ResBlock)
        self.scale = _moved(_scale_of(block), device)
        self.after_scale = Residual.of(block).to(device, torch.float32)

    def __call__(self, maps: Tensor) -> Tensor:
        return self.after_scale(self.scale(maps))


class _Level:
    """One level of the flow and parse pathways, its convolutions cut by where their input comes from."""

    def __init__(self, network: ConditionGenerator, level: int, device: torch.device) -> None:
        full = 4 * network.width
        decoder, bottleneck = network.SegDecoder[level], network.bottleneck[level - 1]
        assert isinstance(decoder, ResBlock) and isinstance(bottleneck, nn.Sequential)
        scale, flow = _scale_of(decoder), plain(network.flow_conv[level])
        encoded = network.PoseEncoder[4 - level]
        assert isinstance(encoded, ResBlock)
        features = plain(bottleneck[0]).weight.shape[1]
        person = features + len(plain(encoded.scale).weight)
        self.residual = Residual.of(decoder).to(device, torch.float32)
        self.lateral = _moved(plain(network.conv1[4 - level]), device)
        self.features_share = _moved(scale.inputs(0, features, bias=False), device)
        self.person_share = _moved(scale.inputs(features, person, bias=True), device)
        self._bottleneck = _moved(plain(bottleneck[0]), device)
        self._offset = _moved(flow.inputs(full, 2 * full, bias=True), device)
        self._taps = _moved(_taps(flow.inputs(0, full, bias=False)), device)
        self._decoded = _moved(scale.inputs(person, scale.weight.shape[1], bias=False), device)
        self._decodes_summed_maps = network.warp_feature == "T1"
        self._shift = _moved(_shift(), device)

    def garment_share(self, summed: Tensor, finer: Tensor) -> Tensor:
        """All that this level reads of the warped maps, before warping."""
        decoded = self._decoded(summed if self._decodes_summed_maps else finer)
        return torch.cat((self._taps(summed), decoded), 1)

    def shifted(self, taps: Tensor) -> Tensor:
        """Nx18 flow taps to the Nx2 result of their 3x3 convolution."""
        return self._shift(taps)

    def offset(self, features: Tensor) -> Tensor:
        """The parse pathway's half of the flow."""
        return self._offset(self._bottleneck(features).relu_())


class _LastLayer:
    def __init__(self, network: ConditionGenerator, device: torch.device) -> None:
        last = network.out_layer
        layer = last[0] if isinstance(last, nn.Sequential) else last
        self._after = _moved(plain(last[1]), device) if isinstance(last, nn.Sequential) else None
        assert isinstance(layer, ResBlock)
        scale, width = _scale_of(layer), network.width
        person = width + PERSON_CHANNELS
        self._features_share = _moved(scale.inputs(0, width, bias=False), device)
        self.person_share = _moved(scale.inputs(width, person, bias=True), device)
        self._garment_share = _moved(scale.inputs(person, person + GARMENT_CHANNELS, bias=False), device)
        self._residual = Residual.of(layer).to(device, torch.float32)

    def __call__(self, features: Tensor, person_share: Tensor, warped: Tensor) -> Tensor:
        maps = self._residual(self._features_share(features) + person_share + self._garment_share(warped))
        return maps if self._after is None else self._after(maps)


def _moved(convolution: Convolution, device: torch.device) -> Convolution:
    return convolution.to(device, torch.float32)


def _scale_of(block: ResBlock) -> Convolution:
    """A block's resizing convolution; upsampling, where there is some, comes first in the block and may come last."""
    return plain(block.scale.get_submodule("1") if isinstance(block.scale, nn.Sequential) else block.scale)


def _taps(flow: Convolution) -> Convolution:
    """A 3x3 convolution to two numbers as a 1x1 one to 18."""
    inputs = flow.weight.shape[1]
    return Convolution(flow.weight.permute(0, 2, 3, 1).reshape(FLOW_TAPS, inputs, 1, 1), None)


def _shift() -> Convolution:
    """The 3x3 convolution that puts the 18 together again."""
    taps = torch.eye(9).view(1, 9, 3, 3)
    none = torch.zeros_like(taps)
    return Convolution(torch.cat((torch.cat((taps, none), 1), torch.cat((none, taps), 1))), None)


def _doubled(maps: Tensor) -> Tensor:
    return functional.interpolate(maps, scale_factor=2, mode="bilinear", align_corners=False)
