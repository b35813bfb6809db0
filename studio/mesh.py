"""Triangle meshes as arrays: normals, smoothing, and cutting along an iso-line.

The contract that must not break: a cut mesh's vertices are mixtures of two vertices of the mesh it was cut from, so
whatever is known there (position in any pose, texture coordinates) carries over linearly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def vertex_normals(vertices: Floats, faces: Ints) -> Floats:
    """Unit normals at the vertices, weighted by the area of the faces around; Vx3, zero where no face is."""
    corners = vertices[faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros_like(vertices)
    for corner in range(3):
        for axis in range(3):
            normals[:, axis] += np.bincount(faces[:, corner], across[:, axis], len(vertices))
    unit: Floats = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    return unit


@dataclass(frozen=True)
class Cut:
    """What is left of a mesh: vertex k is (1 - weight[k]) * first[k] + weight[k] * second[k] of the uncut mesh."""

    first: Ints
    second: Ints
    weight: Floats
    faces: Ints
    source_faces: Ints
    """For each face the uncut face that it is a part of."""

    def carry(self, values: Floats) -> Floats:
        """Values at the uncut vertices (V or VxN), at the cut mesh's vertices."""
        weight = self.weight if values.ndim == 1 else self.weight[:, None]
        return values[self.first] * (1 - weight) + values[self.second] * weight


def cut(faces: Ints, field: Floats) -> Cut:
    """The part of a mesh where `field` (one value per vertex, linear in between) is above 0."""
    inside = field > 0
    count = inside[faces].sum(axis=1)
    whole = np.flatnonzero(count == 3)
    # Turned so that the odd corner out comes first; the winding stays.
    one, two = _odd_first(faces, inside, count, 1), _odd_first(faces, inside, count, 2)
    kept, (a, b, c), (d, e, f) = faces[whole], one[1].T, two[1].T
    corner_pairs = [
        np.stack([kept, kept], axis=2),
        _pairs((a, a), (a, b), (a, c)),
        _pairs((d, e), (e, e), (f, f)),
        _pairs((d, e), (f, f), (d, f)),
    ]
    pairs = np.sort(np.concatenate(corner_pairs).reshape(-1, 2), axis=1)
    distinct, where = np.unique(pairs, axis=0, return_inverse=True)
    first, second = distinct.T
    step = field[first] - field[second]
    weight = np.where(first == second, 0.0, field[first] / np.where(step == 0, 1, step))
    return Cut(first, second, weight, where.reshape(-1, 3), np.concatenate([whole, one[0], two[0], two[0]]))


def _odd_first(faces: Ints, inside: Flags, count: Ints, wanted: int) -> tuple[Ints, Ints]:
    rows = np.flatnonzero(count == wanted)
    odd = (inside[faces[rows]] == (wanted == 1)).argmax(axis=1)
    turned: Ints = faces[rows][np.arange(len(rows))[:, None], (odd[:, None] + np.arange(3)) % 3]
    return rows, turned


def _pairs(*corners: tuple[Ints, Ints]) -> Ints:
    return np.stack([np.stack(pair, axis=1) for pair in corners], axis=1)


@dataclass(frozen=True)
class Neighbours:
    """Each vertex's neighbours for smoothing; a vertex on an open edge has only those along the edge."""

    start: Ints
    end: Ints
    count: Floats

    @classmethod
    def of(cls, faces: Ints, vertex_count: int) -> Neighbours:
        edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
        distinct, times = np.unique(edges, axis=0, return_counts=True)
        open_edge = times == 1
        on_edge = np.zeros(vertex_count, bool)
        on_edge[distinct[open_edge]] = True
        both = np.concatenate([distinct, distinct[:, ::-1]])
        both = both[~on_edge[both[:, 0]] | np.concatenate([open_edge, open_edge])]
        return cls(both[:, 0], both[:, 1], np.bincount(both[:, 0], minlength=vertex_count).astype(np.float64))

    def smooth(self, values: Floats, rounds: int, strength: float = 0.6) -> Floats:
        """VxN values moved `rounds` times towards the mean of their neighbours."""
        count = np.maximum(self.count, 1)[:, None]
        for _ in range(rounds):
            mean = np.stack([np.bincount(self.start, column[self.end], len(values)) for column in values.T], axis=1)
            values = np.where(self.count[:, None] > 0, values + strength * (mean / count - values), values)
        return values


@dataclass(frozen=True)
class Mixture:
    """A sparse matrix: row r mixes values[index[k]] by weight[k] for k in start[r]..start[r + 1]."""

    index: Ints
    weight: Floats
    start: Ints

    def __call__(self, values: Floats) -> Floats:
        """The mixtures of values (V or VxN)."""
        weight = self.weight if values.ndim == 1 else self.weight[:, None]
        mixed: Floats = np.add.reduceat(values[self.index] * weight, self.start, axis=0)
        return mixed


def loop(faces: Ints, vertex_count: int) -> tuple[Mixture, Ints]:
    """One Loop subdivision of a closed mesh: new vertices (old ones first) and faces, four for each old one.

    Source of the weights: Charles Loop, "Smooth Subdivision Surfaces Based on Triangles", 1987, with Warren's simpler
    weights for vertices. Raises ValueError where an edge has not exactly two faces.
    """
    sides = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges, which, times = np.unique(np.sort(sides, axis=1), axis=0, return_inverse=True, return_counts=True)
    if not (times == 2).all():
        raise ValueError("only closed meshes can be subdivided")
    opposite = np.concatenate([faces[:, 2], faces[:, 0], faces[:, 1]])[np.argsort(which, kind="stable")].reshape(-1, 2)
    both = np.concatenate([edges, edges[:, ::-1]])
    both = both[np.argsort(both[:, 0], kind="stable")]
    valence = np.bincount(both[:, 0], minlength=vertex_count)
    share = np.where(valence == 3, 3 / 16, 3 / 8 / np.maximum(valence, 1))
    itself = np.arange(vertex_count)
    rows = np.concatenate([itself, both[:, 0], np.repeat(np.arange(len(edges)) + vertex_count, 4)])
    index = np.concatenate([itself, both[:, 1], np.concatenate([edges, opposite], axis=1).ravel()])
    weight = np.concatenate([1 - valence * share, share[both[:, 0]], np.tile((3 / 8, 3 / 8, 1 / 8, 1 / 8), len(edges))])
    order = np.argsort(rows, kind="stable")
    start = np.searchsorted(rows[order], np.arange(vertex_count + len(edges)))
    middle = which.reshape(3, -1).T + vertex_count
    (a, b, c), (ab, bc, ca) = faces.T, middle.T
    fine = np.stack([np.stack(corner, axis=1) for corner in ((a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca))], 1)
    return Mixture(index[order], weight[order], start), fine.reshape(-1, 3)
