"""Pose backends: joints become stored people; rtmlib and transformers run on synthetic networks where installed."""

from __future__ import annotations

import importlib.util
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from preprocess.backends.joints import boxes_of, person_of
from preprocess.backends.optional import NotInstalled
from preprocess.backends.rtmlib_pose import RtmPoseEstimator
from preprocess.backends.vitpose import VitPoseEstimator
from preprocess.errors import PreprocessError
from preprocess.weights.errors import WeightsDamaged, WeightsMissing
from vitonhd.keypoints import BODY_25, COCO_17, HALPE_26, WHOLE_BODY_133

HEIGHT, WIDTH = 256, 192


def installed(*names: str) -> bool:
    return all(importlib.util.find_spec(name) is not None for name in names)


def places(count: int) -> Any:
    index = np.arange(count)
    return np.stack([10 + index, 20 + index], 1).astype(float)


@pytest.mark.parametrize("skeleton", [COCO_17, HALPE_26, WHOLE_BODY_133], ids=lambda one: one.name)
def test_joints_keep_their_names(skeleton: Any) -> None:
    count = len(skeleton)
    person = person_of(places(count), np.full(count, 0.9), HEIGHT, WIDTH)
    assert person is not None
    for joint in ("nose", "left_wrist", "right_ankle", "right_ear"):
        index = skeleton.index(joint)
        assert person.body[BODY_25.index(joint)].tolist() == [10 + index, 20 + index, 0.9]
    shoulders = places(count)[[skeleton.index("left_shoulder"), skeleton.index("right_shoulder")]]
    if "neck" not in skeleton.joints:
        assert person.body[BODY_25.index("neck"), :2].tolist() == shoulders.mean(0).tolist()
    assert bool(person.body[BODY_25.index("left_heel"), 2]) is (skeleton is not COCO_17)
    hands = person.left_hand, person.right_hand
    assert all(hand is not None and bool(hand.any()) is (skeleton is WHOLE_BODY_133) for hand in hands)


@given(
    xy=npst.arrays(np.float64, (26, 2), elements=st.floats(-50, 300) | st.just(float("nan"))),
    scores=npst.arrays(np.float64, 26, elements=st.floats(-1, 3)),
)
@settings(max_examples=60)
def test_what_is_unsure_or_outside_is_missing(xy: Any, scores: Any) -> None:
    person = person_of(xy, scores, HEIGHT, WIDTH)
    if person is None:
        return
    body = person.body
    there = body[:, 2] > 0
    assert there.any()
    assert (body[~there] == 0).all()
    assert ((body[there, :2] >= 0) & (body[there, :2] <= (WIDTH - 1, HEIGHT - 1))).all()
    assert ((body[there, 2] >= 0.3) & (body[there, 2] <= 1)).all()


def test_a_format_that_nobody_knows_is_refused() -> None:
    with pytest.raises(PreprocessError, match="5 joints"):
        person_of(places(5), np.ones(5), HEIGHT, WIDTH)


def test_boxes_are_as_many_as_pictures() -> None:
    picture = np.zeros((4, 3, 3), np.uint8)
    assert boxes_of([picture], None) == [(0, 0, 3, 4)]
    with pytest.raises(PreprocessError, match="2 boxes for 1 pictures"):
        boxes_of([picture], [(0, 0, 1, 1)] * 2)


def onnx_pose(path: Path, peaks: Any, score: float) -> Path:
    """A synthetic network in RTMPose's form: fixed SimCC peaks (26 joints), whatever the picture."""
    onnx = importlib.import_module("onnx")
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    outputs, nodes, constants = [], [], []
    for name, length, axis in (("simcc_x", 2 * WIDTH, 0), ("simcc_y", 2 * HEIGHT, 1)):
        values = np.zeros((1, len(peaks), length), np.float32)
        values[0, np.arange(len(peaks)), 2 * peaks[:, axis]] = score
        constants.append(numpy_helper.from_array(values, f"{name}_values"))
        nodes.append(helper.make_node("Add", [f"{name}_values", "nothing"], [name]))
        outputs.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, values.shape))
    nodes.insert(0, helper.make_node("ReduceMean", ["input"], ["mean"], keepdims=0))
    nodes.insert(1, helper.make_node("Mul", ["mean", "zero"], ["nothing"]))
    constants.append(numpy_helper.from_array(np.zeros((), np.float32), "zero"))
    picture = helper.make_tensor_value_info("input", onnx.TensorProto.FLOAT, [1, 3, HEIGHT, WIDTH])
    graph = helper.make_graph(nodes, "synthetic", [picture], outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(path))
    return path


