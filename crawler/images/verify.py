"""Is this a usable picture? The header is judged first, then one decode proves that the file is whole.

The contract that must not break: no pixel is decoded before the header's size was held against the limits.
"""

from __future__ import annotations

from dataclasses import dataclass

from crawler.config import ImageSettings
from crawler.errors import Rejected
from crawler.images.decode import Header, Rgb, decode, encode_jpeg, fitted_size, read_header, sampled, shrink
from crawler.images.fingerprint import SIDE, phash, thumbnail
from crawler.images.sheets import segments

_SPACER = 10
# Usual progressive JPEGs have about 10 scans. Each costs a pass over all pixels but takes few bytes: a bomb of time.
_MAX_SCANS = 100
# Width in pixels at which sheets are looked at: enough to see the gaps between pictures.
_SHEET_WIDTH = 200


@dataclass(frozen=True, slots=True)
class Picture:
    """A usable picture; `fitted` is the JPEG rendition that `ImageSettings.fit` asks for."""

    format: str
    width: int
    height: int
    phash: int
    thumbnail: bytes
    segments: tuple[tuple[int, int], ...] | None
    fitted: bytes | None


def verify(data: bytes, settings: ImageSettings) -> Picture:
    """Look at a file's bytes; raises Rejected with one of these reasons where it is not a usable picture.

    `empty`, `not-an-image[-html|-xml|-json]`, `svg`, `unsupported-format`, `undecodable`, `truncated`, `spacer`,
    `too-small`, `too-many-pixels`, `too-many-scans`, `animation`, `sheet`, `out-of-memory`.
    """
    header = read_header(data)
    check_header(header, data, settings)
    sheet = header.height > settings.sheet_ratio * header.width
    target = _target(header, settings, sheet)
    pixels = decode(data, header, None if settings.fit_exact else target)
    cuts = _cuts(pixels, header, settings) if sheet else None
    fitted = None
    if settings.fit is not None and not sheet:
        pixels = shrink(pixels, target, exact=settings.fit_exact)
        fitted = encode_jpeg(pixels)
    small = sampled(pixels, 8 * SIDE)  # enough for the fingerprint, which keeps means over much larger areas
    return Picture(header.format, header.width, header.height, phash(small), thumbnail(small), cuts, fitted)


def check_header(header: Header, data: bytes, settings: ImageSettings) -> None:
    """Raise Rejected where the header alone says that the picture is of no use, or too costly to decode."""
    size = f"{header.width}x{header.height}"
    if min(header.width, header.height) <= _SPACER:
        raise Rejected("spacer", f"{size} pixels")
    if header.pixels > settings.max_pixels:
        raise Rejected("too-many-pixels", f"{size} = {header.pixels} pixels, over {settings.max_pixels}")
    if header.animated:
        raise Rejected("animation", f"{size} {header.format} of several frames")
    if min(header.width, header.height) < settings.min_side:
        raise Rejected("too-small", f"{size} pixels, under {settings.min_side}")
    if header.height > settings.sheet_ratio * header.width and header.height > settings.max_sheet_height:
        raise Rejected("sheet", f"{size} pixels, higher than {settings.max_sheet_height}")
    # FF DA can't occur inside entropy-coded data, where FF is followed by 00 or a restart marker.
    if header.progressive and (scans := data.count(b"\xff\xda")) > _MAX_SCANS:
        raise Rejected("too-many-scans", f"{scans} scans, over {_MAX_SCANS}")


def _target(header: Header, settings: ImageSettings, sheet: bool) -> tuple[int, int]:
    """(width, height) which the one decode must at least have."""
    if sheet:
        return _SHEET_WIDTH, min(header.height, header.height * _SHEET_WIDTH // header.width)
    if settings.fit is not None:
        return fitted_size(header.width, header.height, *settings.fit)
    return min(header.width, 4 * SIDE), min(header.height, 4 * SIDE)


def _cuts(pixels: Rgb, header: Header, settings: ImageSettings) -> tuple[tuple[int, int], ...]:
    cuts = segments(pixels, header.height, header.width, min_side=settings.min_side)
    if not cuts:
        raise Rejected("sheet", f"{header.width}x{header.height} pixels without a piece that could be used")
    return cuts
