"""Decoding: the cheap way is close to the exact one, upright, over white."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow
from PIL import ImageOps

from crawler.images.decode import decode, fit, fitted_size, read_header
from tests.crawler.images.picture_shop import Pixels, encoded, photo


def psnr(left: Pixels, right: Pixels) -> float:
    return float(10 * np.log10(255**2 / max(1e-9, float(np.mean((left.astype(np.float64) - right) ** 2)))))


def textured(width: int, height: int) -> Pixels:
    """A photo with the fine texture of cloth, which is one of light and shade rather than of colour."""
    rng = np.random.default_rng(5)
    noise = np.asarray(
        Pillow.fromarray(rng.integers(0, 256, (height // 4, width // 4), dtype=np.uint8)).resize((width, height)),
        np.float32,
    )[:, :, None]
    return np.asarray(np.clip(photo(5, width, height) * 0.7 + noise * 0.3, 0, 255), np.uint8)


@pytest.mark.parametrize("size", [(1500, 2000), (1440, 1940), (1560, 2060), (800, 1100)])
def test_the_fast_way_is_within_40_db_of_the_exact_one(size: tuple[int, int]) -> None:
    assert fast_against_exact(*size) >= 40


@pytest.mark.parametrize("size", [(3000, 4000), (2400, 3600), (4500, 6000)])
def test_a_scaled_decode_stays_within_36_db_even_of_fine_noise(size: tuple[int, int]) -> None:
    assert fast_against_exact(*size) >= 36


def fast_against_exact(width: int, height: int) -> float:
    data = encoded(textured(width, height), quality=88)
    fast, exact = fit(data, 768, 1024), fit(data, 768, 1024, exact=True)
    assert fast.shape == exact.shape
    return psnr(fast, exact)


def test_fitting_keeps_the_aspect_and_never_enlarges() -> None:
    assert fit(encoded(photo(1, 1500, 2000)), 768, 1024).shape == (1024, 768, 3)
    assert fit(encoded(photo(1, 2000, 1000)), 768, 1024).shape == (384, 768, 3)
    assert fit(encoded(photo(1, 300, 400)), 768, 1024).shape == (400, 300, 3)


@given(*[st.integers(1, 5_000)] * 4)
def test_a_fitted_size_is_inside_its_box(width: int, height: int, inside_width: int, inside_height: int) -> None:
    fitted = fitted_size(width, height, inside_width, inside_height)
    assert 1 <= fitted[0] <= min(width, inside_width)
    assert 1 <= fitted[1] <= min(height, inside_height)
    if min(fitted) > 1:
        scale = min(1, inside_width / width, inside_height / height)
        assert abs(fitted[0] - width * scale) <= 0.5 and abs(fitted[1] - height * scale) <= 0.5


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_exif_orientation_is_undone(orientation: int, format: str) -> None:
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    data = encoded(photo(3, 60, 40), format, exif=exif)
    shown = ImageOps.exif_transpose(Pillow.open(io.BytesIO(data))).convert("RGB")
    header = read_header(data)
    assert (header.width, header.height) == shown.size
    assert psnr(decode(data, header), np.asarray(shown)) > 35


def test_a_scaled_decode_of_a_turned_photo_is_no_smaller_than_asked() -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 6
    data = encoded(photo(3, 800, 400), exif=exif)
    assert decode(data, read_header(data), (150, 300)).shape == (400, 200, 3)


def test_transparency_lies_over_white() -> None:
    pixels = np.zeros((20, 20, 4), np.uint8)
    pixels[5:15, 5:15] = (200, 10, 10, 255)
    buffer = io.BytesIO()
    Pillow.fromarray(pixels).save(buffer, "PNG")
    decoded = decode(buffer.getvalue(), read_header(buffer.getvalue()))
    assert decoded[0, 0].tolist() == [255, 255, 255]
    assert decoded[10, 10].tolist() == [200, 10, 10]


def test_16_bit_grey_keeps_its_shades() -> None:
    shades = np.linspace(0, 65_535, 256).astype(np.uint16)[None].repeat(20, 0)
    buffer = io.BytesIO()
    Pillow.fromarray(shades).save(buffer, "PNG")
    decoded = decode(buffer.getvalue(), read_header(buffer.getvalue()))
    assert np.abs(decoded[0, :, 0].astype(int) - np.arange(256)).max() <= 1


def test_cmyk_is_turned_into_rgb() -> None:
    buffer = io.BytesIO()
    Pillow.fromarray(photo(2)).convert("CMYK").save(buffer, "JPEG", quality=95)
    assert psnr(decode(buffer.getvalue(), read_header(buffer.getvalue())), photo(2)) > 25
