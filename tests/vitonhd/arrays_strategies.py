"""Synthetic arrays for the format's tests: label maps, masks, pictures and bodies."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vitonhd.arrays import Points
from vitonhd.keypoints import Skeleton
from vitonhd.labels import LabelTable

SHAPES = hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=24)


def label_maps(table: LabelTable) -> st.SearchStrategy[np.ndarray]:
    return hnp.arrays(np.uint8, SHAPES, elements=st.integers(0, len(table) - 1))


def masks() -> st.SearchStrategy[np.ndarray]:
    return hnp.arrays(np.bool_, SHAPES)


def pictures() -> st.SearchStrategy[np.ndarray]:
    return SHAPES.flatmap(lambda shape: hnp.arrays(np.uint8, (*shape, 3)))


def bodies(skeleton: Skeleton) -> st.SearchStrategy[Points]:
    """Joints inside a 768x1024 picture, some of them missing."""
    joint = st.tuples(st.floats(0, 767), st.floats(0, 1023), st.floats(0.01, 1)) | st.just((0.0, 0.0, 0.0))
    return st.lists(joint, min_size=len(skeleton), max_size=len(skeleton)).map(np.array)


def synthetic_points(skeleton: Skeleton, seed: int = 0) -> Points:
    """A body with all joints visible."""
    random = np.random.default_rng(seed)
    return np.column_stack(
        [
            random.uniform(10, 700, len(skeleton)),
            random.uniform(10, 1000, len(skeleton)),
            random.uniform(0.1, 1, len(skeleton)),
        ]
    )
