"""A checkpoint from a stranger: it loads bit for bit or is refused with the reason, within little memory."""

from __future__ import annotations

import struct
import tracemalloc
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from finetune.hr_viton import (
    CheckpointError,
    ConditionDiscriminator,
    ConditionGenerator,
    convert_checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from finetune.hr_viton.checkpoints import load_into, read_state
from tests.finetune.hr_viton.test_checkpoints import same_bits

MOST_MEMORY = 4 << 20
"""That reading a file of 17 kB may take; a network without memory, made for comparison, takes 0.5 MB of it."""


@pytest.fixture(scope="module")
def network() -> ConditionDiscriminator:
    torch.manual_seed(0)
    return ConditionDiscriminator(1, half_size=False, dropout=False)


@pytest.fixture(scope="module", params=["net.pth", "net.safetensors"])
def saved(
    request: pytest.FixtureRequest, network: ConditionDiscriminator, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    path = tmp_path_factory.mktemp("saved") / str(request.param)
    save_checkpoint(network, path)
    return path


changes = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1, max_size=4)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=changes, at_the_edges=st.booleans())
def test_changed_bytes_load_bit_identical_or_are_refused(
    saved: Path, network: ConditionDiscriminator, changes: list[tuple[float, int]], at_the_edges: bool
) -> None:
    content = bytearray(saved.read_bytes())
    for place, change in changes:
        # Half of the examples change the zip's lists or the header, which random places seldom do.
        number = int(place * (2000 if at_the_edges else len(content)))
        content[-1 - number if saved.suffix == ".pth" and at_the_edges else number] ^= change
    path = saved.with_name(f"changed{saved.suffix}")
    path.write_bytes(content)
    tracemalloc.start()
    try:
        loaded = load_checkpoint(path)
    except CheckpointError as error:
        assert str(path) in str(error)
    else:
        assert same_bits(dict(loaded.state_dict()), dict(network.state_dict()))
        assert saved.suffix == ".pth" or (isinstance(loaded, ConditionDiscriminator) and not loaded.half_size)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < MOST_MEMORY


@pytest.mark.parametrize("new", [True, False])
def test_a_file_that_ends_anywhere_is_refused(new: bool, tmp_path: Path) -> None:
    path = tmp_path / "cut.pth"
    torch.save(ConditionDiscriminator(1).state_dict(), path, _use_new_zipfile_serialization=new)
    content = path.read_bytes()
    for keep in (*range(0, len(content), 499), len(content) - 1):
        path.write_bytes(content[:keep])
        with pytest.raises(CheckpointError):
            read_state(path)


