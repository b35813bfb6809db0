"""Checkpoints of the four networks: published `.pth` files and our safetensors, in and out.

The contract that must not break: files are untrusted (tensors only, no pickled code), a file that doesn't fit exactly
is refused with every key that misses, is extra or has another shape, and conversion changes no bit.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from finetune.hr_viton.condition_generator import ConditionGenerator
from finetune.hr_viton.discriminators import ConditionDiscriminator, ImageDiscriminator
from finetune.hr_viton.image_generator import ImageGenerator
from vitonhd.atomic import atomic_file, write_atomic
from vitonhd.mismatch import Mismatch, listed

Network = ConditionGenerator | ImageGenerator | ConditionDiscriminator | ImageDiscriminator
State = dict[str, Tensor]

SAFETENSORS = ".safetensors"
PTH = (".pth", ".pt")
_HALF_SIZE = "half_size"


class CheckpointError(ValueError):
    """A file is no checkpoint, or one of another network."""


def compare(network: nn.Module, state: Mapping[str, Tensor]) -> Mismatch:
    """Which keys of `state` don't fit the network."""
    wanted = network.state_dict()
    reshaped = tuple(
        f"{key}: {tuple(state[key].shape)}, not {tuple(value.shape)}"
        for key, value in wanted.items()
        if key in state and state[key].shape != value.shape
    )
    return Mismatch(
        tuple(key for key in wanted if key not in state), tuple(k for k in state if k not in wanted), reshaped
    )


def read_state(path: Path) -> State:
    """The tensors of a `.pth` or safetensors file under our names, on the CPU. Raises CheckpointError, OSError."""
    state, _ = _read(path)
    return state


def load_checkpoint(path: Path) -> Network:
    """The network that a file holds, of the size and options that it shows, in evaluation mode, float32, on the CPU.

    Raises CheckpointError when the keys are no network's or a key misses, is extra or misshapen; OSError.
    """
    state, metadata = _read(path)
    with torch.device("meta"):
        network = _network_of(state, metadata, path)
    _assign(network, state, path)
    return network.eval()


def load_into(network: nn.Module, path: Path) -> None:
    """Fill a network from a file; refused as a whole (CheckpointError) when it doesn't fit exactly."""
    state = read_state(path)
    mismatch = compare(network, state)
    if mismatch:
        raise CheckpointError(f"{path} doesn't fit {type(network).__name__}: {mismatch}")
    network.load_state_dict(state)


def save_checkpoint(network: Network, path: Path) -> None:
    """The network's state, atomically: safetensors or, by the name's ending, a published-style `.pth`.

    Raises ValueError for another ending.
    """
    _write(dict(network.state_dict()), path, _metadata(network))


def convert_checkpoint(source: Path, target: Path) -> None:
    """One format to the other by the names' endings, bit for bit, after checking that the file is whole.

    Raises as `load_checkpoint` and `save_checkpoint`.
    """
    state, metadata = _read(source)
    with torch.device("meta"):
        network = _network_of(state, metadata, source)
    mismatch = compare(network, state)
    if mismatch:
        raise CheckpointError(f"{source} doesn't fit {type(network).__name__}: {mismatch}")
    _write(state, target, _metadata(network))


def _read(path: Path) -> tuple[State, dict[str, str]]:
    if path.suffix == SAFETENSORS:
        return _read_safetensors(path)
    with path.open("rb") as file:
        try:
            content = torch.load(file, map_location="cpu", weights_only=True)
        except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, OSError) as error:
            raise CheckpointError(f"{path} is no checkpoint of tensors alone: {_first_line(error)}") from error
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise CheckpointError(f"{path} holds {type(content).__name__}, not names with tensors")
    return _our_names(content, path), {}


def _read_safetensors(path: Path) -> tuple[State, dict[str, str]]:
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            return {key: file.get_tensor(key) for key in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
    except safetensors.SafetensorError as error:
        raise CheckpointError(f"{path} is no safetensors file: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _our_names(content: Mapping[str, Tensor], path: Path) -> State:
    """Without `module.`; older generator files say `ace` for `alias` and put `.Spade` in between."""
    state: State = {}
    for key, value in content.items():
        name = str(key).removeprefix("module.").replace("ace", "alias").replace(".Spade", "")
        if name in state:
            raise CheckpointError(f"{path} has {name} twice, with and without an old prefix")
        state[name] = value
    return state


def _write(state: State, path: Path, metadata: dict[str, str]) -> None:
    whole = {key: value.detach().cpu().contiguous() for key, value in state.items()}
    if path.suffix == SAFETENSORS:
        write_atomic(path, safetensors.torch.save(whole, metadata))
    elif path.suffix in PTH:
        with atomic_file(path) as file:
            torch.save(whole, file)
    else:
        raise ValueError(f"{path} must end in {SAFETENSORS} or {' or '.join(PTH)}")


def _metadata(network: nn.Module) -> dict[str, str]:
    metadata = {"format": "pt", "network": type(network).__name__}
    if isinstance(network, ConditionDiscriminator):
        metadata[_HALF_SIZE] = str(network.half_size).lower()
    return metadata


def _assign(network: Network, state: State, path: Path) -> None:
    mismatch = compare(network, state)
    if mismatch:
        raise CheckpointError(f"{path} doesn't fit {type(network).__name__}: {mismatch}")
    floats = {key: value.float() if value.is_floating_point() else value for key, value in state.items()}
    broken = tuple(key for key, value in floats.items() if not bool(torch.isfinite(value).all()))
    if broken:
        raise CheckpointError(f"{path} has numbers that aren't finite in {listed(broken)}")
    network.load_state_dict(floats, assign=True)


def _network_of(state: Mapping[str, Tensor], metadata: Mapping[str, str], path: Path) -> Network:
    """An empty network of the file's size and options, read off its keys and shapes."""
    try:
        if "ClothEncoder.0.scale.weight" in state:
            return _condition_generator_of(state)
        if "conv_img.weight" in state:
            return ImageGenerator(
                len(state["conv_0.weight"]) // 16,
                upsampling="most" if "up_4.conv_0.weight_orig" in state else "more",
                modulation_width=len(state["head_0.norm_0.conv_shared.0.weight"]),
            )
        if "layer0.0.weight" in state:
            return ConditionDiscriminator(
                len(state["layer0.0.weight"]),
                half_size=metadata.get(_HALF_SIZE, "true") == "true",
                dropout="layer0.13.weight" in state,
                spectral="layer0.2.weight_orig" in state,
            )
        if "discriminator_0.model0.0.weight" in state:
            return ImageDiscriminator(len(state["discriminator_0.model0.0.weight"]))
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} lacks what tells its size: {error}") from error
    raise CheckpointError(f"{path} is of no HR-VITON network; it starts {listed(tuple(state))}")


def _condition_generator_of(state: Mapping[str, Tensor]) -> ConditionGenerator:
    width = len(state["ClothEncoder.0.scale.weight"])
    last = state["SegDecoder.4.scale.1.weight"].shape[1]
    return ConditionGenerator(
        width,
        warp_feature="T1" if last == 6 * width else "encoder",
        out_layer="conv" if "out_layer.1.weight" in state else "relu",
    )


__all__ = [
    "CheckpointError",
    "Mismatch",
    "compare",
    "convert_checkpoint",
    "load_checkpoint",
    "load_into",
    "read_state",
    "save_checkpoint",
]
