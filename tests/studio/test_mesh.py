import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from studio.mesh import Neighbours, cut, loop, vertex_normals

SIDE = 5
_ROW, _COLUMN = np.meshgrid(np.arange(SIDE - 1), np.arange(SIDE - 1), indexing="ij")
_A = (_ROW * SIDE + _COLUMN).ravel()
FACES = np.concatenate([np.stack([_A, _A + 1, _A + SIDE], 1), np.stack([_A + 1, _A + SIDE + 1, _A + SIDE], 1)])
VERTICES = np.stack([*np.meshgrid(np.arange(SIDE), np.arange(SIDE)), np.zeros((SIDE, SIDE))], -1).reshape(-1, 3) * 1.0


def area(vertices: np.ndarray, faces: np.ndarray) -> float:
    corners = vertices[faces]
    return float(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 2].sum() / 2)


@given(arrays(np.float64, SIDE * SIDE, elements=st.floats(-1, 1).filter(lambda value: abs(value) > 1e-3)))
def test_a_cut_and_its_complement_make_up_the_whole_sheet(field: np.ndarray) -> None:
    pieces = [cut(FACES, field), cut(FACES, -field)]
    assert sum(area(piece.carry(VERTICES), piece.faces) for piece in pieces) == pytest.approx((SIDE - 1) ** 2)
    for piece, sign in zip(pieces, (1, -1), strict=True):
        assert (sign * piece.carry(field) > -1e-12).all()
        assert set(piece.source_faces) <= set(range(len(FACES)))


@given(st.floats(0.1, 3.9))
def test_the_new_edge_lies_on_the_iso_line(where: float) -> None:
    piece = cut(FACES, VERTICES[:, 0] - where)
    assert piece.carry(VERTICES)[:, 0].min() == pytest.approx(where)
    assert area(piece.carry(VERTICES), piece.faces) == pytest.approx((SIDE - 1 - where) * (SIDE - 1))


def test_cutting_away_everything_leaves_nothing() -> None:
    assert len(cut(FACES, np.full(len(VERTICES), -1.0)).faces) == 0


def test_normals_of_a_counter_clockwise_sheet_point_up() -> None:
    assert np.allclose(vertex_normals(VERTICES, FACES), (0, 0, 1))


def test_smoothing_flattens_a_bump_and_keeps_the_outline_in_its_plane() -> None:
    bumpy = VERTICES.copy()
    bumpy[12, 2] = 1
    smooth = Neighbours.of(FACES, len(VERTICES)).smooth(bumpy, 5)
    assert 0 < smooth[12, 2] < 0.5
    outline = (VERTICES[:, :2] % (SIDE - 1) == 0).any(axis=1)
    assert (smooth[outline, 2] == 0).all()


OCTAHEDRON = np.array([(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)], float)
OCTAHEDRON_FACES = np.array(
    [(0, 2, 4), (2, 1, 4), (1, 3, 4), (3, 0, 4), (2, 0, 5), (1, 2, 5), (3, 1, 5), (0, 3, 5)], np.int64
)


def test_subdivision_keeps_what_is_constant_and_grows_rounder() -> None:
    vertices, faces = OCTAHEDRON, OCTAHEDRON_FACES
    for _ in range(3):
        refine, faces = loop(faces, len(vertices))
        assert np.allclose(refine(np.ones(len(vertices))), 1)
        vertices = refine(vertices)
    assert len(faces) == 8 * 4**3
    radius = np.linalg.norm(vertices, axis=1)
    assert np.ptp(radius) < 0.2 * radius.mean()
    assert ((vertex_normals(vertices, faces) * vertices).sum(axis=1) > 0).all()


def test_an_open_sheet_is_not_subdivided() -> None:
    with pytest.raises(ValueError, match="closed"):
        loop(FACES, len(VERTICES))
