"""Picture files: what must survive does, the official encodings are met, broken bytes are refused."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from tests.vitonhd.arrays_strategies import label_maps, masks, pictures
from vitonhd.errors import FormatError
from vitonhd.labels import ATR, CIHP
from vitonhd.pictures import (
    MAX_PIXELS,
    decode_labels,
    decode_mask,
    decode_rgb,
    encode_jpeg,
    encode_labels,
    encode_mask_jpeg,
    encode_mask_png,
    encode_png,
)

RANDOM = np.random.default_rng(5)


@given(label_maps(CIHP))
def test_labels_come_back(labels: np.ndarray) -> None:
    assert np.array_equal(decode_labels(encode_labels(labels)), labels)


@given(masks())
@example(RANDOM.random((64, 64)) < 0.5)
def test_masks_come_back_from_png_and_jpeg(mask: np.ndarray) -> None:
    """Even noise, which quality 75 would not keep."""
    assert np.array_equal(decode_mask(encode_mask_png(mask)), mask)
    assert np.array_equal(decode_mask(encode_mask_jpeg(mask, quality=75)), mask)


@given(pictures())
def test_png_pictures_come_back(picture: np.ndarray) -> None:
    assert np.array_equal(decode_rgb(encode_png(picture)), picture)


def test_files_have_the_official_modes_palette_and_compression() -> None:
    labels = Image.open(io.BytesIO(encode_labels(np.arange(20, dtype=np.uint8)[None])))
    assert (labels.format, labels.mode) == ("PNG", "P")
    assert labels.getpalette() == CIHP.palette.ravel().tolist()
    photo = Image.open(io.BytesIO(encode_jpeg(np.zeros((32, 32, 3), np.uint8), quality=95)))
    assert (photo.format, photo.mode, photo.layer[0][1:3]) == ("JPEG", "RGB", (2, 2)), "4:2:0"
    assert photo.quantization[0][:2] == [2, 1]
    mask = np.zeros((32, 32), bool)
    assert Image.open(io.BytesIO(encode_mask_jpeg(mask, quality=75))).mode == "L"
    assert Image.open(io.BytesIO(encode_mask_png(mask))).mode == "RGB"


def test_equal_arrays_give_equal_bytes() -> None:
    picture = RANDOM.integers(0, 256, (40, 30, 3)).astype(np.uint8)
    for encode in (encode_png, lambda value: encode_jpeg(value, quality=95)):
        assert encode(picture) == encode(picture.copy())


def test_a_mask_is_set_from_128_on() -> None:
    levels = np.array([[0, 127, 128, 255]], np.uint8)
    assert decode_mask(encode_png(np.stack([levels] * 3, axis=-1))).tolist() == [[False, False, True, True]]


def test_a_parse_saved_as_rgb_is_read_by_its_colours() -> None:
    labels = RANDOM.integers(0, 20, (8, 8)).astype(np.uint8)
    assert np.array_equal(decode_labels(encode_png(CIHP.paint(labels))), labels)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (encode_jpeg(np.zeros((8, 8, 3), np.uint8), quality=95), "wrong-mode"),
        (encode_labels(np.full((2, 2), 17, np.uint8), table=ATR)[:60], "unreadable-picture"),
        (encode_png(np.full((2, 2, 3), 200, np.uint8)), "unknown-colour"),
        (b"", "unreadable-picture"),
        (b"GIF89a" + bytes(40), "unreadable-picture"),
    ],
    ids=["jpeg", "cut", "colour", "empty", "gif"],
)
def test_label_files_that_are_none_are_refused(data: bytes, reason: str) -> None:
    with pytest.raises(FormatError) as caught:
        decode_labels(data)
    assert caught.value.reason == reason


def test_ids_of_another_table_are_refused_both_ways() -> None:
    with pytest.raises(FormatError, match=r"label-outside-table: ids \[20\] in a table of 20 \(CIHP-20\)"):
        encode_labels(np.full((2, 2), 20, np.uint8))
    with pytest.raises(FormatError, match="label-outside-table"):
        decode_labels(encode_labels(np.full((2, 2), 19, np.uint8)), table=ATR)


def test_sizes_are_width_by_height_and_checked() -> None:
    data = encode_png(np.zeros((4, 3, 3), np.uint8))
    assert decode_rgb(data, size=(3, 4)).shape == (4, 3, 3)
    with pytest.raises(FormatError, match="wrong-size: 3x4, expected 4x3"):
        decode_rgb(data, size=(4, 3))


def test_a_bomb_is_refused_before_it_is_decoded() -> None:
    header = Image.new("1", (8000, 8000))
    buffer = io.BytesIO()
    header.save(buffer, "PNG")
    assert MAX_PIXELS < 8000 * 8000
    with pytest.raises(FormatError, match="picture-too-large: 8000x8000"):
        decode_rgb(buffer.getvalue())


@given(st.binary(max_size=80), st.integers(0, 400))
def test_damaged_files_decode_or_are_refused(noise: bytes, position: int) -> None:
    whole = encode_labels(np.arange(20, dtype=np.uint8).reshape(4, 5))
    damaged = whole[:position] + noise + whole[position + len(noise) :]
    for decode in (decode_rgb, decode_mask, decode_labels):
        try:
            assert decode(damaged).size
        except FormatError as error:
            assert error.reason


@pytest.mark.parametrize("array", [np.zeros((4, 4), np.float32), np.zeros((4, 4, 4), np.uint8), np.zeros(4, np.uint8)])
def test_arrays_of_the_wrong_kind_are_refused(array: np.ndarray) -> None:
    for encode in (encode_png, encode_labels, encode_mask_png):
        with pytest.raises(FormatError, match="wrong-shape"):
            encode(array)
