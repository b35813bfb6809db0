"""Pages of pictures: what the student was shown, what is true, and what it says.

The contract that must not break: every row reads from left to right as picture, truth, student.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw

from preprocess.student.batches import Batch
from preprocess.student.examples import IGNORED
from preprocess.student.heat import joints_of
from preprocess.student.network import DENSE_STRIDE, Outputs
from vitonhd.arrays import Labels, Mask, Picture, Points
from vitonhd.densepose import DENSEPOSE
from vitonhd.keypoints import BODY_25
from vitonhd.labels import CIHP, LabelTable

_ROWS = 8
_NOBODY_KNOWS = (128, 128, 128)
_LEFT, _RIGHT, _MIDDLE = (0, 200, 255), (255, 120, 0), (255, 255, 255)


def painted(labels: Labels, table: LabelTable) -> Picture:
    """Labels in their table's colours, IGNORED grey."""
    known = np.where(labels == IGNORED, 0, labels).astype(np.uint8)
    picture = table.paint(known)
    picture[labels == IGNORED] = _NOBODY_KNOWS
    return picture


def with_joints(picture: Picture, joints: Points) -> Picture:
    """The picture with limbs drawn: the person's left blue, right orange; hidden joints are rings."""
    drawn = Image.fromarray(picture)
    draw = ImageDraw.Draw(drawn)
    size = max(1, picture.shape[0] // 100)
    for one, other in BODY_25.limbs:
        if joints[one, 2] > 0 and joints[other, 2] > 0:
            draw.line([*joints[one, :2], *joints[other, :2]], _side(other), max(1, size - 1))
    for index in np.flatnonzero(joints[:, 2] > 0).tolist():
        x, y = joints[index, :2]
        seen = joints[index, 2] > 0.75
        draw.ellipse((x - size, y - size, x + size, y + size), _side(index) if seen else None, _side(index))
    return np.array(drawn)


def _side(index: int) -> tuple[int, int, int]:
    name = BODY_25.joints[index]
    return _LEFT if name.startswith("left") else _RIGHT if name.startswith("right") else _MIDDLE


def mask_picture(mask: Mask) -> Picture:
    return np.repeat((mask.astype(np.uint8) * np.uint8(255))[..., None], 3, 2)


def sheet(rows: Sequence[Sequence[Picture]], captions: Sequence[str] = ()) -> Picture:
    """Pictures of one size as a page, each row under its caption."""
    lines = []
    for number, row in enumerate(rows):
        line = np.concatenate(list(row), 1)
        if captions:
            line = np.concatenate([_caption(captions[number], line.shape[1]), line])
        lines.append(line)
    return np.concatenate(lines)


def _caption(text: str, width: int) -> Picture:
    strip = Image.new("RGB", (width, 16), "white")
    ImageDraw.Draw(strip).text((4, 2), text, fill=(0, 0, 0))
    return np.array(strip)


def batch_sheet(batch: Batch, outputs: Outputs) -> Picture:
    """The first worn photos and the last packshots of a batch: picture with joints, parse, DensePose, cut-out, each
    true and said."""
    count = len(batch.worn)
    chosen = list(range(min(_ROWS - 2, count))) + list(range(max(_ROWS - 2, count - 2), count))
    said = joints_of(outputs.heat).cpu().double().numpy()
    true = batch.joints.cpu().double().numpy()
    pictures = (batch.pictures * 255).byte().permute(0, 2, 3, 1).cpu().numpy()
    cutout = F.avg_pool2d(batch.cutout, DENSE_STRIDE)[:, 0].cpu().numpy() > 0.5
    masks = torch.where(batch.worn[:, None, None, None], outputs.person, outputs.garment)[:, 0].cpu().numpy() > 0
    labels = batch.labels.byte().cpu().numpy()
    parse, densepose = (one.argmax(1).byte().cpu().numpy() for one in (outputs.parse, outputs.densepose))
    size = (pictures.shape[2], pictures.shape[1])
    rows = [
        [
            with_joints(pictures[one], true[one]),
            with_joints(pictures[one], said[one]),
            *(
                _grown(picture, size)
                for picture in (
                    painted(labels[one, 0], CIHP), painted(parse[one], CIHP), painted(labels[one, 1], DENSEPOSE),
                    painted(densepose[one], DENSEPOSE), mask_picture(cutout[one]), mask_picture(masks[one]),
                )
            ),
        ]
        for one in chosen
    ]  # fmt: skip
    return sheet(rows)


def _grown(picture: Picture, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    return np.array(Image.fromarray(picture).resize(size, Image.Resampling.NEAREST))
