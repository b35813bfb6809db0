"""Checkpoints of the four networks: published `.pth` files and our safetensors, in and out.

The contract that must not break: files are untrusted (plain tensors only, nothing runs), a file that doesn't fit
exactly is refused with every key that misses, is extra or has another shape or type, and conversion changes no bit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn

from finetune.hr_viton.condition_generator import ConditionGenerator
from finetune.hr_viton.discriminators import ConditionDiscriminator, ImageDiscriminator
from finetune.hr_viton.image_generator import ImageGenerator
from finetune.hr_viton.sizes import Upsampling
from vitonhd.atomic import atomic_file, write_atomic
from vitonhd.mismatch import Mismatch, listed, mismatch
from vitonhd.stored_tensors import StoredTensor, TensorFileError, read_safetensors, unsound
from vitonhd.torch_files import read_torch_file

Network = ConditionGenerator | ImageGenerator | ConditionDiscriminator | ImageDiscriminator
State = dict[str, Tensor]

SAFETENSORS = ".safetensors"
PTH = (".pth", ".pt")
_NETWORK, _HALF_SIZE, _UPSAMPLING, _DIGEST = "network", "half_size", "upsampling", "sha256"


class CheckpointError(ValueError):
    """A file is no checkpoint, or one of another network."""


def compare(network: nn.Module, state: Mapping[str, Tensor]) -> Mismatch:
    """How `state` differs from the network's own in names, shapes and types."""
    return mismatch(network.state_dict(), state)


def read_state(path: Path) -> State:
    """The tensors of a `.pth` or safetensors file under our names, on the CPU. Raises CheckpointError, OSError."""
    state, _ = _read(path)
    return {key: _tensor(value) for key, value in state.items()}


def load_checkpoint(path: Path) -> Network:
    """The network that a file holds, of the size and options that it shows, in evaluation mode, float32, on the CPU.

    Raises CheckpointError when the keys are no network's or a key misses, is extra or misshapen; OSError.
    """
    state, metadata = _read(path)
    network = _empty_network(state, metadata, path)
    tensors = _checked(network, state, path)
    network.load_state_dict({key: _float32(value) for key, value in tensors.items()}, assign=True)
    return network.eval()


def load_into(network: nn.Module, path: Path) -> None:
    """Fill a network from a file; refused as a whole (CheckpointError) when it doesn't fit exactly."""
    state, _ = _read(path)
    network.load_state_dict(_checked(network, state, path))


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
    network = _empty_network(state, metadata, source)
    _write(_checked(network, state, source), target, _metadata(network))


def _read(path: Path) -> tuple[dict[str, StoredTensor], dict[str, str]]:
    try:
        if path.suffix == SAFETENSORS:
            state, metadata = read_safetensors(path)
        else:
            with path.open("rb") as file:
                state, metadata = read_torch_file(file), {}
    except TensorFileError as error:
        raise CheckpointError(f"{path} is no checkpoint: {error}") from None
    if _DIGEST in metadata and metadata[_DIGEST] != _digest(state, metadata):
        raise CheckpointError(f"{path} is damaged: its SHA-256 is not the one in it")
    return _our_names(state, path), metadata


def _digest(state: Mapping[str, StoredTensor], metadata: Mapping[str, str]) -> str:
    """Of all that a file says; safetensors have no checksums of their own."""
    said = hashlib.sha256()
    for name, text in sorted(metadata.items()):
        if name != _DIGEST:
            said.update(f"{name}={text}\n".encode())
    for key, value in sorted(state.items()):
        said.update(f"{key}: {value.dtype} {value.shape}\n".encode())
        said.update(value.array.data)
    return said.hexdigest()


def _tensor(stored: StoredTensor) -> Tensor:
    tensor = torch.from_numpy(stored.array)
    return tensor.view(torch.bfloat16) if stored.dtype == "bfloat16" else tensor


def _stored(tensor: Tensor) -> StoredTensor:
    dense = tensor.detach().cpu().contiguous()
    bits = dense.view(torch.uint16) if dense.dtype == torch.bfloat16 else dense
    return StoredTensor(str(tensor.dtype).removeprefix("torch."), bits.numpy())


