"""Graphonomy equals the published network: names, graphs, logits of every scale, labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from preprocess.backends.batches import resized, to_tensor
from preprocess.backends.graphonomy import ONE_SCALE, PUBLISHED_SCALES, GraphonomyParser
from preprocess.networks import label_graphs
from preprocess.networks.graphonomy import Graphonomy
from preprocess.weights.errors import WeightsDamaged
from tests.preprocess.network_formula import graphonomy_state
from tests.preprocess.network_goldens import Array, difference, golden, golden_shapes, shapes_of, with_formula


@pytest.fixture(scope="module")
def arrays() -> dict[str, Array]:
    return golden("graphonomy_golden.npz")


@pytest.fixture(scope="module")
def parser() -> GraphonomyParser:
    return GraphonomyParser(with_formula(Graphonomy(), graphonomy_state))


def test_names_and_shapes_are_the_published_ones(parser: GraphonomyParser) -> None:
    assert shapes_of(parser.network) == golden_shapes("graphonomy_inference_state_dict.json")


def test_graphs_are_the_published_ones(arrays: dict[str, Array]) -> None:
    assert (label_graphs.cihp_adjacency() == arrays["adj1_target_cihp_norm_20x20"]).all()
    assert (label_graphs.pascal_adjacency() == arrays["adj2_source_pascal_norm_7x7"]).all()
    assert (label_graphs.transfer_adjacency() == arrays["adj3_transfer_20x7"]).all()


@pytest.mark.parametrize("scale", PUBLISHED_SCALES)
def test_logits_of_a_scale(scale: float, parser: GraphonomyParser, arrays: dict[str, Array]) -> None:
    picture = arrays["image_rgb"]
    height, width = (int(side * scale) for side in picture.shape[:2])
    x = to_tensor(resized(picture[None], height, width)[..., ::-1], torch.device("cpu")) / 127.5 - 1
    with torch.inference_mode():
        logits = parser.network(torch.cat([x, x.flip(-1)]))
    assert difference(logits[..., ::3, ::3], arrays[f"logits_scale{scale:g}_sub"]) < 5e-5


def test_six_scales_sum_to_the_published_logits_and_labels(parser: GraphonomyParser, arrays: dict[str, Array]) -> None:
    picture = arrays["image_rgb"]
    assert difference(parser.logits(picture[None]).cpu(), arrays["final_sum_logits"]) < 1e-4
    assert (parser.parse([picture])[0] == arrays["labels"]).all()


def test_an_older_file_with_prefixes_and_bare_names_gives_the_same(
    parser: GraphonomyParser, arrays: dict[str, Array], tmp_path: Path
) -> None:
    state = {
        f"module.{name.replace('source_', '')}": value
        for name, value in parser.network.state_dict().items()
        if "num_batches" not in name
    }
    torch.save(state, tmp_path / "inference.pth")
    loaded = GraphonomyParser.load(tmp_path / "inference.pth")
    assert (loaded.parse([arrays["image_rgb"]])[0] == arrays["labels"]).all()


def test_the_universal_model_is_refused(tmp_path: Path) -> None:
    shapes = golden_shapes("graphonomy_universal_state_dict.json")
    torch.save({name: torch.zeros(shape) for name, shape in shapes.items()}, tmp_path / "universal_trained.pth")
    with pytest.raises(WeightsDamaged, match=r"universal_trained.pth is not of a Graphonomy: 3 missing: .*; 34 extra"):
        GraphonomyParser.load(tmp_path / "universal_trained.pth")


def test_a_picture_and_its_mirror_image_get_mirrored_labels(parser: GraphonomyParser) -> None:
    parser = GraphonomyParser(parser.network, scales=ONE_SCALE)
    picture = np.random.default_rng(0).integers(0, 256, (48, 32, 3), np.uint8)
    logits, mirrored = parser.logits(np.stack([picture, picture[:, ::-1]]))
    swapped = mirrored.flip(-1)[[*range(14), 15, 14, 17, 16, 19, 18]]
    assert torch.allclose(logits, swapped, atol=1e-4)


def test_pictures_of_different_sizes_keep_their_order(parser: GraphonomyParser) -> None:
    parser = GraphonomyParser(parser.network, scales=ONE_SCALE)
    random = np.random.default_rng(0)
    pictures = [random.integers(0, 256, (*size, 3), np.uint8) for size in ((40, 32), (48, 32), (40, 32))]
    together = parser.parse(pictures)
    assert [labels.shape for labels in together] == [(40, 32), (48, 32), (40, 32)]
    for picture, labels in zip(pictures, together, strict=True):
        assert (parser.parse([picture])[0] == labels).mean() > 0.999
