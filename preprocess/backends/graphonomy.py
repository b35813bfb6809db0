"""Graphonomy as a parser: six scales, each with its mirror image, logits summed.

The contract that must not break: with the published scales the labels are those of the published script
(preprocessing facts, section 2.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from preprocess.backends.batches import Batch, by_size, resized, to_tensor
from preprocess.networks.graphonomy import Graphonomy
from preprocess.weights.checkpoints import Fit, load_weights
from vitonhd.arrays import Labels, Picture
from vitonhd.labels import CIHP

PUBLISHED_SCALES = (1.0, 0.5, 0.75, 1.25, 1.5, 1.75)
ONE_SCALE = (1.0,)
_BARE = ("graph", "featuremap_2_graph")


def _renamed(key: str) -> str:
    """Older files name the source graph's layers without saying that they are the source's."""
    return f"source_{key}" if key.startswith(_BARE) else key


FIT = Fit(renamed=_renamed)


class GraphonomyParser:
    """`scales`: the published six, or `ONE_SCALE`, about nine times faster."""

    def __init__(
        self, network: Graphonomy, *, device: str = "cpu", scales: tuple[float, ...] = PUBLISHED_SCALES
    ) -> None:
        self.device = torch.device(device)
        self.network = network.eval().to(self.device)
        self.scales = scales

    @classmethod
    def load(cls, path: Path, *, device: str = "cpu", scales: tuple[float, ...] = PUBLISHED_SCALES) -> GraphonomyParser:
        """From the published `inference.pth`; raises as `load_weights`."""
        network = Graphonomy()
        load_weights(network, path, FIT)
        return cls(network, device=device, scales=scales)

    def parse(self, pictures: Sequence[Picture]) -> list[Labels]:
        return by_size(pictures, self._parse)

    def _parse(self, batch: Batch) -> list[Labels]:
        return list(self.logits(batch).argmax(1).to(torch.uint8).cpu().numpy())

    @torch.inference_mode()
    def logits(self, batch: Batch) -> Tensor:
        """float32 Nx20xHxW, summed over the scales."""
        height, width = batch.shape[1:3]
        total = torch.zeros((), device=self.device)
        for scale in self.scales:
            scaled = resized(batch, max(1, int(height * scale)), max(1, int(width * scale)))
            logits = self._both_ways(to_tensor(scaled[..., ::-1], self.device) / 127.5 - 1)
            total = total + F.interpolate(logits, (height, width), mode="bilinear", align_corners=True)
        return total

    def _both_ways(self, x: Tensor) -> Tensor:
        """The mean with the mirrored picture's logits, mirrored back, left and right exchanged."""
        mirrored = self.network(x.flip(-1)).flip(-1)[:, np.array(CIHP.mirror)]
        both: Tensor = (self.network(x) + mirrored) / 2
        return both
