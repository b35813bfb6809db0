"""Checkpoints: both formats, the published quirks, and files that don't fit."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from finetune.hr_viton import (
    CheckpointError,
    ConditionDiscriminator,
    ConditionGenerator,
    ImageDiscriminator,
    ImageGenerator,
    convert_checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from finetune.hr_viton.checkpoints import Network, load_into, read_state

NETWORKS: list[Network] = [
    ConditionGenerator(4),
    ConditionGenerator(4, warp_feature="encoder", out_layer="conv"),
    ImageGenerator(2),
    ImageGenerator(4, upsampling="more", modulation_width=16),
    ConditionDiscriminator(8, half_size=False, dropout=False),
    ConditionDiscriminator(8, spectral=True),
    ImageDiscriminator(8),
]


def same_bits(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(
        one[key].dtype == other[key].dtype and torch.equal(one[key], other[key]) for key in one
    )


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: type(network).__name__)
def test_round_trip_through_both_formats_is_bit_identical(network: Network, tmp_path: Path) -> None:
    first, second, third = (tmp_path / name for name in ("a.pth", "b.safetensors", "c.pth"))
    save_checkpoint(network, first)
    convert_checkpoint(first, second)
    convert_checkpoint(second, third)
    for path in (second, third):
        loaded = load_checkpoint(path)
        assert type(loaded) is type(network) and not loaded.training
        assert same_bits(dict(loaded.state_dict()), dict(network.state_dict()))


def test_options_that_leave_no_trace_in_the_keys_survive_in_safetensors(tmp_path: Path) -> None:
    save_checkpoint(ConditionDiscriminator(8, half_size=False), tmp_path / "d.safetensors")
    loaded = load_checkpoint(tmp_path / "d.safetensors")
    assert isinstance(loaded, ConditionDiscriminator) and not loaded.half_size
    save_checkpoint(ImageGenerator(2, upsampling="normal"), tmp_path / "g.safetensors")
    generator = load_checkpoint(tmp_path / "g.safetensors")
    assert isinstance(generator, ImageGenerator) and generator.upsampling == "normal"


def test_file_saved_with_torch_s_own_spectral_norm_and_data_parallel_loads(tmp_path: Path) -> None:
    network = ImageGenerator(2)
    state = OrderedDict((f"module.{key}", value) for key, value in network.state_dict().items())
    torch.save(state, tmp_path / "gen.pth")
    assert same_bits(read_state(tmp_path / "gen.pth"), dict(network.state_dict()))
    torch.manual_seed(1)
    theirs = nn.utils.spectral_norm(nn.Conv2d(3, 5, 3))  # the old-style form that the published files were saved with
    assert {"bias", "weight_orig", "weight_u", "weight_v"} == set(theirs.state_dict())
    ours = network.head_0.conv_0.__class__(3, 5, 3)
    ours.load_state_dict(theirs.state_dict())
    picture = torch.randn(1, 3, 9, 9)
    for training in (True, True, False):
        theirs.train(training), ours.train(training)
        assert torch.allclose(ours(picture), theirs(picture), atol=1e-6)


def test_older_generator_names_are_understood(tmp_path: Path) -> None:
    network = ImageGenerator(2)
    old = {key.replace("norm_0.conv", "norm_0.Spade.conv"): value for key, value in network.state_dict().items()}
    torch.save(old, tmp_path / "old.pth")
    assert same_bits(dict(load_checkpoint(tmp_path / "old.pth").state_dict()), dict(network.state_dict()))


def test_ace_in_older_names_is_alias(tmp_path: Path) -> None:
    torch.save({"module.up_0.ace_0.Spade.weight": torch.zeros(1)}, tmp_path / "old.pth")
    assert list(read_state(tmp_path / "old.pth")) == ["up_0.alias_0.weight"]


def test_mismatch_names_every_key_and_changes_nothing(tmp_path: Path) -> None:
    network = ConditionGenerator(4)
    state = dict(network.state_dict())
    del state["conv.scale.bias"]
    state["conv.scale.gain"] = torch.zeros(1)
    state["out_layer.block.4.bias"] = torch.zeros(14)
    torch.save(state, tmp_path / "bad.pth")
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(tmp_path / "bad.pth")
    for part in ("1 missing: conv.scale.bias", "1 extra: conv.scale.gain", "out_layer.block.4.bias: (14,), not (13,)"):
        assert part in str(caught.value)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    with pytest.raises(CheckpointError, match=r"conv\.scale\.gain"):
        load_into(network, tmp_path / "bad.pth")
    assert same_bits(before, dict(network.state_dict()))


def test_another_network_is_refused_by_name(tmp_path: Path) -> None:
    save_checkpoint(ImageDiscriminator(8), tmp_path / "d.pth")
    with pytest.raises(CheckpointError, match="doesn't fit ConditionGenerator"):
        load_into(ConditionGenerator(4), tmp_path / "d.pth")
    torch.save({"weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match="no HR-VITON network"):
        load_checkpoint(tmp_path / "other.pth")


class _Payload:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("import tests; tests.payload_ran = True",)


@pytest.mark.parametrize("name", ["code.pth", "code.safetensors"])
def test_pickled_code_is_refused_and_not_run(name: str, tmp_path: Path) -> None:
    import tests

    (tmp_path / name).write_bytes(pickle.dumps({"a": _Payload()}, protocol=2))
    with pytest.raises(CheckpointError):
        load_checkpoint(tmp_path / name)
    torch.save({"a": _Payload()}, tmp_path / "zip.pth")
    with pytest.raises(CheckpointError):
        load_checkpoint(tmp_path / "zip.pth")
    assert not hasattr(tests, "payload_ran")


@pytest.mark.parametrize("keep", [0, 10, 5000])
@pytest.mark.parametrize("name", ["cut.pth", "cut.safetensors"])
def test_cut_file_is_refused(name: str, keep: int, tmp_path: Path) -> None:
    save_checkpoint(ImageDiscriminator(8), tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[:keep])
    with pytest.raises(CheckpointError):
        load_checkpoint(tmp_path / name)


def test_numbers_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    network = ImageDiscriminator(8)
    with torch.no_grad():
        network.get_parameter("discriminator_0.model0.0.weight")[0, 0, 0, 0] = torch.nan
    save_checkpoint(network, tmp_path / "nan.safetensors")
    with pytest.raises(CheckpointError, match=r"discriminator_0\.model0\.0\.weight"):
        load_checkpoint(tmp_path / "nan.safetensors")


def test_half_precision_file_loads_as_float32(tmp_path: Path) -> None:
    network = ImageGenerator(2)
    half = {key: value.half() for key, value in network.state_dict().items()}
    torch.save(half, tmp_path / "half.pth")
    loaded = load_checkpoint(tmp_path / "half.pth")
    assert {value.dtype for value in loaded.state_dict().values()} == {torch.float32}


def test_unknown_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\.safetensors or \.pth"):
        save_checkpoint(ImageDiscriminator(8), tmp_path / "network.bin")
    assert not list(tmp_path.iterdir())
