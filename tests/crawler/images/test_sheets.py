"""Tall sheets are cut where a gap of one colour goes through, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.config import ImageSettings
from crawler.errors import Rejected
from crawler.images.sheets import segments
from crawler.images.verify import verify
from tests.crawler.images.picture_shop import Pixels, encoded, photo

WIDTH = 300


def sheet(*heights: int, gap: int = 60, colour: int = 255) -> tuple[Pixels, list[tuple[int, int]]]:
    """Photos of these heights below each other, gaps between; also where they are."""
    parts, places, top = [], [], 0
    for number, height in enumerate(heights):
        parts += [np.full((gap, WIDTH, 3), colour, np.uint8), photo(number, WIDTH, height)]
        places.append((top + gap, top + gap + height))
        top += gap + height
    return np.concatenate([*parts, np.full((gap, WIDTH, 3), colour, np.uint8)]), places


def close(found: tuple[tuple[int, int], ...], places: list[tuple[int, int]], within: int = 4) -> bool:
    return len(found) == len(places) and bool((np.abs(np.array(found) - np.array(places)) <= within).all())


@pytest.mark.parametrize("colour", [255, 240, 0])
def test_photos_on_a_sheet_are_found(colour: int) -> None:
    pixels, places = sheet(400, 350, 500, colour=colour)
    picture = verify(encoded(pixels), ImageSettings())
    assert picture.segments is not None
    assert close(picture.segments, places)


def test_lines_of_text_are_no_pictures_and_are_left_out() -> None:
    pixels, places = sheet(400, 400, 400)
    text = np.full((200, WIDTH, 3), 255, np.uint8)
    for line in range(5):
        text[20 + line * 40 : 32 + line * 40, 40:260:7] = 0
    picture = verify(encoded(np.concatenate([pixels, text])), ImageSettings())
    assert picture.segments is not None
    assert close(picture.segments, places)


def test_a_usual_photo_is_no_sheet() -> None:
    assert verify(encoded(photo(1, 300, 899)), ImageSettings()).segments is None


@pytest.mark.parametrize("pixels", [np.full((1500, WIDTH, 3), 255, np.uint8), sheet(*[80] * 12)[0]])
def test_a_sheet_without_a_usable_piece_is_rejected(pixels: Pixels) -> None:
    with pytest.raises(Rejected, match="sheet"):
        verify(encoded(pixels), ImageSettings())


def test_a_sheet_over_the_limit_is_rejected_by_its_header() -> None:
    with pytest.raises(Rejected, match="higher than 1000"):
        verify(encoded(sheet(800, 800)[0]), ImageSettings(max_sheet_height=1000))


def test_two_plain_panels_side_by_side_in_height_are_cut_by_no_gap_between_them() -> None:
    light, dark = np.full((4, WIDTH, 3), 250, np.uint8), np.full((4, WIDTH, 3), 20, np.uint8)
    pixels = np.concatenate([photo(1, WIDTH, 400), light, dark, photo(2, WIDTH, 400)])
    assert segments(pixels, len(pixels), WIDTH, min_side=200) == ((0, len(pixels)),)


@given(st.lists(st.integers(205, 600), min_size=2, max_size=6), st.integers(30, 120), st.sampled_from([1, 2, 3]))
@settings(max_examples=25, deadline=None)
def test_pieces_are_in_order_inside_the_sheet_and_complete(heights: list[int], gap: int, scale: int) -> None:
    pixels, places = sheet(*heights, gap=gap)
    found = segments(pixels[::scale, ::scale], len(pixels), WIDTH, min_side=200)
    assert close(found, places, within=3 * scale)
    assert all(0 <= top < bottom <= len(pixels) for top, bottom in found)
