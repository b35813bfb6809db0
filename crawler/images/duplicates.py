"""Near duplicates: the same photo in another size, format or quality, found over the whole catalogue.

The contract that must not break: the result is a function of the `image` table's contents alone, not of the order in
which pictures came, so it may be computed again at any time and a run that was killed before it leaves no gap.

Two pictures are near duplicates when their hashes differ in at most 6 of 64 bits, their aspect ratios by at most 2%,
and their thumbnails hardly: the colour variants of one garment have the same structure, so the colours decide.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, bindparam, select, update

from db.models import Image

MAX_BITS = 6
MAX_ASPECT = 0.02
# Levels of 255. A resized or recompressed copy stays below a mean of 2 and, in any of the 8x8 cells, below 6.
MAX_MEAN = 3.0
MAX_CELL = 10

_PAGE = 5_000
_CHUNK = 1 << 20
# Four bands of 16 bits: of 6 differing bits one band has at most one, so it is found beside its 17 nearest values.
_BANDS = 4
_BAND_BITS = 16

Indices = NDArray[np.intp]


@dataclass(frozen=True)
class _Pictures:
    """All pictures in order of their SHA-256: 60 bytes each, thumbnails left in the database."""

    sha256: NDArray[np.void]
    phash: NDArray[np.uint64]
    log_aspect: NDArray[np.float32]
    pixels: NDArray[np.int64]
    marked: dict[int, str]

    def name(self, index: int) -> str:
        return bytes(self.sha256[index]).hex()


def mark_near_duplicates(engine: Engine) -> int:
    """Point every near duplicate at the best picture of its group (most pixels, then smallest SHA-256).

    Writes only what changes. Returns how many pictures stand behind a better one.
    """
    pictures = _read(engine)
    edges = [_alike(engine, pictures, left, right) for left, right in near_pairs(pictures.phash, pictures.log_aspect)]
    best = _representatives(edges, pictures.pixels)
    wanted = {index: pictures.name(head) for index, head in best.items()}
    changes = [
        {"_sha256": pictures.name(index), "_best": wanted.get(index)}
        for index in sorted(wanted.keys() | pictures.marked.keys())
        if wanted.get(index) != pictures.marked.get(index)
    ]
    _write(engine, changes)
    return len(wanted)


def near_pairs(phash: NDArray[np.uint64], log_aspect: NDArray[np.float32]) -> Iterator[tuple[Indices, Indices]]:
    """Pairs (left, right) of indices that are near by hash and aspect, each once, in arrays of bounded size."""
    mask = np.uint64((1 << _BAND_BITS) - 1)
    for band in range(_BANDS):
        values = (phash >> np.uint64(band * _BAND_BITS) & mask).astype(np.int64)
        for left, right in _neighbours(values):
            differing = phash[left] ^ phash[right]
            near = np.bitwise_count(differing) <= MAX_BITS
            near &= np.abs(log_aspect[left] - log_aspect[right]) <= np.log1p(MAX_ASPECT)
            left, right, differing = left[near], right[near], differing[near]
            # A pair that an earlier band brings up too was reported there.
            new = np.ones(len(left), np.bool_)
            for earlier in range(band):
                new &= np.bitwise_count(differing >> np.uint64(earlier * _BAND_BITS) & mask) > 1
            if new.any():
                yield left[new], right[new]


def _neighbours(values: NDArray[np.int64]) -> Iterator[tuple[Indices, Indices]]:
    """Index pairs whose 16-bit values differ in at most one bit, each pair once, at most about _CHUNK at a time."""
    order = np.argsort(values, kind="stable")
    starts = np.searchsorted(values[order], np.arange((1 << _BAND_BITS) + 1))
    place = np.arange(len(values))
    sorted_values = values[order]
    for flipped in [0, *(1 << bit for bit in range(_BAND_BITS))]:
        partner = sorted_values ^ flipped
        if flipped:
            first = np.where(partner > sorted_values, starts[partner], 0)
            last = np.where(partner > sorted_values, starts[partner + 1], 0)
        else:
            first, last = place + 1, starts[sorted_values + 1]
        for at, to in _chunks(last - first):
            counts = (last - first)[at:to]
            left = np.repeat(place[at:to], counts)
            offsets = np.arange(len(left)) - np.repeat(np.cumsum(counts) - counts, counts)
            yield order[left], order[np.repeat(first[at:to], counts) + offsets]


def _chunks(counts: NDArray[np.intp]) -> Iterator[tuple[int, int]]:
    """Split rows into [start, end) so that the counts of each part add up to about _CHUNK, or are one row's."""
    total = np.cumsum(counts)
    start = 0
    while start < len(counts):
        before = int(total[start - 1]) if start else 0
        if before == total[-1]:
            return
        end = max(start + 1, int(np.searchsorted(total, before + _CHUNK, side="right")))
        yield start, end
        start = end


