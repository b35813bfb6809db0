"""The whole network: people first, charts for the people that are asked for.

The contract that must not break: `detect` gives what detectron2's detector gives, and `charts` what its DensePose
head gives for any of those boxes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from preprocess.networks.densepose.charts import ChartHead, ChartPredictor, Charts, Decoder, pool_for_charts
from preprocess.networks.densepose.detection import (
    BoxHead,
    BoxPredictor,
    People,
    ProposalGenerator,
    people_of,
    score_boxes,
)
from preprocess.networks.densepose.pyramid import FeaturePyramid


class Heads(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.box_head = BoxHead()
        self.box_predictor = BoxPredictor()
        self.decoder = Decoder()
        self.densepose_head = ChartHead()
        self.densepose_predictor = ChartPredictor()


@dataclass(frozen=True)
class Detected:
    """A batch's people, and the features that their charts are made from."""

    people: list[People]
    levels: list[Tensor]
    """p2..p5."""


class DensePoseRcnn(nn.Module):
    """Nx3xHxW BGR minus the means, padded to multiples of 32, to people and their charts."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = FeaturePyramid()
        self.proposal_generator = ProposalGenerator()
        self.roi_heads = Heads()

    def detect(self, x: Tensor, sizes: list[tuple[int, int]]) -> Detected:
        """People of each picture; `sizes` are heights and widths before padding."""
        pyramid = self.backbone(x)
        levels = pyramid[:4]
        proposals = self.proposal_generator(pyramid, sizes)
        logits, deltas = score_boxes(levels, proposals, self.roi_heads.box_head, self.roi_heads.box_predictor)
        counts = [len(one.boxes) for one in proposals]
        people = [
            people_of(*one)
            for one in zip(proposals, torch.split(logits, counts), torch.split(deltas, counts), sizes, strict=True)
        ]
        return Detected(people, levels)

    def charts(self, levels: list[Tensor], boxes: list[Tensor]) -> Charts:
        """Charts of Kx4 boxes per picture, concatenated over pictures; no box at all gives empty charts."""
        pooled = pool_for_charts(self.roi_heads.decoder(levels), boxes)
        charts: Charts = self.roi_heads.densepose_predictor(self.roi_heads.densepose_head(pooled))
        return charts
