import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.raster import Camera, rasterise

CAMERA = Camera(64, 96, 0.0, 0.0, 4.0, 2.0)
coordinates = st.floats(-0.6, 0.6)
points = st.tuples(coordinates, st.floats(-1, 1), coordinates)


@given(st.lists(points, min_size=3, max_size=3))
def test_weights_are_perspective_correct(corners: list[tuple[float, float, float]]) -> None:
    vertices = np.array(corners)
    fragments = rasterise(vertices, np.array([[0, 1, 2]]), CAMERA)
    found = fragments.carry(np.array([[0, 1, 2]]), vertices)
    y, x = np.nonzero(fragments.covered)
    assert np.allclose(CAMERA.project(found)[:, 0], x, atol=1e-4)
    assert np.allclose(CAMERA.project(found)[:, 1], y, atol=1e-4)
    assert np.allclose(fragments.weights.sum(axis=1), 1)


@given(st.floats(-1, 0.9), st.floats(-1, 0.9))
def test_the_nearer_of_two_squares_is_seen(one: float, other: float) -> None:
    square = np.array([(-0.5, 0, -0.5), (0.5, 0, -0.5), (0.5, 0, 0.5), (-0.5, 0, 0.5)], float)
    vertices = np.concatenate([square + np.array((0, one, 0)), square + np.array((0, other, 0))])
    faces = np.array([(0, 1, 2), (0, 2, 3), (4, 5, 6), (4, 6, 7)])
    seen = rasterise(vertices, faces, CAMERA).triangle[48, 32] // 2
    assert abs(one - other) < 1e-6 or seen == int(other < one)


def test_neighbouring_triangles_leave_no_gap() -> None:
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    rim = np.stack([0.7 * np.cos(angles), 0 * angles, 0.7 * np.sin(angles)], axis=1)
    vertices = np.concatenate([np.zeros((1, 3)), rim])
    faces = np.array([(0, 1 + i, 1 + (i + 1) % 40) for i in range(40)])
    covered = rasterise(vertices, faces, CAMERA).covered
    y, x = np.mgrid[:96, :64]
    inside = np.hypot(x - 31.5, y - 47.5) < 0.69 * 48 * np.cos(np.pi / 40)
    assert covered[inside & (x > 0) & (x < 63)].all()


def test_what_is_behind_the_camera_or_beside_the_picture_is_not_seen() -> None:
    triangle = np.array([(-0.5, 0, 0), (0.5, 0, 0), (0, 0, 0.5)])
    faces = np.array([[0, 1, 2]])
    assert not rasterise(triangle + np.array((0, -5, 0)), faces, CAMERA).covered.any()
    assert not rasterise(triangle + np.array((9, 0, 0)), faces, CAMERA).covered.any()


def test_the_persons_left_is_on_the_pictures_right() -> None:
    assert CAMERA.project(np.array([0.3, 0, 0.2]))[0] > CAMERA.project(np.zeros(3))[0]


def test_a_larger_picture_shows_the_same() -> None:
    point = np.array([0.2, 0.1, 0.3])
    small, large = CAMERA.project(point), CAMERA.enlarged(2).project(point)
    assert (large[:2] + 0.5) / 2 - 0.5 == pytest.approx(small[:2])