@pytest.mark.skipif(not installed("rtmlib", "onnxruntime", "onnx"), reason="rtmlib, onnxruntime, onnx: not installed")
@pytest.mark.parametrize("packed", [False, True])
def test_rtmlib_puts_joints_into_the_box(packed: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    peaks = np.stack([np.linspace(50, 140, 26), np.linspace(60, 200, 26)], 1).astype(int)
    path = onnx_pose(tmp_path / "end2end.onnx", peaks, 1.3)
    if packed:
        with zipfile.ZipFile(tmp_path / "pose.zip", "w") as archive:
            archive.write(path, "20230605/rtmpose/end2end.onnx")
        path = tmp_path / "pose.zip"
    estimator = RtmPoseEstimator.load(path)
    picture = np.zeros((1024, 768, 3), np.uint8)
    box = (100.0, 200.0, 400.0, 600.0)  # 3:4, as the network's input: its frame is the box, 1.25 times as large
    whole, boxed = estimator.estimate([picture] * 2, [(0, 0, 768, 1024), box])
    assert whole is not None and boxed is not None
    nose = HALPE_26.index("nose")
    assert boxed.body[0, :2] == pytest.approx((250, 400) + (peaks[nose] / (WIDTH, HEIGHT) - 0.5) * (375, 500), abs=1)
    assert boxed.body[0, 2] == 1
    assert whole.body[0, :2] == pytest.approx((384, 512) + (peaks[nose] / (WIDTH, HEIGHT) - 0.5) * (960, 1280), abs=1)
    assert capsys.readouterr().out == ""


@pytest.mark.skipif(not installed("rtmlib", "onnxruntime"), reason="rtmlib, onnxruntime: not installed")
def test_rtmlib_refuses_rubbish_and_fetches_nothing(tmp_path: Path) -> None:
    (tmp_path / "pose.onnx").write_bytes(b"no network")
    (tmp_path / "pose.zip").write_bytes(b"no zip")
    for name in ("pose.onnx", "pose.zip"):
        with pytest.raises(WeightsDamaged, match=name):
            RtmPoseEstimator.load(tmp_path / name)
    with pytest.raises(WeightsMissing):
        RtmPoseEstimator.load(tmp_path / "other.onnx")


def small_vitpose(folder: Path) -> Path:
    """A ViTPose of a few thousand random weights, saved as a published folder is."""
    transformers = importlib.import_module("transformers")
    torch.manual_seed(0)
    backbone = transformers.VitPoseBackboneConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, mlp_ratio=2, out_indices=[2]
    )
    config = transformers.VitPoseConfig(backbone_config=backbone, num_labels=17, use_simple_decoder=True)
    transformers.VitPoseForPoseEstimation(config).save_pretrained(folder)
    transformers.VitPoseImageProcessor().save_pretrained(folder)
    return folder


@pytest.mark.skipif(not installed("transformers", "scipy"), reason="transformers, scipy: not installed")
def test_vitpose_looks_into_the_box(tmp_path: Path) -> None:
    estimator = VitPoseEstimator.load(small_vitpose(tmp_path), lowest_score=1e-9)
    content = np.random.default_rng(0).integers(0, 256, (200, 150, 3), np.uint8)
    pictures = [np.zeros((600, 500, 3), np.uint8) for _ in range(2)]
    pictures[0][100:300, 100:250] = content
    pictures[1][180:380, 160:310] = content
    boxes = [(100.0, 100.0, 250.0, 300.0), (160.0, 180.0, 310.0, 380.0)]
    one, other = estimator.estimate(pictures, boxes)
    assert one is not None and other is not None
    there = (one.body[:, 2] > 0) & (other.body[:, 2] > 0)
    assert there.sum() >= 3
    assert np.abs(other.body[there, :2] - one.body[there, :2] - (60, 80)).max() < 2
    assert estimator.estimate([]) == []
    estimator.lowest_score = 2.0
    assert estimator.estimate(pictures) == [None, None]


@pytest.mark.skipif(not installed("transformers", "scipy"), reason="transformers, scipy: not installed")
def test_vitpose_with_weights_missing_is_refused(tmp_path: Path) -> None:
    import safetensors.torch

    path = small_vitpose(tmp_path) / "model.safetensors"
    state = safetensors.torch.load_file(path)
    state.pop(next(iter(state)))
    safetensors.torch.save_file(state, path, metadata={"format": "pt"})
    with pytest.raises(WeightsDamaged, match="missing_keys"):
        VitPoseEstimator.load(tmp_path)
    path.unlink()
    with pytest.raises(WeightsDamaged, match="holds no ViTPose"):
        VitPoseEstimator.load(tmp_path)


@pytest.mark.skipif(installed("transformers", "scipy"), reason="transformers and scipy are installed")
def test_what_to_install_is_said_for_transformers(tmp_path: Path) -> None:
    with pytest.raises(NotInstalled, match="pip install transformers scipy"):
        VitPoseEstimator.load(tmp_path)


@pytest.mark.skipif(installed("rtmlib"), reason="rtmlib is installed")
def test_what_to_install_is_said_for_rtmlib(tmp_path: Path) -> None:
    with pytest.raises(NotInstalled, match="pip install rtmlib onnxruntime"):
        RtmPoseEstimator.load(tmp_path / "pose.zip")
