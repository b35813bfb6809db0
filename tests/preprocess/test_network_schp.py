"""SCHP equals the published networks on LIP and ATR: names, input square, logits, labels; and in stored labels."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch

from preprocess.backends.schp import ON_ATR, ON_LIP, SchpPair, SchpParser, Vocabulary, square_map
from preprocess.networks.schp import ActivatedNorm, Schp
from preprocess.weights.errors import WeightsDamaged
from tests.preprocess.network_formula import schp_state
from tests.preprocess.network_goldens import Array, difference, golden, golden_shapes, shapes_of, with_formula
from vitonhd.label_conversions import convert_labels
from vitonhd.labels import ATR, CIHP

VOCABULARIES = {"lip": ON_LIP, "atr": ON_ATR}


@pytest.fixture(scope="module")
def arrays() -> dict[str, Array]:
    return golden("schp_golden.npz")


@pytest.fixture(scope="module")
def parsers() -> dict[str, SchpParser]:
    return {
        name: SchpParser(with_formula(Schp(len(vocabulary.table)), schp_state), vocabulary)
        for name, vocabulary in VOCABULARIES.items()
    }


@pytest.mark.parametrize("name", VOCABULARIES)
def test_names_and_shapes_are_the_published_ones(name: str, parsers: dict[str, SchpParser]) -> None:
    assert shapes_of(parsers[name].network) == golden_shapes(f"schp_{name}_state_dict.json")


@pytest.mark.parametrize(("name", "vocabulary"), VOCABULARIES.items())
def test_the_square_is_the_published_one(name: str, vocabulary: Vocabulary, arrays: dict[str, Array]) -> None:
    height, width = arrays["image_bgr"].shape[:2]
    assert difference(square_map(height, width, vocabulary.side), arrays[f"{name}_affine"]) < 1e-5


@pytest.mark.parametrize("name", VOCABULARIES)
def test_logits_and_labels(name: str, parsers: dict[str, SchpParser], arrays: dict[str, Array]) -> None:
    parser, picture = parsers[name], arrays["image_bgr"][..., ::-1]
    assert difference(parser.logits(picture[None])[0][::8, ::8], arrays[f"{name}_final_logits_sub8"]) < 5e-5
    stored = convert_labels(arrays[f"{name}_labels"], parser.vocabulary.table, CIHP)
    assert (parser.parse([picture])[0] == stored).all()


@pytest.mark.parametrize("name", VOCABULARIES)
def test_every_head(name: str, parsers: dict[str, SchpParser], arrays: dict[str, Array]) -> None:
    import cv2

    parser, side = parsers[name], parsers[name].vocabulary.side
    square = cv2.warpAffine(arrays["image_bgr"], arrays[f"{name}_affine"], (side, side), flags=cv2.INTER_LINEAR)
    assert (square[::8, ::8] == arrays[f"{name}_input_sub8"]).all()
    x = torch.from_numpy(square).permute(2, 0, 1)[None].float() / 255
    mean, deviation = torch.tensor([0.406, 0.456, 0.485]), torch.tensor([0.225, 0.224, 0.229])
    with torch.inference_mode():
        heads = parser.network((x - mean[:, None, None]) / deviation[:, None, None])
    assert difference(heads.fusion[0, :, ::2, ::2], arrays[f"{name}_fusion_logits_sub2"]) < 5e-5
    assert difference(heads.parsing[0, :, ::4, ::4], arrays[f"{name}_parsing_sub4"]) < 5e-5
    assert difference(heads.edge[0, :, ::2, ::2], arrays[f"{name}_edge_sub2"]) < 2e-4


def test_a_negative_weight_acts_by_its_size() -> None:
    norm, plain = ActivatedNorm(2, activated=False), torch.nn.BatchNorm2d(2).eval()
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([-0.5, 0.5]))
        plain.weight.copy_(torch.tensor([0.5, 0.5]))
    x = torch.randn(1, 2, 4, 4)
    assert torch.allclose(norm(x), plain(x), atol=1e-3)


def test_the_pair_takes_the_neck_from_atr(parsers: dict[str, SchpParser], arrays: dict[str, Array]) -> None:
    faces = {}
    for name, parser in parsers.items():  # by formula nobody has a face
        network = copy.deepcopy(parser.network)
        head = network.fushion[-1]
        assert isinstance(head, torch.nn.Conv2d) and head.bias is not None
        head.bias.data[parser.vocabulary.table.id("face")] += 5
        faces[name] = SchpParser(network, parser.vocabulary)
    picture = arrays["image_bgr"][..., ::-1]
    paired, alone = SchpPair(faces["lip"], faces["atr"]).parse([picture])[0], faces["lip"].parse([picture])[0]
    on_atr = faces["atr"].native([picture])[0] == ATR.id("face")
    neck = on_atr & (alone != CIHP.id("face"))
    assert neck.any() and (on_atr & ~neck).any() and not on_atr.all()
    assert (paired[neck] == CIHP.id("torso-skin")).all()
    assert (paired[~neck] == alone[~neck]).all()


@pytest.mark.parametrize("name", VOCABULARIES)
def test_the_published_container_is_loaded_and_anothers_is_refused(
    name: str, parsers: dict[str, SchpParser], arrays: dict[str, Array], tmp_path: Path
) -> None:
    state = {f"module.{key}": value for key, value in parsers[name].network.state_dict().items()}
    torch.save({"epoch": 100, "state_dict": state}, tmp_path / "schp.pth")
    loaded = SchpParser.load(tmp_path / "schp.pth", VOCABULARIES[name])
    assert (loaded.native([arrays["image_bgr"][..., ::-1]])[0] == arrays[f"{name}_labels"]).all()
    other = ON_LIP if VOCABULARIES[name] is ON_ATR else ON_ATR
    with pytest.raises(WeightsDamaged, match="4 of another shape"):
        SchpParser.load(tmp_path / "schp.pth", other)


def test_a_picture_of_one_pixel_is_parsed(parsers: dict[str, SchpParser]) -> None:
    assert parsers["lip"].parse([np.zeros((1, 1, 3), np.uint8)])[0].shape == (1, 1)
