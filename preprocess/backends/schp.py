"""SCHP as a parser: one look at the picture fitted into a square; LIP, ATR, or LIP with ATR's neck.

The contract that must not break: `native` labels are those of the published extractor (preprocessing facts,
section 2.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from preprocess.backends.batches import Batch, by_size, per_channel, to_tensor
from preprocess.networks.schp import Schp
from preprocess.weights.checkpoints import load_weights
from vitonhd.arrays import Labels, Picture
from vitonhd.label_conversions import convert_labels
from vitonhd.labels import ATR, CIHP, LIP, LabelTable

_MEAN_BGR = (0.406, 0.456, 0.485)
_DEVIATION_BGR = (0.225, 0.224, 0.229)


@dataclass(frozen=True)
class Vocabulary:
    """What a checkpoint was trained on: its labels, and the side of its square input in pixels."""

    table: LabelTable
    side: int


ON_LIP = Vocabulary(LIP, 473)
ON_ATR = Vocabulary(ATR, 512)


def square_map(height: int, width: int, side: int) -> npt.NDArray[np.float64]:
    """2x3 from picture to square: the longer side fills it, centre on centre."""
    scale = (side - 1) / max(height - 1, width - 1, 1)
    middle = (side - 1) / 2
    return np.array([[scale, 0, middle - scale * (width - 1) / 2], [0, scale, middle - scale * (height - 1) / 2]])


class SchpParser:
    def __init__(self, network: Schp, vocabulary: Vocabulary, *, device: str = "cpu") -> None:
        self.device = torch.device(device)
        self.network = network.eval().to(self.device)
        self.vocabulary = vocabulary

    @classmethod
    def load(cls, path: Path, vocabulary: Vocabulary, *, device: str = "cpu") -> SchpParser:
        """From a published checkpoint; raises as `load_weights`."""
        network = Schp(len(vocabulary.table))
        load_weights(network, path)
        return cls(network, vocabulary, device=device)

    def parse(self, pictures: Sequence[Picture]) -> list[Labels]:
        return [convert_labels(labels, self.vocabulary.table, CIHP) for labels in self.native(pictures)]

    def native(self, pictures: Sequence[Picture]) -> list[Labels]:
        """Labels of the checkpoint's own table, HxW each."""
        return by_size(pictures, self._native)

    def _native(self, batch: Batch) -> list[Labels]:
        return [logits.argmax(-1).astype(np.uint8) for logits in self.logits(batch)]

    @torch.inference_mode()
    def logits(self, batch: Batch) -> list[npt.NDArray[np.float32]]:
        """float32 HxWxC each, in the picture's own pixels."""
        height, width = batch.shape[1:3]
        side = self.vocabulary.side
        there = square_map(height, width, side)
        x = to_tensor(_squares(batch, there, side)[..., ::-1], self.device) / 255
        x = (x - per_channel(_MEAN_BGR, x)) / per_channel(_DEVIATION_BGR, x)
        large = F.interpolate(self.network(x).fusion, (side, side), mode="bilinear", align_corners=True)
        return [_warped_back(one, there, height, width) for one in large.cpu().numpy()]


def _squares(batch: Batch, there: npt.NDArray[np.float64], side: int) -> Batch:
    warped = [cv2.warpAffine(one, there, (side, side), flags=cv2.INTER_LINEAR) for one in batch]
    return np.stack(warped).astype(np.uint8, copy=False)


def _warped_back(
    planes: npt.NDArray[np.float32], there: npt.NDArray[np.float64], height: int, width: int
) -> npt.NDArray[np.float32]:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.stack([cv2.warpAffine(plane, there, (width, height), flags=flags) for plane in planes], -1)


class SchpPair:
    """LIP's labels with the neck that LIP does not know: what ATR calls face and LIP does not.

    The rule is that of IDM-VTON and OOTDiffusion (preprocessing facts, section 2.2), here stored as `torso-skin`.
    """

    def __init__(self, lip: SchpParser, atr: SchpParser) -> None:
        self.lip = lip
        self.atr = atr

    def parse(self, pictures: Sequence[Picture]) -> list[Labels]:
        parsed = self.lip.parse(pictures)
        for labels, on_atr in zip(parsed, self.atr.native(pictures), strict=True):
            neck = (on_atr == ATR.id("face")) & (labels != CIHP.id("face"))
            labels[neck] = CIHP.id("torso-skin")
        return parsed
