"""What counts as a usable picture: the bytes decide, and every refusal has its reason."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from crawler.config import ImageSettings
from crawler.errors import Rejected
from crawler.images.verify import verify
from tests.crawler.images.picture_shop import encoded, photo

SETTINGS = ImageSettings(max_pixels=1_000_000)
PHOTO = photo(1)
JPEG = encoded(PHOTO)


def reason(data: bytes, limits: ImageSettings = SETTINGS) -> str | None:
    try:
        verify(data, limits)
    except Rejected as error:
        return error.reason
    return None


def frames(format: str) -> bytes:
    buffer = io.BytesIO()
    pictures = [Pillow.fromarray(photo(seed)) for seed in (1, 2)]
    pictures[0].save(buffer, format, save_all=True, append_images=pictures[1:], duration=100)
    return buffer.getvalue()


def png_of(width: int, height: int) -> bytes:
    """A PNG bomb: a few hundred bytes that claim to be this large."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(5000))) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("format", "name"), [("JPEG", "jpeg"), ("PNG", "png"), ("WEBP", "webp"), ("GIF", "gif"), ("AVIF", "avif")]
)
def test_every_allowed_format_is_recognised_and_measured(format: str, name: str) -> None:
    picture = verify(encoded(PHOTO, format), SETTINGS)
    assert (picture.format, picture.width, picture.height) == (name, 300, 400)
    assert len(picture.thumbnail) == 192
    assert -(2**63) <= picture.phash < 2**63


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html><body>not found</body></html>", "not-an-image-html"),
        (b"\xef\xbb\xbf\n <HTML>", "not-an-image-html"),
        (b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>", "svg"),
        (b"<svg width='1'>", "svg"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "not-an-image-xml"),
        (b'{"error": "not found"}', "not-an-image-json"),
        (b"not found", "not-an-image"),
        (b"\x00" * 100, "not-an-image"),
        (encoded(PHOTO, "BMP"), "unsupported-format"),
        (encoded(PHOTO, "TIFF"), "unsupported-format"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "unsupported-format"),
        (b"\xff\xd8\xff\xe0", "undecodable"),
        (b"GIF89a", "undecodable"),
        (b"RIFF\x00\x00\x00\x00WEBP", "undecodable"),
        (encoded(photo(1, 10, 400)), "spacer"),
        (encoded(photo(1, 1, 1), "GIF"), "spacer"),
        (encoded(photo(1, 199, 400)), "too-small"),
        (encoded(photo(1, 1001, 1000)), "too-many-pixels"),
        (png_of(20_000, 20_000), "too-many-pixels"),
        (png_of(1_000, 1_000), "truncated"),
        (frames("GIF"), "animation"),
        (frames("WEBP"), "animation"),
        (frames("PNG"), "animation"),
    ],
)
def test_what_is_no_usable_picture_has_a_reason(data: bytes, expected: str) -> None:
    assert reason(data) == expected


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "AVIF"])
@pytest.mark.parametrize("part", [0.5, 0.95])
def test_a_file_cut_short_never_passes(format: str, part: float) -> None:
    data = encoded(PHOTO, format)
    assert reason(data[: int(len(data) * part)]) in {"truncated", "undecodable"}


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("lost", [1, 2, 3, 50])
def test_a_jpeg_that_lacks_its_last_bytes_is_truncated(progressive: bool, lost: int) -> None:
    assert reason(encoded(PHOTO, progressive=progressive)[:-lost]) == "truncated"


def test_a_cut_jpeg_with_an_end_marker_is_still_truncated() -> None:
    assert reason(JPEG[: len(JPEG) // 2] + b"\xff\xd9") == "truncated"


def test_bytes_that_encoders_leave_behind_do_no_harm() -> None:
    assert reason(JPEG + b"\x00" * 100) is None
    assert reason(JPEG[:-2] + b"\x00\x00" + JPEG[-2:]) is None


def test_a_progressive_jpeg_with_too_many_scans_is_refused_before_it_is_decoded() -> None:
    assert reason(encoded(PHOTO, progressive=True) + b"\xff\xda" * 101) == "too-many-scans"


@pytest.mark.parametrize("mode", ["L", "CMYK", "P", "LA", "RGBA", "I;16", "1"])
def test_unusual_colours_are_fine(mode: str) -> None:
    if mode == "I;16":
        picture = Pillow.fromarray(PHOTO[:, :, 0].astype(np.uint16) * 257)
    else:
        picture = Pillow.fromarray(PHOTO).convert(mode)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG" if mode == "CMYK" else "PNG")
    assert reason(buffer.getvalue()) is None


def test_a_turned_photo_is_measured_as_it_is_shown() -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 6
    picture = verify(encoded(PHOTO, exif=exif), SETTINGS)
    assert (picture.width, picture.height) == (400, 300)


def test_a_rendition_is_made_on_request_inside_its_box() -> None:
    picture = verify(JPEG, ImageSettings(fit=(150, 150)))
    assert picture.fitted is not None
    assert Pillow.open(io.BytesIO(picture.fitted)).size == (112, 150)
    assert verify(JPEG, SETTINGS).fitted is None


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_damaged_files_are_judged_without_a_crash(data: st.DataObject) -> None:
    source = bytearray(encoded(PHOTO, data.draw(st.sampled_from(["JPEG", "PNG", "WEBP", "GIF", "AVIF"]))))
    for _ in range(data.draw(st.integers(1, 20))):
        source[data.draw(st.integers(0, len(source) - 1))] = data.draw(st.integers(0, 255))
    verdict = reason(bytes(source))
    assert verdict is None or verdict


@given(st.binary(max_size=200))
def test_any_bytes_are_judged(data: bytes) -> None:
    assert reason(data)
