"""The pair files of a release.

The contract that must not break: nobody in a test pair is of the train split, and one item more or less changes the
lines of its neighbours only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from releases.splits import hashed_share
from vitonhd.pair_files import Pair


def paired(ids: Iterable[str]) -> Iterator[Pair]:
    return (Pair(id, id) for id in ids)


def unpaired(garments: dict[str, str]) -> list[Pair]:
    """Each item's person with another item's garment, by ascending id; `garments` is the garment identity by id.

    Items stand in a ring in the order of their ids' hashes, and a person tries on the next garment of another identity.
    Where all items are of one garment there is no such pair.
    """
    ring = sorted(garments, key=lambda id: (hashed_share("unpaired", id), id))
    found: list[Pair] = []
    for place, person in enumerate(ring):
        others = (ring[(place + step) % len(ring)] for step in range(1, len(ring)))
        cloth = next((other for other in others if garments[other] != garments[person]), None)
        if cloth is not None:
            found.append(Pair(person, cloth))
    return sorted(found)
