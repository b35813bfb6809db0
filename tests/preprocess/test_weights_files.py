"""Weights files are data: read from every published container, refused whole when they hold code or do not fit."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from torch import nn

from preprocess.backends.densepose import FIT as DENSEPOSE_FIT
from preprocess.backends.graphonomy import FIT as GRAPHONOMY_FIT
from preprocess.weights.checkpoints import Fit, compare, load_weights, read_state
from preprocess.weights.errors import WeightsDamaged, WeightsMissing
from preprocess.weights.unpickling import read_arrays


def small() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))


def save(kind: str, path: Path) -> Path:
    """The small network's state as one of the containers that published files use."""
    state = small().state_dict()
    uncounted = {name: value for name, value in state.items() if "num_batches" not in name}
    if kind == "safetensors":
        safetensors.torch.save_file(state, path.with_suffix(".safetensors"))
        return path.with_suffix(".safetensors")
    if kind == "model-zoo":
        arrays = {name: value.numpy() for name, value in uncounted.items()} | {"pixel_mean": np.zeros(3)}
        path.with_suffix(".pkl").write_bytes(pickle.dumps({"model": arrays, "__author__": "somebody"}, protocol=2))
        return path.with_suffix(".pkl")
    contents: dict[str, Any] = {
        "plain": state,
        "old": state,
        "ordered": OrderedDict(uncounted),
        "data-parallel": {"state_dict": {f"module.{name}": value for name, value in state.items()}, "epoch": 3},
        "lightning": {"state_dict": {f"model.{name}": value for name, value in state.items()}},
        "half": {name: value.half() if value.is_floating_point() else value for name, value in state.items()},
        "zipped": state,
    }
    torch.save(contents[kind], path, _use_new_zipfile_serialization=kind not in ("old", "zipped"))
    if kind == "zipped":
        with zipfile.ZipFile(path.with_suffix(".zip"), "w") as archive:
            archive.write(path, "weights.pth")
        return path.with_suffix(".zip")
    return path


KINDS = ("plain", "old", "ordered", "data-parallel", "lightning", "half", "zipped", "safetensors", "model-zoo")


@pytest.mark.parametrize("kind", KINDS)
def test_every_published_container_is_read(kind: str, tmp_path: Path) -> None:
    network = small()
    for parameter in network.parameters():
        nn.init.zeros_(parameter)
    load_weights(network, save(kind, tmp_path / "weights.pth"), DENSEPOSE_FIT)
    tolerance = 1e-3 if kind == "half" else 0.0
    for name, value in small().state_dict().items():
        assert torch.allclose(network.state_dict()[name], value, atol=tolerance), name
    assert not network.training
    assert all(value.dtype == torch.float32 for value in network.parameters())


def test_a_mismatch_names_every_key(tmp_path: Path) -> None:
    state = dict(small().state_dict())
    state["head.weight"] = state.pop("0.bias")
    state["1.weight"] = torch.zeros(5)
    torch.save(state, tmp_path / "weights.pth")
    mismatch = compare(small(), read_state(tmp_path / "weights.pth"))
    assert mismatch.missing == ("0.bias",)
    assert mismatch.extra == ("head.weight",)
    assert mismatch.reshaped == ("1.weight: (5,), not (4,)",)
    with pytest.raises(WeightsDamaged, match=r"1 missing: 0\.bias; 1 extra: head\.weight; 1 of another shape"):
        load_weights(small(), tmp_path / "weights.pth")


def test_a_refused_file_leaves_the_network_as_it_was(tmp_path: Path) -> None:
    network = small()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    torch.save({**{name: value + 1 for name, value in before.items()}, "more": torch.zeros(1)}, tmp_path / "w.pth")
    with pytest.raises(WeightsDamaged):
        load_weights(network, tmp_path / "w.pth")
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


class Evil:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, (f"touch {self.path}",)

    def __init__(self, path: Path) -> None:
        self.path = path


@pytest.mark.parametrize("suffix", [".pth", ".pkl"])
def test_code_in_a_file_does_not_run(suffix: str, tmp_path: Path) -> None:
    trace, path = tmp_path / "trace", tmp_path / f"weights{suffix}"
    if suffix == ".pth":
        torch.save({"state_dict": Evil(trace)}, path)
    else:
        path.write_bytes(pickle.dumps({"model": Evil(trace)}))
    with pytest.raises(WeightsDamaged, match=path.name):
        read_state(path)
    assert not trace.exists()


@pytest.mark.parametrize(
    "content", [b"", b"<html>sign in</html>", b"\x80\x04", b"PK\x03\x04 cut off", bytes(range(256)), b"\x80\x02}q\x00."]
)
@pytest.mark.parametrize("suffix", [".pth", ".pkl", ".zip", ".safetensors"])
def test_rubbish_is_refused_by_name(content: bytes, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(content)
    with pytest.raises(WeightsDamaged, match=path.name):
        read_state(path)


def test_a_missing_file_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="lookbook weights fetch"):
        read_state(tmp_path / "weights.pth")


