"""How the tensors of a weights file differ from those of a network, for the message that refuses the file.

The contract that must not break: every difference is counted; only how many are named is bounded.
"""

from __future__ import annotations

from dataclasses import dataclass

_SHOWN = 6


@dataclass(frozen=True)
class Mismatch:
    """How a state differs from a network's."""

    missing: tuple[str, ...]
    extra: tuple[str, ...]
    reshaped: tuple[str, ...]
    """`key: shape in the file, not shape of the network`."""

    def __bool__(self) -> bool:
        return bool(self.missing or self.extra or self.reshaped)

    def __str__(self) -> str:
        parts = (("missing", self.missing), ("extra", self.extra), ("of another shape", self.reshaped))
        return "; ".join(f"{len(keys)} {what}: {listed(keys)}" for what, keys in parts if keys)


def listed(keys: tuple[str, ...]) -> str:
    """The first few keys, and how many more there are."""
    return ", ".join(keys[:_SHOWN]) + (f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else "")
