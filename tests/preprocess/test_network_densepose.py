"""DensePose R-CNN equals detectron2's, stage by stage, down to the labels in the picture."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from preprocess.backends.densepose import RcnnDensePose, network_input, resized_size, surface, to_picture, whole_box
from preprocess.networks.densepose.boxes import ANCHOR_SIZES, STRIDES, anchors, pool
from preprocess.networks.densepose.charts import Charts, pool_for_charts
from preprocess.networks.densepose.detection import People, Proposals, score_boxes
from preprocess.networks.densepose.rcnn import DensePoseRcnn
from tests.preprocess.network_formula import densepose_state
from tests.preprocess.network_goldens import Array, difference, golden, golden_shapes, shapes_of, with_formula
from vitonhd.densepose import DENSEPOSE

FIRST = 4
pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Run:
    """One pass over the reference picture, taken apart."""

    network: DensePoseRcnn
    size: tuple[int, int]
    bottom_up: list[Tensor]
    pyramid: list[Tensor]
    people: People
    charts: Charts


@pytest.fixture(scope="module")
def arrays() -> dict[str, Array]:
    return golden("densepose_s1x_golden.npz")


@pytest.fixture(scope="module")
def run(arrays: dict[str, Array]) -> Run:
    network = with_formula(DensePoseRcnn(), densepose_state)
    x, size = network_input(arrays["image_bgr"][None, ..., ::-1], torch.device("cpu"))
    assert list(x.shape) == arrays["padded_shape"].tolist()
    with torch.inference_mode():
        detected = network.detect(x, [size])
        charts = network.charts(detected.levels, [detected.people[0].boxes])
        return Run(network, size, network.backbone.bottom_up(x), network.backbone(x), detected.people[0], charts)


def test_names_and_shapes_are_the_published_ones(run: Run) -> None:
    assert shapes_of(run.network) == golden_shapes("densepose_s1x_state_dict.json")


def test_features(run: Run, arrays: dict[str, Array]) -> None:
    named = [(f"res{level}", value) for level, value in enumerate(run.bottom_up, start=2)]
    named += [(f"p{level}", value) for level, value in enumerate(run.pyramid, start=2)]
    for name, value in named:
        channel, space = arrays[f"feat_{name}_stride"]
        expected = arrays[f"feat_{name}"]
        assert difference(value[0, ::channel, ::space, ::space], expected) < 1e-5 * np.abs(expected).max()


@pytest.mark.parametrize("level", range(2, 7))
def test_anchors(level: int, run: Run, arrays: dict[str, Array]) -> None:
    height, width = run.pyramid[level - 2].shape[-2:]
    made = anchors(height, width, ANCHOR_SIZES[level - 2], STRIDES[level - 2], torch.device("cpu"))
    assert difference(made[:12], arrays[f"anchors_p{level}_first12"]) < 1e-4
    assert difference(made[-3:], arrays[f"anchors_p{level}_last3"]) < 1e-4


@pytest.mark.parametrize("level", range(2, 7))
def test_proposal_head(level: int, run: Run, arrays: dict[str, Array]) -> None:
    feature = run.pyramid[level - 2]
    space = max(1, feature.shape[-1] // 13)
    with torch.inference_mode():
        logits, deltas = run.network.proposal_generator.rpn_head(feature)
    assert difference(logits[0, :, ::space, ::space], arrays[f"rpn_logits_p{level}"]) < 5e-5
    assert difference(deltas[0, :, ::space, ::space], arrays[f"rpn_deltas_p{level}"]) < 5e-5


def test_proposals(run: Run, arrays: dict[str, Array]) -> None:
    with torch.inference_mode():
        proposals = run.network.proposal_generator(run.pyramid, [run.size])[0]
    assert difference(proposals.logits, arrays["proposals_logit"]) < 1e-4
    # Two proposals whose logits differ in the last bit change places from machine to machine: compare as sets.
    distances = torch.cdist(torch.from_numpy(arrays["proposals_xyxy"]), proposals.boxes, p=torch.inf)
    assert int((distances.min(1).values < 2e-4).sum()) >= 998


def test_scores_of_proposals(run: Run, arrays: dict[str, Array]) -> None:
    heads, levels = run.network.roi_heads, run.pyramid[:4]
    boxes, logits = torch.from_numpy(arrays["proposals_xyxy"]), torch.from_numpy(arrays["proposals_logit"])
    with torch.inference_mode():
        pooled = pool(levels, [boxes[:FIRST]], 7)
        scores, deltas = score_boxes(levels, [Proposals(boxes, logits)], heads.box_head, heads.box_predictor)
    assert difference(pooled[:, ::8], arrays["box_pooled_first4_sub8ch"]) < 1e-4
    assert difference(scores, arrays["cls_scores"]) < 1e-4
    assert difference(deltas[:200], arrays["bbox_deltas_first200"]) < 1e-4


def test_people(run: Run, arrays: dict[str, Array]) -> None:
    assert difference(run.people.boxes, arrays["det_boxes_resized"]) < 1e-3
    assert difference(run.people.scores, arrays["det_scores"]) < 1e-5
    assert int((run.people.scores >= 0.8).sum()) == int(arrays["n_score08"])
    final = to_picture(run.people.boxes, run.size, arrays["image_bgr"].shape[:2])
    assert difference(final, arrays["det_boxes_final"]) < 1e-3


def test_decoder_and_head(run: Run, arrays: dict[str, Array]) -> None:
    heads = run.network.roi_heads
    with torch.inference_mode():
        decoded = heads.decoder(run.pyramid[:4])
        pooled = pool_for_charts(decoded, [run.people.boxes[:FIRST]])
        hidden = heads.densepose_head(pooled)
    assert list(decoded.shape) == arrays["decoder_shape"].tolist()
    assert difference(decoded[0, ::8, ::16, ::16], arrays["decoder_sub"]) < 1e-4
    assert difference(pooled[:, ::16], arrays["dp_pooled_first4_sub16ch"]) < 1e-4
    assert difference(hidden[:, ::32], arrays["dp_head_first4_sub32ch"]) < 1e-4


def test_charts(run: Run, arrays: dict[str, Array]) -> None:
    charts = run.charts
    assert difference(charts.coarse[:FIRST], arrays["coarse_segm_first4"]) < 1e-4
    for name, values in (("fine_segm", charts.fine), ("u", charts.u), ("v", charts.v)):
        assert difference(values[:FIRST, :, ::4, ::4], arrays[f"{name}_first4_sub4"]) < 1e-4
    for name, values in zip(("coarse_segm", "fine_segm", "u", "v"), charts, strict=True):
        sums = values.double().sum((2, 3)).numpy()
        assert difference(sums, arrays[f"{name}_sum_all"]) < 0.5  # over 12,544 values each


@pytest.mark.parametrize("person", range(FIRST))
def test_labels_and_uv_of_a_person(person: int, run: Run, arrays: dict[str, Array]) -> None:
    box = to_picture(run.people.boxes, run.size, arrays["image_bgr"].shape[:2])[person]
    _, _, width, height = whole_box(box)
    labels, uv = surface(Charts(*(values[person : person + 1] for values in run.charts)), height, width)
    assert (labels == arrays[f"labels_{person}"]).all()
    assert difference(uv, arrays[f"uv_{person}"]) < 1e-5


def test_the_likeliest_person_in_the_picture(run: Run, arrays: dict[str, Array]) -> None:
    picture = arrays["image_bgr"][..., ::-1]
    found = RcnnDensePose(run.network).estimate([picture])[0]
    assert found is not None
    assert found.people == int(arrays["n_score08"])
    assert found.score == pytest.approx(float(arrays["det_scores"][0]), abs=1e-5)
    assert (DENSEPOSE.paint(found.labels) == arrays["dp_segm_black_alpha1_top1"][..., ::-1]).all()
    x, y = int(found.box[0]), int(found.box[1])
    height, width = arrays["labels_0"].shape
    quantised = found.iuv[:, y : y + height, x : x + width].astype(int)
    assert np.abs(quantised - arrays["iuv_u8_0"]).max() <= 1
    assert (quantised == arrays["iuv_u8_0"]).mean() > 0.999


def test_a_picture_with_nobody_on_it(run: Run, arrays: dict[str, Array]) -> None:
    picture = arrays["image_bgr"][..., ::-1]
    assert RcnnDensePose(run.network, lowest_score=0.9999).estimate([picture]) == [None]


def test_the_model_zoos_container_gives_the_same_network(run: Run, tmp_path: Path) -> None:
    arrays = {name: value.numpy() for name, value in run.network.state_dict().items()}
    extra = {"pixel_mean": np.zeros((3, 1, 1)), "proposal_generator.anchor_generator.cell_anchors.0": np.zeros((3, 4))}
    path = tmp_path / "model_final_162be9.pkl"
    path.write_bytes(pickle.dumps({"model": arrays | extra, "__author__": "somebody"}, protocol=2))
    loaded = RcnnDensePose.load(path).network.state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in run.network.state_dict().items())


@pytest.mark.parametrize(
    ("size", "expected"),
    [((256, 192), (1067, 800)), ((1024, 768), (1067, 800)), ((2000, 500), (1333, 333)), ((1, 1), (800, 800))],
)
def test_resized_sizes(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert resized_size(*size) == expected
