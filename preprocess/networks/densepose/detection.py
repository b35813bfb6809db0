"""People: region proposals and the box head that scores and sharpens them.

The contract that must not break: thresholds and counts are the published configuration's, class 0 is the person, and
results are sorted by score.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from preprocess.networks.densepose.boxes import (
    ANCHOR_SIZES,
    RATIOS,
    STRIDES,
    anchors,
    clip,
    decode,
    not_empty,
    pool,
    suppressed,
)
from preprocess.networks.densepose.pyramid import WIDTH

_PROPOSALS = 1000  # per level before suppression, and per picture after it
_PROPOSAL_OVERLAP = 0.7
_LOWEST_SCORE = 0.05
_OVERLAP = 0.5
_MOST_PEOPLE = 100
_CELLS = 7


class ProposalHead(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(WIDTH, WIDTH, 3, padding=1)
        self.objectness_logits = nn.Conv2d(WIDTH, len(RATIOS), 1)
        self.anchor_deltas = nn.Conv2d(WIDTH, 4 * len(RATIOS), 1)

    def forward(self, feature: Tensor) -> tuple[Tensor, Tensor]:
        hidden = F.relu_(self.conv(feature))
        return self.objectness_logits(hidden), self.anchor_deltas(hidden)


@dataclass(frozen=True)
class Proposals:
    """One picture's proposals: boxes Kx4 and logits K, best first."""

    boxes: Tensor
    logits: Tensor


class ProposalGenerator(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rpn_head = ProposalHead()

    def forward(self, levels: list[Tensor], sizes: list[tuple[int, int]]) -> list[Proposals]:
        """p2..p6 and each picture's height and width before padding to proposals per picture."""
        found = [self._of_level(number, level) for number, level in enumerate(levels)]
        pictures = []
        for picture, (height, width) in enumerate(sizes):
            boxes = torch.cat([level_boxes[picture] for level_boxes, _ in found])
            logits = torch.cat([level_logits[picture] for _, level_logits in found])
            numbers = torch.cat([logits.new_full((part.shape[1],), n) for n, (_, part) in enumerate(found)])
            boxes = clip(boxes, height, width)
            there = not_empty(boxes)
            boxes, logits, numbers = boxes[there], logits[there], numbers[there]
            kept = suppressed(boxes, logits, _PROPOSAL_OVERLAP, numbers)[:_PROPOSALS]
            pictures.append(Proposals(boxes[kept], logits[kept]))
        return pictures

    def _of_level(self, number: int, level: Tensor) -> tuple[Tensor, Tensor]:
        """The best anchors of a level, moved: boxes NxKx4 and logits NxK."""
        logits, deltas = self.rpn_head(level)
        count, _, height, width = level.shape
        flat = logits.permute(0, 2, 3, 1).flatten(1)
        best, index = flat.topk(min(_PROPOSALS, flat.shape[1]), dim=1)
        moved = deltas.unflatten(1, (len(RATIOS), 4)).permute(0, 3, 4, 1, 2).reshape(count, -1, 4)
        places = anchors(height, width, ANCHOR_SIZES[number], STRIDES[number], level.device)
        chosen = moved.gather(1, index[..., None].expand(-1, -1, 4))
        boxes = decode(chosen.reshape(-1, 4), places[index].reshape(-1, 4), (1, 1, 1, 1))
        return boxes.view(count, -1, 4), best


class BoxHead(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(WIDTH * _CELLS**2, 1024)
        self.fc2 = nn.Linear(1024, 1024)

    def forward(self, pooled: Tensor) -> Tensor:
        return F.relu_(self.fc2(F.relu_(self.fc1(pooled.flatten(1)))))


class BoxPredictor(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cls_score = nn.Linear(1024, 2)
        self.bbox_pred = nn.Linear(1024, 4)

    def forward(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        return self.cls_score(hidden), self.bbox_pred(hidden)


@dataclass(frozen=True)
class People:
    """One picture's detections: boxes Kx4 in pixels of the resized picture and scores K in 0..1, best first."""

    boxes: Tensor
    scores: Tensor

    def __len__(self) -> int:
        return len(self.scores)


def score_boxes(
    levels: list[Tensor], proposals: list[Proposals], head: BoxHead, predictor: BoxPredictor
) -> tuple[Tensor, Tensor]:
    """Logits Kx2 (person, background) and deltas Kx4 of all pictures' proposals, from p2..p5."""
    logits, deltas = predictor(head(pool(levels, [one.boxes for one in proposals], _CELLS)))
    return logits, deltas


def people_of(proposals: Proposals, logits: Tensor, deltas: Tensor, size: tuple[int, int]) -> People:
    """One picture's people from its proposals' logits and deltas; `size` is its height and width."""
    scores = logits.softmax(1)[:, 0]
    boxes = clip(decode(deltas, proposals.boxes, (10, 10, 5, 5)), *size)
    likely = scores > _LOWEST_SCORE
    boxes, scores = boxes[likely], scores[likely]
    kept = suppressed(boxes, scores, _OVERLAP)[:_MOST_PEOPLE]
    return People(boxes[kept], scores[kept])
