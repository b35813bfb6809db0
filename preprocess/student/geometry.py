"""Where an example is looked at from: crop, zoom, turn, shift and mirror, for pictures, labels and joints alike.

The contract that must not break: a joint stays on the pixel it was on, and in a mirror left and right change places
in parse, DensePose and joints together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from preprocess.student.batches import Batch
from preprocess.student.draws import Draws
from preprocess.student.examples import IGNORED
from preprocess.student.network import DENSE_STRIDE
from vitonhd.densepose import DENSEPOSE
from vitonhd.keypoints import BODY_25
from vitonhd.labels import CIHP, LabelTable

_HALF_SHARE = 0.35
"""Of worn photos: only the upper or the lower half of the person is in the picture, as in shops' photos of tops."""
_CLOSE_SHARE = 0.4
"""Of packshots: a detail of the garment fills the picture. Without them a neckline looked like somebody's chest."""


@dataclass(frozen=True)
class View:
    """From pixels of N new pictures to pixels of the old ones: `old = matrix @ new + offset`."""

    matrix: Tensor
    """Nx2x2."""
    offset: Tensor
    """Nx2, in pixels."""
    mirrored: Tensor
    """bool N: sides change places; the matrix mirrors too."""


def draw_view(draws: Draws, worn: Tensor, old: tuple[int, int], new: tuple[int, int]) -> View:
    """A random view for each example; `old` and `new` are height and width."""
    angle = draws.normal(math.radians(9)).clamp(-0.6, 0.6)
    zoom = draws.factor(1.3)
    aspect = draws.factor(1.1)
    shift = draws.uniform(-0.1, 0.1, 2)
    half, upper = draws.chance(_HALF_SHARE) & worn, draws.chance(0.6)
    zoom = torch.where(half, draws.uniform(1.3, 2.1), zoom)
    down = torch.where(upper, draws.uniform(-0.28, -0.12), draws.uniform(0.1, 0.25)) * half
    close = draws.chance(_CLOSE_SHARE) & ~worn
    zoom = torch.where(close, draws.uniform(1.5, 3.5), zoom)
    aside = draws.uniform(-0.25, 0.25, 2) * close[:, None]
    mirrored = draws.chance(0.5)
    cosine, sine = angle.cos(), angle.sin()
    turn = torch.stack([cosine, -sine, sine, cosine], -1).view(-1, 2, 2)
    sign = torch.where(mirrored, -1.0, 1.0)
    fit = old[1] / new[1], old[0] / new[0]
    stretch = torch.stack([sign * fit[0] / (zoom * aspect), fit[1] * aspect / zoom], -1)
    matrix = turn * stretch[:, None, :]
    middle = matrix.new_tensor([old[1], old[0]])
    target = (
        middle * (shift / zoom[:, None] + torch.stack([torch.zeros_like(down), down], -1) + aside) + (middle - 1) / 2
    )
    return _about(matrix, target, new, mirrored)


def plain_view(count: int, old: tuple[int, int], new: tuple[int, int], device: torch.device) -> View:
    """The whole picture as it is, at another size, for each of `count` examples."""
    fit = torch.tensor([old[1] / new[1], old[0] / new[0]], device=device).expand(count, 2)
    middle = torch.tensor([(old[1] - 1) / 2, (old[0] - 1) / 2], device=device).expand(count, 2)
    return _about(torch.diag_embed(fit), middle, new, torch.zeros(count, dtype=torch.bool, device=device))


def mirror_view(mirrored: Tensor, size: tuple[int, int]) -> View:
    """The same picture, mirrored left to right where `mirrored` says so."""
    sign = torch.where(mirrored, -1.0, 1.0)
    one = torch.ones_like(sign)
    middle = sign.new_tensor([(size[1] - 1) / 2, (size[0] - 1) / 2]).expand(len(sign), 2)
    return _about(torch.diag_embed(torch.stack([sign, one], -1)), middle, size, mirrored)


def _about(matrix: Tensor, target: Tensor, new: tuple[int, int], mirrored: Tensor) -> View:
    """The view with that matrix in which the new picture's middle shows `target` (Nx2, old pixels)."""
    middle = matrix.new_tensor([(new[1] - 1) / 2, (new[0] - 1) / 2])
    return View(matrix, target - (matrix @ middle), mirrored)


def look(batch: Batch, view: View, new: tuple[int, int]) -> Batch:
    """The batch in another view: pictures and cut-outs at `new` (height, width), labels at half of it.

    Beyond the old picture's edge the picture's border goes on, and nobody is there.
    """
    old = (batch.pictures.shape[2], batch.pictures.shape[3])
    full = _grid(view, new, 1, old)
    pictures = F.grid_sample(batch.pictures, full, "bilinear", "border", align_corners=False)
    cutout = F.grid_sample(batch.cutout, full, "bilinear", "zeros", align_corners=False)
    dense = (new[0] // DENSE_STRIDE, new[1] // DENSE_STRIDE)
    grid = _grid(view, dense, DENSE_STRIDE, old)
    labels = F.grid_sample(batch.labels, grid, "nearest", "zeros", align_corners=False)
    joints = _moved(batch.joints, view, new)
    return replace(
        batch, pictures=pictures, cutout=cutout,
        labels=torch.where(view.mirrored[:, None, None, None], mirrored_labels(labels), labels),
        joints=torch.where(view.mirrored[:, None, None], joints[:, list(BODY_25.mirror)], joints),
    )  # fmt: skip


def mirrored_labels(labels: Tensor) -> Tensor:
    """Labels Nx4xhxw (parse, DensePose, U, V) with sides changed; their places are not.

    The studio's U runs from one side of a part's box to the other, so in the mirror it runs back.
    """
    parse, densepose, u, v = labels.unbind(1)
    there = (densepose > 0) & (densepose != IGNORED)
    return torch.stack(
        [_swapped(parse, CIHP), _swapped(densepose, DENSEPOSE), torch.where(there, 255 - u, u), v], 1
    )  # fmt: skip


def _swapped(ids: Tensor, table: LabelTable) -> Tensor:
    lookup = torch.arange(IGNORED + 1, device=ids.device, dtype=ids.dtype)
    lookup[: len(table)] = torch.tensor(table.mirror, device=ids.device, dtype=ids.dtype)
    return lookup[ids.long()]


def _moved(joints: Tensor, view: View, new: tuple[int, int]) -> Tensor:
    """Joints in new pixels; outside the new picture they are missing."""
    places = (joints[..., :2] - view.offset[:, None]) @ torch.linalg.inv(view.matrix).mT
    limit = places.new_tensor([new[1] - 1, new[0] - 1])
    there = (joints[..., 2] > 0) & ((places >= 0) & (places <= limit)).all(-1)
    moved: Tensor = torch.cat([places, joints[..., 2:]], -1) * there[..., None]
    return moved


def _grid(view: View, size: tuple[int, int], stride: int, old: tuple[int, int]) -> Tensor:
    """Nxhxwx2 for `grid_sample`: for each cell of `stride` new pixels, the old place of its middle."""
    rows, columns = (
        (torch.arange(count, device=view.matrix.device, dtype=view.matrix.dtype) + 0.5) * stride - 0.5 for count in size
    )
    cells = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), -1).view(1, -1, 2)
    places = cells @ view.matrix.mT + view.offset[:, None]
    span = places.new_tensor([old[1], old[0]])
    return (2 * (places + 0.5) / span - 1).view(-1, *size, 2)
