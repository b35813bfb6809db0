"""Camera and z-buffer: which triangle is in front at each pixel, and where on it.

The contract that must not break: no light, no blending, no anti-aliasing here; a fragment is one triangle with exact
perspective-correct weights at the pixel's centre, and everything else about the pixel follows from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from studio.mesh import Flags, Floats, Ints

_NOTHING = np.uint64(0xFFFFFFFFFFFFFFFF)
_CHUNK = 1_000_000
"""Pixels filled at a time: bounds the memory at about 100 MB."""


@dataclass(frozen=True)
class Camera:
    """A pinhole that looks along +y, level, from `distance` in front of the point (x, 0, z)."""

    width: int
    height: int
    x: float
    z: float
    distance: float
    """Metres from the plane y = 0."""
    span: float
    """Metres that the picture's height shows in the plane y = 0."""

    def project(self, points: Floats) -> Floats:
        """...x3 metres to ...x3: x, y in pixels (centre of the first is 0, 0) and depth in metres.

        The person faces the camera, so the person's left (+x) is on the picture's right.
        """
        depth = points[..., 1] + self.distance
        scale = self.height / self.span * self.distance / depth
        x = (self.width - 1) / 2 + (points[..., 0] - self.x) * scale
        y = (self.height - 1) / 2 - (points[..., 2] - self.z) * scale
        return np.stack([x, y, depth], axis=-1)

    def enlarged(self, factor: int) -> Camera:
        return Camera(self.width * factor, self.height * factor, self.x, self.z, self.distance, self.span)


@dataclass(frozen=True)
class Fragments:
    """What is in front at each pixel."""

    triangle: Ints
    """HxW, -1 where nothing is."""
    planes: Floats
    """Tx3x3: the corners' flat weights as planes over the picture."""
    depths: Floats
    """Tx3 metres of the corners."""

    @cached_property
    def covered(self) -> Flags:
        """HxW; "the covered pixels" are these in row order, P of them."""
        covered: Flags = self.triangle >= 0
        return covered

    @cached_property
    def hit(self) -> Ints:
        """P triangles at the covered pixels."""
        hit: Ints = self.triangle[self.covered]
        return hit

    @cached_property
    def weights(self) -> Floats:
        """Px3 weights of the corners at the covered pixels, perspective-correct, sum 1."""
        triangle, (y, x) = self.hit, self.covered.nonzero()
        a, b, c = np.moveaxis(self.planes[triangle], 2, 0)
        true = np.maximum(a * x[:, None] + b * y[:, None] + c, 0) / self.depths[triangle]
        weights: Floats = true / true.sum(axis=1, keepdims=True)
        return weights

    def only(self, mask: Flags) -> Fragments:
        """The fragments where `mask` (HxW) is set."""
        return Fragments(np.where(mask, self.triangle, -1), self.planes, self.depths)

    def carry(self, faces: Ints, values: Floats) -> Floats:
        """Vertex values (V or VxN) at the covered pixels: P or PxN."""
        corners = np.take(values.reshape(len(values), -1), np.take(faces, self.hit, axis=0), axis=0)
        there: Floats = np.matmul(self.weights[:, None], corners)[:, 0].reshape(len(self.hit), *values.shape[1:])
        return there


def rasterise(vertices: Floats, faces: Ints, camera: Camera) -> Fragments:
    """The nearest triangle at each pixel centre, both sides seen; ties go to the lower index."""
    corners = camera.project(vertices)[faces]
    planes, sound = _planes(corners)
    nearness = (planes / corners[:, :, 2, None]).sum(axis=1)
    top = np.maximum(np.ceil(corners[:, :, 1].min(axis=1)), 0).astype(np.int64)
    bottom = np.minimum(np.floor(corners[:, :, 1].max(axis=1)), camera.height - 1).astype(np.int64)
    across = np.ceil(corners[:, :, 0].min(axis=1)) <= np.floor(corners[:, :, 0].max(axis=1))
    rows = np.where(sound & across, np.maximum(bottom - top + 1, 0), 0)
    triangle, step = _expand(rows)
    y = top[triangle] + step
    start, length = _spans(planes, triangle, y, camera.width)
    front = np.full(camera.width * camera.height, _NOTHING)
    for some in _chunks(length):
        span, step = _expand(length[some])
        span += some.start
        x, row, face = start[span] + step, y[span], triangle[span]
        near = nearness[face]
        depth = 1 / (near[:, 0] * x + near[:, 1] * row + near[:, 2])
        key = depth.astype(np.float32).view(np.uint32).astype(np.uint64) << np.uint64(32)
        np.minimum.at(front, row * camera.width + x, key | face.astype(np.uint64))
    nearest = np.where(front == _NOTHING, -1, (front & np.uint64(0xFFFFFFFF)).astype(np.int64))
    return Fragments(nearest.reshape(camera.height, camera.width), planes, corners[:, :, 2])


def _planes(corners: Floats) -> tuple[Floats, Flags]:
    """Each triangle's flat weights as planes over the picture, Tx3x3: weight = a x + b y + c; and which are sound."""
    x, y = corners[:, :, 0], corners[:, :, 1]
    (bx, by), (cx, cy) = (np.roll(x, -1, 1), np.roll(y, -1, 1)), (np.roll(x, -2, 1), np.roll(y, -2, 1))
    planes = np.stack([by - cy, cx - bx, bx * cy - by * cx], axis=2)
    area = planes[:, :, 2].sum(axis=1)
    sound: Flags = (np.abs(area) > 1e-9) & (corners[:, :, 2].min(axis=1) > 0.1)
    return planes / np.where(sound, area, 1)[:, None, None], sound


def _spans(planes: Floats, triangle: Ints, y: Ints, width: int) -> tuple[Ints, Ints]:
    """First pixel and number of pixels of each triangle's share of a row."""
    low, high = np.zeros(len(y)), np.full(len(y), width - 1.0)
    for corner in range(3):
        slope, b, c = np.ascontiguousarray(planes[:, corner].T)
        steep = np.where(slope == 0, 1, slope)
        bound = (-b / steep)[triangle] * y + (-c / steep)[triangle]
        np.maximum(low, bound, out=low, where=(slope > 0)[triangle])
        np.minimum(high, bound, out=high, where=(slope < 0)[triangle])
        level = np.flatnonzero((slope == 0)[triangle])
        outside = b[triangle[level]] * y[level] + c[triangle[level]] < 0
        high[level[outside]] = -1
    # Rounding must not open a gap between neighbours.
    first = np.ceil(low - 1e-9).astype(np.int64)
    return first, np.maximum(np.floor(high + 1e-9).astype(np.int64) - first + 1, 0)


def _expand(counts: Ints) -> tuple[Ints, Ints]:
    """For counts 2, 0, 3: owners 0 0 2 2 2 and steps 0 1 0 1 2."""
    owner = np.repeat(np.arange(len(counts)), counts)
    return owner, np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)


def _chunks(length: Ints) -> list[slice]:
    """Runs of spans of about _CHUNK pixels each."""
    group = np.cumsum(length) // _CHUNK
    ends = [0, *(np.flatnonzero(np.diff(group)) + 1).tolist(), len(length)]
    return [slice(start, end) for start, end in pairwise(ends) if end > start]
