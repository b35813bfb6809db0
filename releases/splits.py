"""Which split a garment belongs to: a stable hash, the same on every machine and in every year.

The contract that must not break: changing `hashed_split` would move items from test to train.
"""

from __future__ import annotations

import hashlib


def hashed_share(salt: str, key: str) -> float:
    """A number in [0, 1) that follows from the texts alone, evenly spread."""
    digest = hashlib.sha256(f"{salt}\0{key}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def hashed_split(salt: str, garment: str, test_share: float) -> str:
    """`test` for about `test_share` of all garments, else `train`. A larger share keeps all that were test."""
    return "test" if hashed_share(salt, garment) < test_share else "train"
