"""The cloth U-Net as a segmenter of packshots.

The contract that must not break: ImageNet's mean and deviation, sides padded to multiples of 32 with black, garment
where the logit is above 0 (preprocessing facts, section 2.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from preprocess.backends.batches import Batch, by_size, per_channel, to_tensor
from preprocess.networks.cloth_unet import ClothUnet
from preprocess.weights.checkpoints import load_weights
from vitonhd.arrays import Mask, Picture

_MEAN = (0.485, 0.456, 0.406)
_DEVIATION = (0.229, 0.224, 0.225)
_MULTIPLE = 32


class UnetSegmenter:
    def __init__(self, network: ClothUnet, *, device: str = "cpu") -> None:
        self.device = torch.device(device)
        self.network = network.eval().to(self.device)

    @classmethod
    def load(cls, path: Path, *, device: str = "cpu") -> UnetSegmenter:
        """From the published `weights.zip` or the file in it; raises as `load_weights`."""
        network = ClothUnet()
        load_weights(network, path)
        return cls(network, device=device)

    def segment(self, pictures: Sequence[Picture]) -> list[Mask]:
        return by_size(pictures, lambda batch: list((self.logits(batch) > 0)[:, 0].cpu().numpy()))

    @torch.inference_mode()
    def logits(self, batch: Batch) -> Tensor:
        """float32 Nx1xHxW."""
        height, width = batch.shape[1:3]
        top, left = (-height % _MULTIPLE) // 2, (-width % _MULTIPLE) // 2
        around = ((0, 0), (top, -height % _MULTIPLE - top), (left, -width % _MULTIPLE - left), (0, 0))
        x = to_tensor(np.pad(batch, around), self.device) / 255
        logits: Tensor = self.network((x - per_channel(_MEAN, x)) / per_channel(_DEVIATION, x))
        return logits[..., top : top + height, left : left + width]
