"""The student at work: pictures of any size in, everything that it sees in them out, one pass for all of it.

The contract that must not break: results are pixel for pixel the size of their picture; labels are those of the
network's logits, bilinearly enlarged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from preprocess.backends.batches import check
from preprocess.backends.interfaces import DensePose
from preprocess.errors import PreprocessError
from preprocess.student.enlarging import Frame, enlarged_labels, enlarged_values
from preprocess.student.heat import LOWEST_SCORE, joints_of
from preprocess.student.network import Outputs, StudentNetwork, to_input, with_norms_folded
from preprocess.student.weights import BUNDLED, load_student
from vitonhd.arrays import Labels, Mask, Picture
from vitonhd.openpose_json import Person

BATCH = 8
_NOBODY = 0.005
"""Share of the picture below which its person mask is nobody."""


@dataclass(frozen=True)
class Sight:
    """What the student sees in one picture, HxW its size."""

    parse: Labels
    """CIHP-20 ids."""
    densepose: DensePose | None
    """None where nobody is; UV are the studio's charts, not DensePose's atlas."""
    person: Person | None
    """BODY_25; None where no joint is sure enough."""
    person_mask: Mask
    garment_mask: Mask
    """The garment of a packshot; means nothing on a worn photo."""


def device_named(name: str) -> torch.device:
    """`cpu`, `cuda`, `cuda:1` ... Raises PreprocessError for a device that this machine has not."""
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise PreprocessError(f"device {name!r} can't be used here ({reason}); --device cpu always can") from None
    return device


class Student:
    def __init__(self, network: StudentNetwork, *, device: str = "cpu", made: dict[str, Any] | None = None) -> None:
        self.device = device_named(device)
        self.network = with_norms_folded(network.eval()).to(self.device)
        self.network = self.network.to(memory_format=torch.channels_last)
        self.made = made or {}

    @classmethod
    def load(cls, path: Path = BUNDLED, *, device: str = "cpu") -> Student:
        """From a student's weights file; raises WeightsMissing, WeightsDamaged."""
        network, made = load_student(path)
        return cls(network, device=device, made=made)

    def look(self, pictures: Sequence[Picture]) -> list[Sight]:
        """Everything in each picture. Raises FormatError `wrong-shape` for what is no uint8 HxWx3."""
        for picture in pictures:
            check(picture)
        sights: list[Sight] = []
        for first in range(0, len(pictures), BATCH):
            some = pictures[first : first + BATCH]
            frames = [Frame.of(picture, self.network.shape.size) for picture in some]
            outputs = self.outputs(np.stack([_fitted(*pair) for pair in zip(some, frames, strict=True)]))
            sights.extend(_sight(_one(outputs, place), frame) for place, frame in enumerate(frames))
        return sights

    @torch.inference_mode()
    def outputs(self, batch: npt.NDArray[np.uint8]) -> Outputs:
        """The network's answer to uint8 NxHxWx3 of its own input size."""
        x = torch.from_numpy(batch).to(self.device).permute(0, 3, 1, 2).float() / 255
        outputs: Outputs = self.network(to_input(x).contiguous(memory_format=torch.channels_last))
        return outputs


def _one(outputs: Outputs, place: int) -> Outputs:
    return Outputs(*(one[place : place + 1] for one in outputs))


def _fitted(picture: Picture, frame: Frame) -> Picture:
    """The picture at the network's size; what the other aspect leaves free goes on with the picture's border."""
    (top, left), (height, width) = frame.corner, frame.inner
    smaller = height < picture.shape[0]
    inner = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    bottom, right = frame.outer[0] - top - height, frame.outer[1] - left - width
    return np.asarray(cv2.copyMakeBorder(inner, top, bottom, left, right, cv2.BORDER_REPLICATE), np.uint8)


def _sight(outputs: Outputs, frame: Frame) -> Sight:
    """One picture's answer (N is 1) in the picture's own pixels."""
    person_mask = enlarged_values(outputs.person, frame)[0] > 0
    return Sight(
        enlarged_labels(outputs.parse, frame),
        _densepose(outputs, frame) if person_mask.mean() >= _NOBODY else None,
        _person(outputs.heat, frame),
        person_mask,
        enlarged_values(outputs.garment, frame)[0] > 0,
    )


def _densepose(outputs: Outputs, frame: Frame) -> DensePose | None:
    labels = enlarged_labels(outputs.densepose, frame)
    rows, columns = np.flatnonzero((labels > 0).any(1)), np.flatnonzero((labels > 0).any(0))
    if not len(rows):
        return None
    uv = enlarged_values(outputs.uv, frame) * (labels > 0)
    body = outputs.densepose.softmax(1)[:, 1:].sum(1)
    score = float((body * (body > 0.5)).sum() / (body > 0.5).sum().clamp(min=1))
    box = (float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))
    return DensePose(labels, uv.astype(np.float32), box, score, 1)


def _person(heat: Tensor, frame: Frame) -> Person | None:
    joints = joints_of(heat, lowest_score=LOWEST_SCORE)[0].cpu().double().numpy()
    joints[:, :2] = frame.to_picture(joints[:, :2])
    height, width = frame.picture
    inside = ((joints[:, :2] >= 0) & (joints[:, :2] <= (width - 1, height - 1))).all(1)
    joints[~inside | (joints[:, 2] <= 0)] = 0
    return Person.of(joints) if joints[:, 2].any() else None
