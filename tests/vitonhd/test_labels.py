"""Label tables: painting and reading back, mirrors, conversions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vitonhd.arrays_strategies import label_maps, pictures
from vitonhd.colours import nearest_colour
from vitonhd.errors import FormatError
from vitonhd.label_conversions import CONVERSIONS, convert_labels, one_hot
from vitonhd.labels import ATR, CIHP, DRESS_CODE, HR_VITON_13, LIP, TABLES, VITON, LabelTable

ANY_TABLE = st.sampled_from(sorted(TABLES.values(), key=lambda table: table.name))


@given(st.data(), ANY_TABLE)
def test_painted_labels_read_back(data: st.DataObject, table: LabelTable) -> None:
    labels = data.draw(label_maps(table))
    assert np.array_equal(table.read_painted(table.paint(labels), tolerance=0), labels)


@given(st.data(), ANY_TABLE)
def test_flipping_twice_is_the_identity(data: st.DataObject, table: LabelTable) -> None:
    labels = data.draw(label_maps(table))
    assert np.array_equal(table.flip(table.flip(labels)), labels)


def test_a_flip_swaps_sides_and_columns() -> None:
    parse = np.array([CIHP.ids("left-arm", "face", "background")], np.uint8)
    assert CIHP.flip(parse).tolist() == [list(CIHP.ids("background", "face", "right-arm"))]
    assert CIHP.mirror == (*range(14), 15, 14, 17, 16, 19, 18)


def test_cihp_colours_of_the_data_set_itself_are_read_too() -> None:
    """CIHP's own palette has 255, 170 and 221 where VITON-HD has 254, 169 and 220."""
    colours = np.array([[(255, 0, 0), (170, 0, 51), (51, 170, 221), (0, 255, 255)]], np.uint8)
    assert CIHP.read_painted(colours).tolist() == [list(CIHP.ids("hair", "sunglasses", "left-arm", "right-arm"))]


def test_a_picture_that_is_no_parse_is_refused_with_its_share() -> None:
    picture = CIHP.paint(np.zeros((10, 10), np.uint8))
    picture[0, 0] = (200, 200, 200)
    with pytest.raises(FormatError, match=r"1\.00%") as caught:
        CIHP.read_painted(picture)
    assert caught.value.reason == "unknown-colour"


@pytest.mark.parametrize(
    ("source", "target", "lost"),
    [
        (CIHP, LIP, {"torso-skin"}),
        (LIP, CIHP, {"jumpsuits"}),
        (CIHP, ATR, {"coat", "glove", "socks", "torso-skin"}),
        (ATR, CIHP, {"belt", "bag"}),
        (CIHP, DRESS_CODE, {"coat", "glove", "socks", "torso-skin"}),
        (DRESS_CODE, CIHP, {"belt", "bag"}),
        (ATR, DRESS_CODE, set()),
        (VITON, CIHP, {"unused-2", "unused-3", "noise"}),
    ],
    ids=lambda value: value.name if isinstance(value, LabelTable) else "",
)
def test_there_and_back_keeps_every_label_but_the_named(source: LabelTable, target: LabelTable, lost: set[str]) -> None:
    every_id = np.arange(len(source), dtype=np.uint8)[None]
    back = convert_labels(convert_labels(every_id, source, target), target, source)[0]
    assert {label for id, label in enumerate(source.labels) if back[id] != id} == lost


@pytest.mark.parametrize(("source", "target"), CONVERSIONS, ids=lambda table: table.name)
def test_conversions_commute_with_the_mirror(source: LabelTable, target: LabelTable) -> None:
    """A conversion that mixed up a left and a right label would not."""
    every_id = np.arange(len(source), dtype=np.uint8)[None]
    assert np.array_equal(
        convert_labels(source.flip(every_id), source, target), target.flip(convert_labels(every_id, source, target))
    )


def test_the_published_tables() -> None:
    """DM-VTON's ATR table and HR-VITON's thirteen groups, as published."""
    assert CONVERSIONS[ATR, CIHP] == (0, 1, 2, 4, 5, 12, 9, 6, 9, 18, 19, 13, 16, 17, 14, 15, 0, 11)
    groups = ([0, 10], [1, 2], [4, 13], [5, 6, 7], [9, 12], [14], [15], [16], [17], [18], [19], [8], [3, 11])
    table = CONVERSIONS[CIHP, HR_VITON_13]
    assert [[id for id in range(20) if table[id] == group] for group in range(13)] == list(groups)


def test_a_neck_never_becomes_cloth_in_the_14_labels() -> None:
    """VITON's loaders merge `noise` into the upper garment, so nothing of the body may be noise."""
    for label in ("torso-skin", "face", "glove", "socks", "scarf"):
        id = CIHP.id(label)
        assert VITON.labels[CONVERSIONS[CIHP, VITON][id]] not in ("noise", "upper-clothes")


def test_ids_outside_the_table_and_unknown_conversions_are_named() -> None:
    with pytest.raises(FormatError, match=r"ids \[20, 255\]"):
        convert_labels(np.array([[3, 20, 255]], np.uint8), CIHP, ATR)
    with pytest.raises(KeyError, match="LIP-20 to VITON-14; there are CIHP-20 to LIP-20"):
        convert_labels(np.zeros((1, 1), np.uint8), LIP, VITON)
    with pytest.raises(KeyError, match="has no label 'trousers'"):
        CIHP.id("trousers")


@given(label_maps(HR_VITON_13))
def test_one_hot_planes_hold_each_pixel_once(labels: np.ndarray) -> None:
    planes = one_hot(labels, HR_VITON_13)
    assert planes.shape == (13, *labels.shape) and planes.dtype == np.float32
    assert np.array_equal(planes.argmax(axis=0), labels)
    assert (planes.sum(axis=0) == 1).all()


@given(pictures())
def test_nearest_colour_agrees_with_brute_force(picture: np.ndarray) -> None:
    ids, distances = nearest_colour(picture, CIHP.palette[:20])
    squared = ((picture[:, :, None].astype(int) - CIHP.palette[:20].astype(int)) ** 2).sum(axis=-1)
    assert np.array_equal(ids, squared.argmin(axis=-1))
    assert np.array_equal(distances, squared.min(axis=-1))


def test_palettes_can_not_be_changed_by_accident() -> None:
    with pytest.raises(ValueError, match="read-only"):
        CIHP.palette[0] = 1