BAD: dict[str, tuple[str, Callable[[], Tensor], str]] = {
    "whole numbers": ("out_layer.block.1.running_mean", lambda: torch.zeros(13, dtype=torch.int32), "int32, not float"),
    "a float count": ("out_layer.block.1.num_batches_tracked", lambda: torch.tensor(0.0), "float32, not int64"),
    "complex": ("conv.scale.bias", lambda: torch.zeros(32, dtype=torch.complex64), "ComplexFloatStorage"),
    "stride 0": ("conv.scale.bias", lambda: torch.zeros(1).expand(32), "conv.scale.bias is not dense"),
    "negative variance": ("out_layer.block.1.running_var", lambda: torch.full((13,), -0.1), "a variance under zero"),
    "infinite": ("conv.scale.bias", lambda: torch.full((32,), torch.inf), "numbers that aren't finite"),
    "too large": ("conv.scale.bias", lambda: torch.full((32,), 1e300, dtype=torch.float64), "aren't finite"),
    "half NaN": ("conv.scale.bias", lambda: torch.full((32,), torch.nan, dtype=torch.bfloat16), "aren't finite"),
    "half negative": ("out_layer.block.1.running_var", lambda: -torch.ones(13, dtype=torch.bfloat16), "under zero"),
    "sparse": ("conv.scale.bias", lambda: torch.ones(32).to_sparse(), "_rebuild_sparse_tensor"),
    "meta": ("conv.scale.bias", lambda: torch.ones(32, device="meta"), "_rebuild_meta_tensor"),
    "quantised": ("conv.scale.bias", lambda: torch.quantize_per_tensor(torch.ones(32), 1, 0, torch.qint8), "only"),
    "an empty side": ("ClothEncoder.0.scale.weight", lambda: torch.zeros(1 << 40, 0), "another shape"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_tensors_that_no_checkpoint_has_are_refused_by_every_way_in(case: str, tmp_path: Path) -> None:
    key, make, message = BAD[case]
    network = ConditionGenerator(4)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    path = tmp_path / "bad.pth"
    with warnings.catch_warnings(action="ignore"):  # quantised tensors are deprecated
        torch.save({**before, key: make()}, path)
    for way_in in (
        lambda: load_checkpoint(path),
        lambda: load_into(network, path),
        lambda: convert_checkpoint(path, tmp_path / "converted.safetensors"),
    ):
        with pytest.raises(CheckpointError, match=message if case != "an empty side" else None):
            way_in()
    assert same_bits(before, dict(network.state_dict()))
    assert not (tmp_path / "converted.safetensors").exists()


def test_tensors_that_share_memory_are_refused(tmp_path: Path) -> None:
    whole = torch.zeros(40)
    torch.save({"a": whole[:20], "b": whole[19:]}, tmp_path / "shared.pth")
    with pytest.raises(CheckpointError, match="a and b share memory"):
        read_state(tmp_path / "shared.pth")
    torch.save({"a": whole[:20], "b": whole[20:]}, tmp_path / "parts.pth")
    assert [len(value) for value in read_state(tmp_path / "parts.pth").values()] == [20, 20]


@pytest.mark.parametrize("new", [True, False])
def test_dense_tensors_of_any_order_and_type_come_back(new: bool, tmp_path: Path) -> None:
    state = {
        "last": torch.randn(2, 3, 4, 5).contiguous(memory_format=torch.channels_last),
        "turned": torch.randn(3, 4).t(),
        "single": torch.tensor(7),
        "brain": torch.randn(3).bfloat16(),
        "narrow": torch.randn(3).half(),
        "wide": torch.randn(2, 1, 2).double(),
        "parameter": torch.nn.Parameter(torch.ones(2)),
    }
    torch.save(state, tmp_path / "all.pth", _use_new_zipfile_serialization=new)
    found = read_state(tmp_path / "all.pth")
    assert list(found) == list(state)
    assert same_bits(found, {key: value.detach() for key, value in state.items()})
    assert all(value.is_contiguous() for value in found.values())


def test_a_packed_zip_and_one_that_names_more_than_it_has_are_refused(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1 << 20)}, tmp_path / "plain.pth")
    with zipfile.ZipFile(tmp_path / "plain.pth") as plain:
        with zipfile.ZipFile(tmp_path / "packed.pth", "w", zipfile.ZIP_DEFLATED) as packed:
            for name in plain.namelist():
                packed.writestr(name, plain.read(name))
        with zipfile.ZipFile(tmp_path / "large.pth", "w") as large:
            for name in plain.namelist():
                data = plain.read(name)
                large.writestr(name, data.replace(struct.pack("<i", 1 << 20), struct.pack("<i", 1 << 30)))
    with pytest.raises(CheckpointError, match="is packed, which PyTorch does not do"):
        read_state(tmp_path / "packed.pth")
    with pytest.raises(CheckpointError, match=f"should have {4 << 30} bytes, there are {4 << 20}"):
        read_state(tmp_path / "large.pth")


def test_safetensors_of_types_that_are_not_read_are_refused(tmp_path: Path) -> None:
    safetensors.torch.save_file({"a": torch.zeros(2, dtype=torch.bool)}, tmp_path / "bool.safetensors")
    with pytest.raises(CheckpointError, match="a is of 'BOOL'"):
        read_state(tmp_path / "bool.safetensors")


def test_a_changed_number_in_our_safetensors_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "d.safetensors"
    save_checkpoint(ConditionDiscriminator(1), path)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="SHA-256"):
        load_checkpoint(path)


def test_a_conversion_checks_before_it_writes(tmp_path: Path) -> None:
    network = ConditionGenerator(4)
    state = dict(network.state_dict())
    torch.save({**state, "more": torch.zeros(1)}, tmp_path / "more.pth")
    with pytest.raises(CheckpointError, match="1 extra: more"):
        convert_checkpoint(tmp_path / "more.pth", tmp_path / "more.safetensors")
    torch.save({**state, "module.conv.scale.bias": torch.zeros(32)}, tmp_path / "twice.pth")
    with pytest.raises(CheckpointError, match=r"has conv\.scale\.bias twice"):
        convert_checkpoint(tmp_path / "twice.pth", tmp_path / "twice.safetensors")
    assert not list(tmp_path.glob("*.safetensors"))
