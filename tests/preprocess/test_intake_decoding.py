"""Untrusted bytes: every format comes back upright and in sRGB, everything hostile is a reason, memory is bounded."""

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from preprocess.gates.verdict import Rejected
from preprocess.intake.decoding import Intake, IntakeLimits, read_picture
from tests.conftest import ROOT

SIZE = (320, 240)


def scene() -> Image.Image:
    """Four patches of colour, so that turns and channels can be told apart."""
    image = Image.new("RGB", SIZE, (200, 30, 30))
    image.paste((30, 180, 40), (160, 0, 320, 120))
    image.paste((40, 60, 200), (0, 120, 160, 240))
    image.paste((240, 240, 240), (160, 120, 320, 240))
    return image


def encoded(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def corners(intake: Intake) -> list[list[int]]:
    picture = intake.on_white
    height, width = picture.shape[:2]
    quarter = [(height // 4, width // 4), (height // 4, 3 * width // 4), (3 * height // 4, width // 4)]
    return [picture[place].astype(int).tolist() for place in quarter]


def reason(data: bytes, **limits: Any) -> str:
    with pytest.raises(Rejected) as caught:
        read_picture(data, limits=IntakeLimits(**limits))
    assert caught.value.reason == caught.value.verdict.reason
    return caught.value.reason


def png_header(width: int, height: int, depth: int = 8, colour: int = 2) -> bytes:
    """A PNG that claims a size and has next to nothing in it."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    pixels = zlib.compress(bytes(1_000_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("format", "options", "tolerance"),
    [("PNG", {}, 0), ("JPEG", {"quality": 95}, 6), ("WEBP", {"lossless": True}, 0), ("AVIF", {"quality": 90}, 12)],
)
def test_shops_formats_are_read(format: str, options: dict[str, Any], tolerance: int) -> None:
    intake = read_picture(encoded(scene(), format, **options))
    assert intake.colour.shape == (240, 320, 3) and intake.colour.dtype == np.uint8
    assert intake.format == format.lower() and intake.alpha is None and intake.warnings == ()
    assert np.abs(np.array(corners(intake)) - [[200, 30, 30], [30, 180, 40], [40, 60, 200]]).max() <= tolerance


def test_a_palette_is_resolved_and_a_still_gif_is_a_picture() -> None:
    palette = scene().quantize(16)
    for format in ("PNG", "GIF"):
        intake = read_picture(encoded(palette, format))
        assert np.abs(np.array(corners(intake))[0] - [200, 30, 30]).max() <= 8


def test_grey_and_16_bit_keep_their_brightness() -> None:
    grey = read_picture(encoded(scene().convert("L")))
    levels = np.asarray(scene().convert("L"), np.uint16) * 257
    deep = read_picture(encoded(Image.fromarray(levels)))
    assert grey.colour.shape == (240, 320, 3)
    assert np.array_equal(grey.colour, deep.colour)


def test_cmyk_becomes_rgb() -> None:
    intake = read_picture(encoded(scene().convert("CMYK"), "JPEG", quality=98))
    assert np.abs(np.array(corners(intake)) - [[200, 30, 30], [30, 180, 40], [40, 60, 200]]).max() <= 8


def test_what_is_transparent_is_white_for_packshots_and_border_coloured_for_photos() -> None:
    image = scene().convert("RGBA")
    image.paste((0, 0, 0, 0), (100, 80, 140, 110))
    intake = read_picture(encoded(image))
    assert intake.alpha is not None
    assert intake.on_white[90, 120].tolist() == [255, 255, 255]
    border = intake.on_border_colour[90, 120].tolist()
    assert border != [255, 255, 255] and min(border) > 20
    assert intake.on_white[20, 20].tolist() == [200, 30, 30]


def test_a_cut_out_has_no_border_colour_but_white() -> None:
    image = Image.new("RGBA", SIZE, (0, 0, 0, 0))
    image.paste((10, 20, 30, 255), (100, 60, 220, 200))
    intake = read_picture(encoded(image))
    assert intake.on_border_colour[5, 5].tolist() == [255, 255, 255]
    assert intake.on_border_colour[120, 150].tolist() == [10, 20, 30]


def test_a_palettes_transparent_colour_is_transparent() -> None:
    image = Image.new("P", SIZE, 1)
    image.putpalette([0, 0, 0, 250, 10, 10])
    image.paste(0, (0, 0, 100, 240))
    intake = read_picture(encoded(image, transparency=0))
    assert intake.on_white[100, 50].tolist() == [255, 255, 255]
    assert intake.on_white[100, 200].tolist() == [250, 10, 10]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientations_are_undone(orientation: int) -> None:
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }  # fmt: skip
    stored = scene().transpose(undo[orientation]) if orientation in undo else scene()
    exif = Image.Exif()
    exif[0x0112] = orientation
    intake = read_picture(encoded(stored, exif=exif.tobytes()))
    assert np.array_equal(intake.colour, np.asarray(scene()))


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"]
)
def test_exif_nonsense_is_ignored(exif: bytes) -> None:
    intake = read_picture(encoded(scene(), "JPEG", exif=exif, quality=95))
    assert intake.size == SIZE and np.abs(np.array(corners(intake))[0] - [200, 30, 30]).max() <= 6


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_counts_as_upright(value: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = value
    intake = read_picture(encoded(scene(), exif=exif.tobytes()))
    assert np.array_equal(intake.colour, np.asarray(scene()))
    assert intake.warnings == ("broken-exif",)


def test_a_colour_profile_is_applied() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    foreign = read_picture(encoded(scene(), icc_profile=lab.tobytes()))
    assert foreign.warnings == ("broken-profile",)
    assert np.array_equal(foreign.colour, np.asarray(scene()))
    srgb = read_picture(
        encoded(scene(), icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    )
    assert srgb.warnings == () and np.array_equal(srgb.colour, np.asarray(scene()))
    wide = read_picture(encoded(scene(), icc_profile=swapped_profile()))
    assert wide.warnings == ()
    assert np.abs(np.array(corners(wide))[0] - [30, 200, 30]).max() <= 40


def swapped_profile() -> bytes:
    """sRGB with the tags of red and green exchanged: a picture shows at once whether it was applied."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    at = profile.index(b"desc", 128)
    offset, size = struct.unpack(">II", profile[at + 4 : at + 12])
    profile[offset : offset + size] = bytes(profile[offset : offset + size]).replace(b"s\0R\0G\0B", b"o\0t\0h\0r")
    red, green = profile.index(b"rXYZ", 128), profile.index(b"gXYZ", 128)
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
    return bytes(profile)


@pytest.mark.parametrize("profile", [b"nonsense", b"\0" * 200, bytes(5_000_000)])
def test_a_broken_profile_is_ignored_with_a_warning(profile: bytes) -> None:
    plain, tagged = (encoded(scene(), "JPEG", icc_profile=icc) for icc in (None, profile))
    intake = read_picture(tagged)
    assert intake.warnings == ("broken-profile",)
    assert np.array_equal(intake.colour, read_picture(plain).colour)


def test_hostile_files_are_rejected_with_a_reason_and_a_figure() -> None:
    frames = [scene(), scene().transpose(Image.Transpose.ROTATE_180)]
    assert reason(b"") == "empty"
    assert reason(b"<html>no picture</html>") == "unsupported-format"
    assert reason(encoded(scene(), "BMP")) == "unsupported-format"
    assert reason(encoded(Image.new("RGB", (1, 1)))) == "too-small"
    assert reason(encoded(Image.new("RGB", (3000, 220)))) == "too-long"
    assert reason(png_header(20_000, 20_000)) == "too-many-pixels"
    assert reason(png_header(9_000, 9_000)) == "too-many-pixels"
    assert reason(png_header(2_000, 2_000)) in {"truncated", "undecodable"}
    assert reason(b"\x89PNG\r\n\x1a\n" + bytes(100)) in {"undecodable", "unsupported-format"}
    for format in ("GIF", "WEBP", "PNG", "AVIF"):
        assert reason(encoded(frames[0], format, save_all=True, append_images=frames[1:])) == "animation", format
    assert reason(bytes(2048), max_bytes=2047) == "too-large"
    with pytest.raises(Rejected, match=r"4e\+08, limit") as caught:
        read_picture(png_header(20_000, 20_000))
    assert caught.value.verdict.figure == 400_000_000


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "AVIF"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_file_cut_short_is_rejected(format: str, share: float) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8))
    data = encoded(noise, format)
    assert reason(data[: int(share * len(data))]) in {"truncated", "undecodable"}


def test_too_many_scans_are_a_bomb_of_time() -> None:
    data = encoded(scene(), "JPEG", progressive=True)
    assert read_picture(data).size == SIZE
    assert reason(data[:-2] + b"\xff\xda" * 100 + data[-2:]) == "too-many-scans"


def test_rows_of_a_tall_sheet_are_read_as_a_picture() -> None:
    sheet = Image.new("RGB", (300, 6000), (250, 250, 250))
    sheet.paste((200, 0, 0), (0, 2000, 300, 2400))
    data = encoded(sheet)
    assert reason(data) == "too-long"
    piece = read_picture(data, rows=(2000, 2400))
    assert piece.size == (300, 400) and (piece.colour == (200, 0, 0)).all()
    for rows in ((-1, 400), (400, 400), (5900, 6001)):
        with pytest.raises(Rejected, match="bad-rows"):
            read_picture(data, rows=rows)


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_very_large_pictures_are_reduced_by_a_whole_factor(format: str) -> None:
    large = scene().resize((5000, 4400), Image.Resampling.NEAREST)
    intake = read_picture(encoded(large, format))
    assert intake.size == (5000, 4400)
    assert intake.colour.shape[:2] == (2200, 2500)
    assert np.abs(np.array(corners(intake)) - [[200, 30, 30], [30, 180, 40], [40, 60, 200]]).max() <= 6


@given(st.binary(max_size=400), st.sampled_from(["PNG", "JPEG", "WEBP", "GIF", "AVIF"]), st.data())
@settings(max_examples=60)
def test_flipped_bytes_never_crash(noise: bytes, format: str, data: st.DataObject) -> None:
    good = bytearray(encoded(scene(), format))
    at = data.draw(st.integers(0, len(good) - 1))
    good[at : at + len(noise)] = noise
    try:
        assert read_picture(bytes(good)).colour.ndim == 3
    except Rejected as rejected:
        assert rejected.reason


BOMBS = """
import resource, sys
from pathlib import Path
from preprocess.gates.verdict import Rejected
from preprocess.intake.decoding import read_picture
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 220 * 2**20,) * 2)
for name in sys.argv[1:]:
    try:
        print(Path(name).stem, read_picture(Path(name).read_bytes()).size)
    except Rejected as rejected:
        print(Path(name).stem, rejected.reason)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is set by Linux's means")
def test_bombs_stay_within_220_megabytes(tmp_path: Path) -> None:
    big = Image.new("RGB", (7_000, 8_000), (10, 200, 30))
    files = {
        "a-huge": png_header(20_000, 20_000),
        "b-jpeg-56-megapixels": encoded(big, "JPEG"),  # decoded at a half by libjpeg
        "c-png-56-megapixels": encoded(big),  # 224 MB in Pillow: does not fit
        "d-sound": encoded(scene()),
    }
    paths = []
    for name, data in files.items():
        paths.append(tmp_path / f"{name}.bin")
        paths[-1].write_bytes(data)
    ran = subprocess.run([sys.executable, "-c", BOMBS, *map(str, paths)], cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == [
        "a-huge too-many-pixels", "b-jpeg-56-megapixels (7000, 8000)", "c-png-56-megapixels out-of-memory",
        "d-sound (320, 240)",
    ]  # fmt: skip
