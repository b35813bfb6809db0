"""What the student is corrected for, and how strongly.

The contract that must not break: what nobody knows (IGNORED labels, UV without truth, the parse of a packshot's
garment, the garment mask of a worn photo) costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from preprocess.student.batches import Batch
from preprocess.student.examples import IGNORED
from preprocess.student.heat import heat_of
from preprocess.student.network import DENSE_STRIDE, Outputs


@dataclass(frozen=True)
class LossWeights:
    """How much each part counts; chosen so that after the first steps none is below a tenth of the largest."""

    parse: float = 1.0
    """Cross-entropy over CIHP's 20 labels."""
    parse_overlap: float = 0.5
    """Dice of the labels that the batch shows: small labels count as much as large ones."""
    densepose: float = 1.0
    """Cross-entropy over the 25 parts."""
    densepose_overlap: float = 0.5
    uv: float = 4.0
    """Smooth L1 of U and V (0..1, bend at 0.05) where there is a part."""
    heat: float = 40.0
    """Squared error of the heatmaps, cells on a bump counting up to 21 times."""
    person: float = 0.5
    garment: float = 1.0
    """Cross-entropy and Dice of the two masks."""


_UV_BEND = 0.05
_ON_BUMP = 20.0


def losses_of(outputs: Outputs, batch: Batch) -> dict[str, Tensor]:
    """Each part's loss, unweighted, under its name in LossWeights. Targets are the batch's, outputs the network's."""
    parse, densepose = batch.labels[:, 0].long(), batch.labels[:, 1].long()
    part = (densepose > 0) & (densepose != IGNORED) & batch.uv_known[:, None, None]
    cutout = F.avg_pool2d(batch.cutout, DENSE_STRIDE)
    nothing = torch.zeros_like(cutout)
    person = torch.where(batch.worn[:, None, None, None], cutout, nothing)
    shots = ~batch.worn
    return {
        "parse": _cross_entropy(outputs.parse, parse),
        "parse_overlap": _label_dice(outputs.parse, parse),
        "densepose": _cross_entropy(outputs.densepose, densepose),
        "densepose_overlap": _label_dice(outputs.densepose, densepose),
        "uv": _uv_error(outputs.uv, batch.labels[:, 2:] / 255, part),
        "heat": _heat_error(outputs.heat, batch.joints),
        "person": _mask_loss(outputs.person, person),
        "garment": _mask_loss(outputs.garment[shots], cutout[shots]),
    }


def weighted(losses: dict[str, Tensor], weights: LossWeights) -> Tensor:
    return torch.stack([value * getattr(weights, name) for name, value in losses.items()]).sum()


def _cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean over the pixels whose label is known; 0 where none is."""
    total = F.cross_entropy(logits.float(), labels, ignore_index=IGNORED, reduction="sum")
    return total / (labels != IGNORED).sum().clamp(min=1)


def _label_dice(logits: Tensor, labels: Tensor) -> Tensor:
    """1 - Dice, mean over the labels that occur in the batch."""
    known = labels != IGNORED
    chances = logits.float().softmax(1) * known[:, None]
    truth = (labels * known).flatten()
    right = (chances.gather(1, (labels * known)[:, None])[:, 0]).flatten()
    both = torch.zeros_like(chances[0, :, 0, 0]).index_add(0, truth, right)
    there = torch.zeros_like(both).index_add(0, truth, known.flatten().to(both.dtype))
    dice = 1 - (2 * both + 1) / (chances.sum((0, 2, 3)) + there + 1)
    return (dice * (there > 0)).sum() / (there > 0).sum().clamp(min=1)


def _uv_error(uv: Tensor, truth: Tensor, part: Tensor) -> Tensor:
    error = F.smooth_l1_loss(uv.float(), truth, beta=_UV_BEND, reduction="none").sum(1)
    return (error * part).sum() / part.sum().clamp(min=1)


def _heat_error(heat: Tensor, joints: Tensor) -> Tensor:
    truth = heat_of(joints, *heat.shape[2:])
    return ((heat.float() - truth) ** 2 * (1 + _ON_BUMP * truth)).mean()


def _mask_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Cross-entropy plus 1 - Dice; 0 for a batch of none."""
    if not len(logits):
        return logits.sum().float()
    logits = logits.float()
    chances = logits.sigmoid()
    dice = 1 - (2 * (chances * truth).sum() + 1) / ((chances + truth).sum() + 1)
    return F.binary_cross_entropy_with_logits(logits, truth) + dice
