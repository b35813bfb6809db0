"""How the tensors of a weights file differ from those of a network, for the message that refuses the file.

The contract that must not break: every difference is counted; only how many are named is bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

_SHOWN = 6


class Described(Protocol):
    """A tensor, of a file or of a network, as far as it matters here."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> object: ...


@dataclass(frozen=True)
class Mismatch:
    """How a state differs from a network's."""

    missing: tuple[str, ...]
    extra: tuple[str, ...]
    reshaped: tuple[str, ...]
    """`key: shape in the file, not shape of the network`."""
    retyped: tuple[str, ...] = ()
    """`key: type in the file, not type of the network`; floating point numbers of any width fit one another."""

    def __bool__(self) -> bool:
        return bool(self.missing or self.extra or self.reshaped or self.retyped)

    def __str__(self) -> str:
        parts = (
            ("missing", self.missing),
            ("extra", self.extra),
            ("of another shape", self.reshaped),
            ("of another type", self.retyped),
        )
        return "; ".join(f"{len(keys)} {what}: {listed(keys)}" for what, keys in parts if keys)


def mismatch(
    wanted: Mapping[str, Described],
    found: Mapping[str, Described],
    *,
    spared: Callable[[str], bool] = lambda key: False,
) -> Mismatch:
    """Where what is found isn't what is wanted; a key that is `spared` may be missing."""
    both = [(key, found[key], value) for key, value in wanted.items() if key in found]
    return Mismatch(
        tuple(key for key in wanted if key not in found and not spared(key)),
        tuple(key for key in found if key not in wanted),
        tuple(f"{key}: {tuple(one.shape)}, not {tuple(two.shape)}" for key, one, two in both if one.shape != two.shape),
        tuple(f"{key}: {_name(one)}, not {_name(two)}" for key, one, two in both if _kind(one) != _kind(two)),
    )


def _name(tensor: Described) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _kind(tensor: Described) -> str:
    name = _name(tensor)
    return "float" if name.removeprefix("b").startswith("float") else name


def listed(keys: tuple[str, ...]) -> str:
    """The first few keys, and how many more there are."""
    return ", ".join(keys[:_SHOWN]) + (f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else "")
