"""Backends by name: opened from the cache, honest about what is missing, same answers whoever computes them."""

from __future__ import annotations

import importlib.util
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

from preprocess.backends import opening
from preprocess.backends.batches import by_size
from preprocess.backends.cloth_unet import UnetSegmenter
from preprocess.backends.densepose import RcnnDensePose, placed
from preprocess.backends.detectron2_densepose import Detectron2DensePose
from preprocess.backends.optional import NotInstalled
from preprocess.errors import PreprocessError
from preprocess.networks.cloth_unet import ClothUnet
from preprocess.networks.densepose.rcnn import DensePoseRcnn
from preprocess.weights.cache import WeightsCache
from preprocess.weights.errors import WeightsMissing
from preprocess.weights.registry import WEIGHTS
from tests.preprocess.network_formula import densepose_state
from tests.preprocess.network_goldens import golden
from vitonhd.errors import FormatError

DETECTRON2 = importlib.util.find_spec("detectron2") is not None
OPENERS: list[tuple[Callable[[str, WeightsCache], object], Mapping[str, object]]] = [
    (opening.open_parser, opening.PARSERS),
    (opening.open_densepose, opening.DENSEPOSE_ESTIMATORS),
    (opening.open_pose, opening.POSE_ESTIMATORS),
    (opening.open_segmenter, opening.GARMENT_SEGMENTERS),
]


def test_a_backend_is_opened_from_the_cache(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = ClothUnet().eval()
    path = tmp_path / "cloth-unet" / "weights.zip"
    path.parent.mkdir()
    torch.save({"state_dict": network.state_dict()}, path)
    picture = np.random.default_rng(0).integers(0, 256, (64, 32, 3), np.uint8)
    opened = opening.open_segmenter("cloth-unet", WeightsCache(tmp_path))
    assert (opened.segment([picture])[0] == UnetSegmenter(network).segment([picture])[0]).all()


def test_every_backend_says_which_weights_are_missing(tmp_path: Path) -> None:
    for open_one, backends in OPENERS:
        for name in backends.keys() - {"student"}:  # whose weights come with Lookbook
            with pytest.raises(WeightsMissing, match="lookbook weights fetch"):
                open_one(name, WeightsCache(tmp_path))
        with pytest.raises(PreprocessError, match=f"'nothing'; there are .*{next(iter(backends))}"):
            open_one("nothing", WeightsCache(tmp_path))


def test_every_entry_of_the_registry_has_a_backend() -> None:
    names = {name for _, backends in OPENERS for name in backends}
    assert set(WEIGHTS) <= names


NO_PICTURES = (
    np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8),
)  # fmt: skip


@pytest.mark.parametrize("picture", NO_PICTURES)
def test_what_is_no_picture_is_refused(picture: np.ndarray) -> None:
    with pytest.raises(FormatError, match="wrong-shape"):
        by_size([picture], lambda batch: list(batch))


def test_no_pictures_give_no_results() -> None:
    assert by_size([], lambda batch: list(batch)) == []


@pytest.mark.parametrize(
    "box", [(0.0, 0.0, 0.2, 0.2), (7.9, 5.9, 8.0, 6.0), (8.0, 6.0, 8.0, 6.0), (0.0, 0.0, 8.0, 6.0)]
)
def test_any_box_lies_in_the_picture(box: tuple[float, float, float, float]) -> None:
    width, height = max(int(box[2] - box[0]), 1), max(int(box[3] - box[1]), 1)
    found = placed(
        np.full((height, width), 3, np.uint8),
        np.ones((2, height, width), np.float32),
        torch.tensor(box),
        1.0,
        1,
        (6, 8),
    )
    assert found.labels.shape == (6, 8)
    assert int((found.labels == 3).sum()) == width * height
    assert (found.uv[:, found.labels == 0] == 0).all()


@pytest.mark.skipif(DETECTRON2, reason="detectron2 is installed")
def test_detectron2_says_what_to_build(tmp_path: Path) -> None:
    with pytest.raises(NotInstalled, match="from source"):
        Detectron2DensePose.load(tmp_path / "model_final_162be9.pkl")


@pytest.mark.skipif(not DETECTRON2, reason="detectron2 is not installed")
def test_detectron2_itself_gives_the_same(tmp_path: Path) -> None:
    arrays = golden("densepose_s1x_golden.npz")
    network = DensePoseRcnn()
    state = densepose_state(network)
    path = tmp_path / "model_final_162be9.pkl"
    path.write_bytes(pickle.dumps({"model": {name: value.numpy() for name, value in state.items()}}))
    picture = arrays["image_bgr"][..., ::-1]
    theirs, ours = (kind.load(path).estimate([picture])[0] for kind in (Detectron2DensePose, RcnnDensePose))
    assert theirs is not None and ours is not None
    assert theirs.people == ours.people == int(arrays["n_score08"])
    assert (theirs.labels == ours.labels).all()
    assert np.abs(theirs.uv - ours.uv).max() < 1e-4
