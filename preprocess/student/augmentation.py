"""A batch as it might have been photographed: another view, backdrop, light, something in front, a worse file.

The contract that must not break: after any of it labels, cut-out and joints still say what the picture shows, and the
result is a function of batch, seed and step.
"""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from preprocess.student.backdrops import draw_backdrops, noise_textures
from preprocess.student.batches import Batch
from preprocess.student.draws import Draws
from preprocess.student.geometry import draw_view, look, plain_view
from preprocess.student.light import degrade, recolour, relight
from preprocess.student.network import DENSE_STRIDE

_NEW_BACKDROP = 0.6
_OCCLUDED = 0.25
_HIDDEN = 0.5
"""A joint's score behind something, as the studio scores what it hides itself."""


def augment(batch: Batch, draws: Draws, size: tuple[int, int], *, varied: bool = True) -> Batch:
    """The batch at `size` (height, width), its labels at half of it; all of it varied unless told not to."""
    old = (batch.pictures.shape[2], batch.pictures.shape[3])
    if not varied:
        return look(batch, plain_view(draws.count, old, size, draws.device), size)
    batch = look(batch, draw_view(draws, batch.worn, old, size), size)
    batch = replace(batch, pictures=recolour(draws, batch.pictures, batch.labels[:, 0]))
    batch = before_backdrop(batch, draws)
    batch = behind_something(batch, draws)
    return replace(batch, pictures=degrade(draws, relight(draws, batch.pictures)))


def before_backdrop(batch: Batch, draws: Draws) -> Batch:
    """A share of the people and garments before another backdrop, sometimes with a soft shadow on it."""
    height, width = batch.pictures.shape[2:]
    backdrop = draw_backdrops(draws, batch.worn, height, width)
    around = F.avg_pool2d(batch.cutout, 15, 1, 7)
    backdrop = backdrop * (1 - around * draws.uniform(-0.3, 0.5).clamp(min=0)[:, None, None, None])
    # The rim of a cut-out still has the old backdrop's colour in it.
    inner = (batch.cutout * 2 - 1).clamp(0, 1)
    replaced = torch.lerp(backdrop, batch.pictures, inner)
    chosen = draws.chance(_NEW_BACKDROP)[:, None, None, None]
    return replace(batch, pictures=torch.where(chosen, replaced, batch.pictures))


def behind_something(batch: Batch, draws: Draws) -> Batch:
    """A share of the pictures with a thing in front: what it covers is backdrop in every label, joints are hidden."""
    height, width = batch.pictures.shape[2:]
    shown = 1 - _things(draws, height, width) * draws.chance(_OCCLUDED)[:, None, None, None].float()
    pictures = torch.lerp(noise_textures(draws, height, width), batch.pictures, shown)
    dense = F.avg_pool2d(shown, DENSE_STRIDE) > 0.5
    covered = _at(shown, batch.joints) < 0.5
    score = torch.where(covered, batch.joints[..., 2] * _HIDDEN, batch.joints[..., 2])
    return replace(
        batch, pictures=pictures, cutout=batch.cutout * shown, labels=batch.labels * dense,
        joints=torch.cat([batch.joints[..., :2], score[..., None]], -1),
    )  # fmt: skip


def _things(draws: Draws, height: int, width: int) -> Tensor:
    """Nx1xHxW, 0 or 1: a turned ellipse or bar in each picture."""
    rows = torch.linspace(-1, 1, height, device=draws.device)[:, None] * (height / width)
    columns = torch.linspace(-1, 1, width, device=draws.device)
    x, y = (draws.uniform(-0.9, 0.9)[:, None, None] for _ in range(2))
    wide, high = (draws.uniform(0.08, 0.4)[:, None, None] for _ in range(2))
    angle, square = draws.uniform(0, 3.1416)[:, None, None], draws.chance(0.5)[:, None, None]
    across = (columns - x) * angle.cos() + (rows - y) * angle.sin()
    along = (rows - y) * angle.cos() - (columns - x) * angle.sin()
    across, along = (across / wide).abs(), (along / high).abs()
    inside = torch.where(square, torch.maximum(across, along), torch.hypot(across, along)) < 1
    return inside[:, None].float()


def _at(planes: Tensor, joints: Tensor) -> Tensor:
    """The value of Nx1xHxW at each joint's pixel, NxJ."""
    height, width = planes.shape[2:]
    x = joints[..., 0].round().long().clamp(0, width - 1)
    y = joints[..., 1].round().long().clamp(0, height - 1)
    return planes.flatten(1).gather(1, y * width + x)
