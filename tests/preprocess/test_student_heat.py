"""Joints survive their heatmaps, enlarged labels are those of the enlarged logits."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from preprocess.student.enlarging import Frame, enlarged_labels, enlarged_values
from preprocess.student.heat import LOWEST_SCORE, heat_of, joints_of


@settings(max_examples=60)
@given(x=st.floats(0, 287), y=st.floats(0, 383), score=st.floats(LOWEST_SCORE + 0.01, 1))
def test_a_joint_comes_back_to_a_fraction_of_a_cell(x: float, y: float, score: float) -> None:
    joints = torch.tensor([[[x, y, score]]])
    found = joints_of(heat_of(joints, 96, 72))[0, 0]
    assert torch.hypot(found[0] - x, found[1] - y) < 0.2  # pixels: a twentieth of a cell
    assert abs(float(found[2]) - score) < 0.01


def test_a_joint_that_is_not_there_is_missing() -> None:
    joints = torch.zeros(2, 25, 3)
    joints[0, 3] = torch.tensor([40.0, 50.0, LOWEST_SCORE / 2])
    assert not joints_of(heat_of(joints, 96, 72)).any()


@settings(max_examples=25)
@given(
    seed=st.integers(0, 2**31), height=st.integers(20, 150), width=st.integers(20, 150), classes=st.integers(2, 6),
    smooth=st.booleans(),
)  # fmt: skip
def test_enlarged_labels_are_the_argmax_of_enlarged_logits(
    seed: int, height: int, width: int, classes: int, smooth: bool
) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(1, classes, 48, 36, generator=generator, dtype=torch.float32)
    if smooth:
        logits = F.avg_pool2d(logits, 9, 1, 4)
    frame = Frame.of(np.zeros((height, width, 3), np.uint8), (96, 72))
    values = enlarged_values(logits, frame)
    top = np.sort(values, 0)
    sure = top[-1] - top[-2] > 1e-5
    assert sure.mean() > 0.95
    assert np.array_equal(enlarged_labels(logits, frame)[sure], values.argmax(0)[sure])


def test_enlarging_is_torchs_bilinear_where_the_aspect_fits() -> None:
    planes = torch.randn(1, 3, 48, 36, generator=torch.Generator().manual_seed(0))
    frame = Frame.of(np.zeros((256, 192, 3), np.uint8), (96, 72))
    expected = F.interpolate(planes, (256, 192), mode="bilinear", align_corners=False)[0].numpy()
    assert np.allclose(enlarged_values(planes, frame), expected, atol=1e-4)


@given(height=st.integers(1, 3000), width=st.integers(1, 3000))
def test_frames_hold_the_whole_picture(height: int, width: int) -> None:
    frame = Frame.of(np.zeros((height, width, 0), np.uint8), (96, 72))
    assert all(low >= 0 and low + size <= limit
               for low, size, limit in zip(frame.corner, frame.inner, frame.outer, strict=True))  # fmt: skip
    corner = np.array([frame.corner[::-1]], float)
    far = corner + np.array([[frame.inner[1] - 1, frame.inner[0] - 1]])
    for place, limit in zip(
        (*frame.to_picture(corner)[0], *frame.to_picture(far)[0]), (width, height) * 2, strict=True
    ):
        assert -0.51 <= place <= limit
