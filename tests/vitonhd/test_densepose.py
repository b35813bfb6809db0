"""DensePose colouring: OpenCV's PARULA, undone exactly without JPEG and nearly with it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from tests.vitonhd.arrays_strategies import label_maps
from vitonhd.densepose import DENSEPOSE, read_picture
from vitonhd.pictures import decode_rgb, encode_jpeg


@given(label_maps(DENSEPOSE))
def test_an_uncompressed_picture_gives_its_labels_back(labels: np.ndarray) -> None:
    ids, sure = read_picture(DENSEPOSE.paint(labels), tolerance=0)
    assert np.array_equal(ids, labels) and sure.all()


def test_the_palette_is_parula_at_floor_of_id_times_255_over_24() -> None:
    cv2 = pytest.importorskip("cv2")
    indices = np.array([[id * 255 // 24 for id in range(25)]], np.uint8)
    parula = cv2.applyColorMap(indices, cv2.COLORMAP_PARULA)[0, :, ::-1]
    assert np.array_equal(DENSEPOSE.palette[1:25], parula[1:])
    assert DENSEPOSE.palette[0].tolist() == [0, 0, 0]


def test_jpeg_leaves_sure_pixels_right() -> None:
    """Synthetic: large rectangles of every part, through the official files' compression."""
    labels = np.kron(np.random.default_rng(3).integers(0, 25, (8, 6)), np.ones((64, 64))).astype(np.uint8)
    ids, sure = read_picture(decode_rgb(encode_jpeg(DENSEPOSE.paint(labels), quality=95)))
    assert sure.mean() > 0.9
    assert (ids[sure] == labels[sure]).mean() > 0.999


def test_a_mirror_swaps_all_paired_parts() -> None:
    assert DENSEPOSE.mirror == (0, 1, 2, *(id + 1 if id % 2 else id - 1 for id in range(3, 25)))
