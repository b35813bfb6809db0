"""Garments on people: outside the body, level at the hem, smooth at the edges, and one mesh for all."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from studio import collars, trousers
from studio.body import Body
from studio.drape import Cloth, Sewn, sew
from studio.garments import FAMILIES, Garment, sample_garment
from studio.mesh import Flags, Floats, Ints, vertex_normals
from studio.outline import heading
from studio.packshot import packshot
from studio.person import sample_person
from studio.poses import POSES
from studio.skin import skin
from vitonhd.garment_classes import GarmentClass

pytest.importorskip("anny", reason="the studio's dependency group is not installed")

CLASSES = {family: kind for kind, families in FAMILIES.items() for family in families}
TOPS = [family for family, kind in CLASSES.items() if kind is not GarmentClass.LOWER]


@cache
def body(number: int, *, feminine: bool = True) -> Body:
    return sample_person(np.random.default_rng(number), feminine=feminine, pose=POSES[number % len(POSES)]).body


def garment(family: str, number: int = 0) -> Garment:
    return sample_garment(CLASSES[family], np.random.default_rng([number, 5]), family=family)


def worn(family: str, number: int = 0) -> tuple[Sewn, Cloth]:
    sewn = sew(garment(family, number))
    return sewn, sewn.on(body(number))


def open_edges(faces: Ints) -> Ints:
    sides = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    edges, times = np.unique(sides, axis=0, return_counts=True)
    assert times.max() == 2
    once: Ints = edges[times == 1]
    return once


@pytest.mark.parametrize("family", CLASSES)
def test_a_garment_is_one_mesh_on_every_body(family: str) -> None:
    sewn, cloth = worn(family)
    other = sewn.on(body(1, feminine=False), 1)
    assert cloth.vertices.shape == other.vertices.shape == (len(sewn.texture), 3)
    assert set(np.unique(sewn.faces)) <= set(range(len(cloth.vertices)))
    for column in (sewn.front, sewn.edge, sewn.height, sewn.folding[:, 0]):
        assert len(column) == len(cloth.vertices)
    assert np.isfinite(cloth.vertices).all()
    assert np.isfinite(other.vertices).all()


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("family", TOPS)
def test_a_top_lies_outside_the_body(family: str, number: int) -> None:
    sewn, cloth = worn(family, number)
    piece, person = sewn.patches[0].piece, body(number)
    bare, normals = (piece.carry(skin().refine(values)) for values in (person.vertices, person.normals))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    gap = ((cloth.vertices[: len(bare)] - bare) * normals).sum(axis=1)
    assert np.quantile(gap, 0.002) > -0.002


@pytest.mark.parametrize("family", ["tee", "sweatshirt", "crop"])
def test_the_hem_of_a_top_is_level(family: str) -> None:
    sewn, cloth = worn(family, 2)
    hem = (sewn.edge < 1e-6) & (np.abs(sewn.height - sewn.garment.hem) < 0.03)
    assert hem.sum() > 40
    assert np.ptp(cloth.vertices[hem, 2]) < 0.012


@pytest.mark.parametrize("family", ["tee", "sleeveless", "midi-dress"])
@pytest.mark.parametrize("neck", ["crew", "scoop", "boat"])
def test_edges_are_smooth_lines(family: str, neck: str) -> None:
    """Going along the neckline no step turns by more than 60 degrees."""
    sewn = sew(sample_with(family, neck=neck))
    cloth = sewn.on(body(4))
    piece = sewn.patches[0].piece
    edges = open_edges(piece.faces)
    high = (sewn.height[edges] > 1.3).all(axis=1)
    steps = cloth.vertices[edges[high]]
    long = np.linalg.norm(steps[:, 1] - steps[:, 0], axis=1) > 0.002
    turns = corner_turns(cloth.vertices, edges[high][long])
    assert len(turns) > 30
    assert np.quantile(turns, 0.98) < 60


def sample_with(family: str, *, neck: str) -> Garment:
    return replace(garment(family), neck=neck)


def corner_turns(vertices: Floats, edges: Ints) -> Floats:
    """Degrees that a chain of edges turns by at each vertex with two of them."""
    turns = []
    for vertex in np.unique(edges):
        ends = [b if a == vertex else a for a, b in edges if vertex in (a, b)]
        if len(ends) == 2:
            one, two = vertices[vertex] - vertices[ends[0]], vertices[ends[1]] - vertices[vertex]
            cosine = one @ two / (np.linalg.norm(one) * np.linalg.norm(two))
            turns.append(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
    return np.array(turns)


@pytest.mark.parametrize("number", [0, 2])
def test_a_dress_has_no_step_at_the_waist(number: int) -> None:
    sewn, cloth = worn("midi-dress", number)
    count = len(sewn.patches[0].edge)
    waist = cloth.vertices[count:][:120]  # the skirt's uppermost ring
    near = np.abs(sewn.height[:count] - sewn.garment.waist) < 0.006
    bodice = cloth.vertices[:count][near]
    away = np.linalg.norm(bodice[:, None, :2] - waist[None, :, :2], axis=2).min(axis=1)
    assert away.max() < 0.012
    assert np.abs(bodice[:, 2] - waist[:, 2].mean()).max() < 0.012


@pytest.mark.parametrize("family", ["jeans", "slacks", "wide", "shorts"])
def test_trousers_are_open_at_waist_and_hems_only_and_their_legs_are_apart(family: str) -> None:
    sewn, cloth = worn(family, 4)
    assert len(open_edges(sewn.faces)) == 120 + 2 * trousers.LEG_AROUND
    _, left, right = trousers._grid()
    across = (cloth.vertices[:, :2] @ heading(body(4)))[:, 0]
    assert across[left[12:]].min() > across[right[12:]].max()


def test_wide_trousers_are_wider_than_straight_ones_and_slacks_are_tapered() -> None:
    widths = {family: leg_widths(*worn(family, 0)) for family in ("jeans", "slacks", "wide")}
    assert widths["slacks"][1] < widths["slacks"][0]
    assert widths["wide"][1] > 1.35 * max(widths["jeans"][1], widths["slacks"][1])
    assert widths["jeans"][1] < 1.1 * widths["jeans"][0]


def leg_widths(sewn: Sewn, cloth: Cloth) -> tuple[float, float]:
    """Metres around the left leg at half its length and at the hem."""
    _, left, _ = trousers._grid()
    rings = cloth.vertices[left[[trousers.LEG_ROWS // 2, -1]]]
    around = np.linalg.norm(rings - np.roll(rings, 1, axis=1), axis=2).sum(axis=1)
    return float(around[0]), float(around[1])


def test_a_loose_tee_bridges_what_lies_below_the_chest() -> None:
    """At the centre front, cloth between chest and hem goes in less than half as far as the skin does."""
    sewn, cloth = worn("sweatshirt", 2)
    piece = sewn.patches[0].piece
    bare = piece.carry(skin().refine(body(2).vertices))
    middle = (np.abs(piece.carry(skin().rest)[:, 0]) < 0.06) & (sewn.front[: len(bare)] > 0.9)
    low = middle & (sewn.height[: len(bare)] < 1.2) & (sewn.height[: len(bare)] > 1.0)
    chest = middle & (np.abs(sewn.height[: len(bare)] - 1.33) < 0.04)

    def inwards(points: Floats, where: Flags) -> float:
        return float(points[where] @ (0, 1, 0) @ np.ones(where.sum()) / where.sum())

    def hollow(points: Floats) -> float:
        return inwards(points, low) - inwards(points, chest)

    assert hollow(cloth.vertices[: len(bare)]) < 0.5 * max(hollow(bare), 0.01)


def test_collar_cuffs_and_pockets_lie_on_the_cloth_and_nearer_to_who_looks() -> None:
    for family, count in (("shirt", 5), ("hoodie", 2)):
        patches = sew(garment(family)).patches
        assert len(patches) == count
        assert all(len(patch.piece.faces) > 20 and patch.lift.min() > 0 for patch in patches[1:])


def test_a_hood_rises_behind_the_neck() -> None:
    sewn, cloth = worn("hoodie")
    hood = cloth.vertices[-collars.HOOD_ROWS * collars.HOOD_AROUND :].reshape(collars.HOOD_ROWS, -1, 3)
    front, back = hood[:, 0, 2].max(), hood[:, collars.HOOD_AROUND // 2, 2].max()
    assert back > front + 0.05
    normals = vertex_normals(cloth.vertices, sewn.faces)
    assert np.isfinite(normals).all()


@pytest.mark.parametrize("family", ["tee", "jeans", "midi-skirt", "mini-dress"])
def test_a_packshot_is_centred_and_fills_its_frame(family: str) -> None:
    mask = packshot(garment(family), 96, 128).mask
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    assert max(len(rows) / 128, len(columns) / 96) > 0.85
    assert abs(rows.mean() - 63.5) < 3
    assert abs(columns.mean() - 47.5) < 3