def _float32(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.is_floating_point() else tensor


def _checked(network: nn.Module, state: Mapping[str, StoredTensor], path: Path) -> State:
    """The tensors, which are exactly the network's and sound. Raises CheckpointError."""
    if unfit := mismatch(network.state_dict(), state):
        raise CheckpointError(f"{path} doesn't fit {type(network).__name__}: {unfit}")
    if faults := unsound(state):
        raise CheckpointError(f"{path} has been damaged or badly trained: {listed(faults)}")
    return {key: _tensor(value) for key, value in state.items()}


def _our_names(content: Mapping[str, StoredTensor], path: Path) -> dict[str, StoredTensor]:
    """Without `module.`; older generator files say `ace` for `alias` and put `.Spade` in between."""
    state: dict[str, StoredTensor] = {}
    for key, value in content.items():
        name = key.removeprefix("module.").replace("ace", "alias").replace(".Spade", "")
        if name in state:
            raise CheckpointError(f"{path} has {name} twice, with and without an old prefix")
        state[name] = value
    return state


def _write(state: State, path: Path, metadata: dict[str, str]) -> None:
    whole = {key: value.detach().cpu().contiguous() for key, value in state.items()}
    if path.suffix == SAFETENSORS:
        signed = {**metadata, _DIGEST: _digest({key: _stored(value) for key, value in whole.items()}, metadata)}
        write_atomic(path, safetensors.torch.save(whole, signed))
    elif path.suffix in PTH:
        with atomic_file(path) as file:
            torch.save(whole, file)
    else:
        raise ValueError(f"{path} must end in {SAFETENSORS} or {' or '.join(PTH)}")


def _metadata(network: nn.Module) -> dict[str, str]:
    metadata = {"format": "pt", _NETWORK: type(network).__name__}
    if isinstance(network, ConditionDiscriminator):
        metadata[_HALF_SIZE] = str(network.half_size).lower()
    if isinstance(network, ImageGenerator):
        metadata[_UPSAMPLING] = network.upsampling
    return metadata


def _empty_network(state: Mapping[str, StoredTensor], metadata: Mapping[str, str], path: Path) -> Network:
    """Of the file's size and options, read off its keys and shapes; its parameters take no memory."""
    try:
        with torch.device("meta"):
            network = _network_of(state, metadata)
    except (KeyError, IndexError, TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{path} lacks what tells its size: {error}") from None
    if network is None:
        raise CheckpointError(f"{path} is of no HR-VITON network; it starts {listed(tuple(state))}")
    if metadata.get(_NETWORK, type(network).__name__) != type(network).__name__:
        raise CheckpointError(f"{path} says {metadata[_NETWORK]} and holds {type(network).__name__}")
    return network


def _network_of(state: Mapping[str, StoredTensor], metadata: Mapping[str, str]) -> Network | None:
    def side(key: str, number: int = 0) -> int:
        return state[key].shape[number]

    if "ClothEncoder.0.scale.weight" in state:
        width = side("ClothEncoder.0.scale.weight")
        return ConditionGenerator(
            width,
            warp_feature="T1" if side("SegDecoder.4.scale.1.weight", 1) == 6 * width else "encoder",
            out_layer="conv" if "out_layer.1.weight" in state else "relu",
        )
    if "conv_img.weight" in state:
        return ImageGenerator(
            side("conv_0.weight") // 16,
            upsampling=_upsampling(metadata.get(_UPSAMPLING), most="up_4.conv_0.weight_orig" in state),
            modulation_width=side("head_0.norm_0.conv_shared.0.weight"),
        )
    if "layer0.0.weight" in state:
        return ConditionDiscriminator(
            side("layer0.0.weight"),
            half_size={"true": True, "false": False}[metadata.get(_HALF_SIZE, "true")],
            dropout="layer0.13.weight" in state,
            spectral="layer0.2.weight_orig" in state,
        )
    if "discriminator_0.model0.0.weight" in state:
        return ImageDiscriminator(side("discriminator_0.model0.0.weight"))
    return None


def _upsampling(said: str | None, *, most: bool) -> Upsampling:
    """The keys tell `most` from the others; `more` and `normal` have the same."""
    if most:
        return "most"
    return "normal" if said == "normal" else "more"


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