def _alike(engine: Engine, pictures: _Pictures, left: Indices, right: Indices) -> list[tuple[int, int]]:
    """Those of the pairs whose thumbnails are alike."""
    found: list[tuple[int, int]] = []
    for at in range(0, len(left), _PAGE):
        a, b = left[at : at + _PAGE], right[at : at + _PAGE]
        indices, places = np.unique(np.concatenate([a, b]), return_inverse=True)
        thumbnails = _thumbnails(engine, [pictures.name(index) for index in indices.tolist()])
        apart = np.abs(thumbnails[places[: len(a)]] - thumbnails[places[len(a) :]])
        alike = (apart.mean(axis=1) <= MAX_MEAN) & (apart.max(axis=1) <= MAX_CELL)
        found.extend(zip(a[alike].tolist(), b[alike].tolist(), strict=True))
    return found


def _representatives(edges: Sequence[Sequence[tuple[int, int]]], pixels: NDArray[np.int64]) -> dict[int, int]:
    """The best member of every connected group, for each of its other members."""
    parent: dict[int, int] = {}

    def root(index: int) -> int:
        while (above := parent.setdefault(index, index)) != index:
            parent[index] = index = parent[above]
        return index

    def rank(index: int) -> tuple[int, int]:
        return -int(pixels[index]), index

    for part in edges:
        for left, right in part:
            best, other = sorted((root(left), root(right)), key=rank)
            parent[other] = best
    return {index: root(index) for index in list(parent) if root(index) != index}


def _read(engine: Engine) -> _Pictures:
    names: list[NDArray[np.void]] = []
    numbers: list[NDArray[Any]] = []
    marked: dict[int, str] = {}
    last, count = "", 0
    while True:
        query = (
            select(Image.sha256, Image.phash, Image.width, Image.height, Image.near_duplicate_of)
            .where(Image.sha256 > last)
            .order_by(Image.sha256)
            .limit(_PAGE)
        )
        with engine.connect() as connection:
            rows = connection.execute(query).all()
        if not rows:
            break
        last = rows[-1][0]
        names.append(np.frombuffer(b"".join(bytes.fromhex(row[0]) for row in rows), np.dtype("V32")))
        numbers.append(np.array([row[1:4] for row in rows], np.int64))
        marked.update((count + place, row[4]) for place, row in enumerate(rows) if row[4] is not None)
        count += len(rows)
    table = np.concatenate(numbers) if numbers else np.empty((0, 3), np.int64)
    return _Pictures(
        sha256=np.concatenate(names) if names else np.empty(0, np.dtype("V32")),
        phash=table[:, 0].astype(np.uint64),
        log_aspect=np.log(table[:, 1] / table[:, 2]).astype(np.float32),
        pixels=table[:, 1] * table[:, 2],
        marked=marked,
    )


def _thumbnails(engine: Engine, names: list[str]) -> NDArray[np.float32]:
    """Thumbnails as float32 Nx192, in the order of the names."""
    found: dict[str, bytes] = {}
    with engine.connect() as connection:
        for at in range(0, len(names), _PAGE):
            query = select(Image.sha256, Image.thumbnail).where(Image.sha256.in_(names[at : at + _PAGE]))
            found.update((name, thumbnail) for name, thumbnail in connection.execute(query))
    pixels = np.frombuffer(b"".join(found[name] for name in names), np.uint8)
    return pixels.reshape(len(names), -1).astype(np.float32)


def _write(engine: Engine, changes: list[dict[str, Any]]) -> None:
    table = Image.__table__
    statement = update(Image).where(table.c.sha256 == bindparam("_sha256")).values(near_duplicate_of=bindparam("_best"))
    for at in range(0, len(changes), _PAGE):
        with engine.begin() as connection:
            connection.execute(statement, changes[at : at + _PAGE])