def test_a_zip_of_two_files_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "weights.zip", "w") as archive:
        archive.writestr("one", b"1")
        archive.writestr("two", b"2")
    with pytest.raises(WeightsDamaged, match="a zip of 2 files"):
        read_state(tmp_path / "weights.zip")


def test_a_zip_that_holds_far_more_than_it_has_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "weights.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("weights.pth", bytes(1 << 20))
    with pytest.raises(WeightsDamaged, match=r"weights\.zip .* 1048576 bytes are packed in it"):
        read_state(tmp_path / "weights.zip")


@pytest.mark.parametrize("kind", ["old", "plain", "zipped", "safetensors"])
@given(changes=st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(1, 255)), min_size=1, max_size=4))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_changed_bytes_load_or_are_refused_by_name(tmp_path: Path, kind: str, changes: list[tuple[int, int]]) -> None:
    path = save(kind, tmp_path / "weights.pth")
    content = bytearray(path.read_bytes())
    for place, change in changes:
        content[place % len(content)] ^= change
    path.write_bytes(content)
    network = small()
    try:
        load_weights(network, path)
    except WeightsDamaged as error:
        assert path.name in str(error)
    assert all(bool(torch.isfinite(value).all()) for value in network.state_dict().values())


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("1.running_mean", torch.zeros(4, dtype=torch.int64), "int64, not float32"),
        ("1.running_var", -torch.ones(4), "a variance under zero"),
        ("0.bias", torch.full((4,), torch.nan), "aren't finite"),
        ("0.bias", torch.zeros(1).expand(4), "is not dense"),
        ("0.bias", torch.zeros(4, dtype=torch.complex64), "ComplexFloatStorage"),
    ],
)
def test_numbers_that_no_trained_network_has_are_refused(
    name: str, value: torch.Tensor, message: str, tmp_path: Path
) -> None:
    torch.save({**small().state_dict(), name: value}, tmp_path / "w.pth")
    with pytest.raises(WeightsDamaged, match=message):
        load_weights(small(), tmp_path / "w.pth")


@given(
    array=npst.arrays(
        st.sampled_from(["<f4", ">f4", "<f8", "<i8", "<i4", "u1", "?", "<f2"]),
        npst.array_shapes(min_dims=0, max_dims=4),
    ),
    protocol=st.integers(2, 5),
    fortran=st.booleans(),
)
@settings(max_examples=60)
def test_arrays_of_every_protocol_come_back(array: Any, protocol: int, fortran: bool) -> None:
    stored = np.asfortranarray(array) if fortran else array
    read = read_arrays(io.BytesIO(pickle.dumps({"a": stored, "b": [1, "two"]}, protocol=protocol)))
    assert read["b"] == [1, "two"]
    np.testing.assert_array_equal(read["a"], array)
    assert read["a"].dtype == array.dtype


@given(data=st.binary(max_size=200))
@settings(max_examples=100)
def test_any_bytes_are_an_array_file_or_a_refusal(data: bytes) -> None:
    try:
        read_arrays(io.BytesIO(b"\x80\x04" + data))
    except WeightsDamaged as error:
        assert str(error)


@pytest.mark.parametrize(
    "value",
    [
        np.array([object()]), np.array(["text"]), np.zeros(2, [("a", "f4")]), np.array([1 + 2j]), print, Path("a"),
        np.datetime64("2020-01-01"),
    ],
    ids=["objects", "texts", "records", "complex", "builtin", "path", "date"],
)  # fmt: skip
def test_what_is_no_array_of_numbers_is_refused(value: Any) -> None:
    with pytest.raises(WeightsDamaged):
        read_arrays(io.BytesIO(pickle.dumps({"model": value})))


def test_a_shape_that_does_not_fit_the_bytes_is_refused() -> None:
    written = pickle.dumps(np.zeros(7, np.uint8), protocol=2)
    changed = written.replace(b"K\x07\x85", b"K\x63\x85")
    assert changed != written
    with pytest.raises(WeightsDamaged, match="does not fit its shape"):
        read_arrays(io.BytesIO(changed))


def test_older_graphonomy_names_are_the_sources() -> None:
    renamed = GRAPHONOMY_FIT.renamed
    assert renamed("graph_conv1.weight") == "source_graph_conv1.weight"
    assert renamed("featuremap_2_graph.pre_fea") == "source_featuremap_2_graph.pre_fea"
    for name in ("target_graph_conv1.weight", "transpose_graph.adj", "fc_graph.weight", "semantic.bias"):
        assert renamed(name) == name


def test_names_that_a_fit_ignores_may_be_there(tmp_path: Path) -> None:
    torch.save({**small().state_dict(), "pixel_mean": torch.zeros(3)}, tmp_path / "w.pth")
    load_weights(small(), tmp_path / "w.pth", Fit(ignored=("pixel_*",)))
    with pytest.raises(WeightsDamaged, match="1 extra: pixel_mean"):
        load_weights(small(), tmp_path / "w.pth")
