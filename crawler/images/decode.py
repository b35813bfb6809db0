"""Pixels from untrusted bytes: uint8 HxWx3 RGB, upright (EXIF), transparency over white.

The contract that must not break: a decode that returns has read the file to its end, so a file cut short never passes;
and nothing is decoded whose header has not been checked (`crawler.images.verify`).

JPEGs are decoded at 1/2, 1/4 or 1/8 where the target allows it. libjpeg-turbo has fast code for these and for full size
only; at 5/8, which would be nearest for 1500 -> 768, it is no faster than at full size, and the result is worse.
"""

from __future__ import annotations

import io
import os
import warnings
from dataclasses import dataclass
from typing import Any

os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(2**27))  # OpenCV reads it when it is imported

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from crawler.errors import Rejected
from crawler.images.sniff import picture_format

Rgb = NDArray[np.uint8]

# One picture per thread is the parallelism; OpenCV's own threads would only add memory and switches.
cv2.setNumThreads(1)
_ORIENTATION = 0x0112
_SCALES = (8, 4, 2)
# Linear interpolation has two taps per axis, which see every pixel up to a factor of 2 and nearly all at this one.
_TWO_TAPS = 2.25


@dataclass(frozen=True, slots=True)
class Header:
    """What a picture says of itself before any pixel is decoded; `width` and `height` are as shown, after EXIF."""

    format: str
    width: int
    height: int
    orientation: int = 1
    animated: bool = False
    jpeg_rgb: bool = False
    progressive: bool = False

    @property
    def pixels(self) -> int:
        return self.width * self.height


def read_header(data: bytes) -> Header:
    """The header; raises Rejected with `undecodable` where it can't be read, or with a reason of `picture_format`."""
    name = picture_format(data)
    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(data), formats=(name.upper(),)) as picture:
            warnings.simplefilter("ignore")
            orientation = _orientation(picture)
            width, height = picture.size
            animated = name != "jpeg" and bool(getattr(picture, "is_animated", False))
            plain = name == "jpeg" and picture.mode in {"RGB", "L"}
            progressive = name == "jpeg" and bool(picture.info.get("progressive"))
    except Image.DecompressionBombError as error:
        raise Rejected("too-many-pixels", f"{name}: {error}") from None
    except Exception as error:
        # Pillow's parsers raise whatever their struct and index operations raise: any failure is the file's fault.
        raise Rejected("undecodable", f"{name} header: {error!r:.200}") from None
    if orientation in {5, 6, 7, 8}:
        width, height = height, width
    return Header(name, width, height, orientation, animated, plain, progressive)


def decode(data: bytes, header: Header, at_least: tuple[int, int] | None = None) -> Rgb:
    """The whole picture, or with `at_least` (width, height) one no smaller than that which is cheaper to decode.

    Raises Rejected: `truncated`, `undecodable`, `out-of-memory`.
    """
    try:
        pixels = _decode_jpeg(data, header, at_least) if header.jpeg_rgb else _decode_pillow(data, header, at_least)
    except MemoryError:
        raise Rejected("out-of-memory", f"{header.width}x{header.height} {header.format}") from None
    return _upright(pixels, header.orientation)


def fit(data: bytes, width: int, height: int, *, exact: bool = False) -> Rgb:
    """The picture scaled to fit inside width x height: aspect kept, never enlarged.

    `exact` decodes all pixels and averages areas; otherwise the cheaper way, which differs by 40 dB PSNR or better up
    to a factor of 2 (1500x2000 to 768x1024) and by 36 dB above it, where JPEGs are decoded at a smaller scale.
    Raises Rejected like `read_header` and `decode`.
    """
    header = read_header(data)
    target = fitted_size(header.width, header.height, width, height)
    return shrink(decode(data, header, None if exact else target), target, exact=exact)


def fitted_size(width: int, height: int, inside_width: int, inside_height: int) -> tuple[int, int]:
    """(width, height) of a picture fitted inside a box: aspect kept, never enlarged, at least one pixel."""
    scale = min(inside_width / width, inside_height / height, 1.0)
    return max(1, round(width * scale)), max(1, round(height * scale))


def shrink(pixels: Rgb, size: tuple[int, int], *, exact: bool = False) -> Rgb:
    """Scale down to (width, height): by linear interpolation up to a factor of 2.25, by areas above or if `exact`."""
    height, width = pixels.shape[:2]
    if (width, height) == size:
        return pixels
    small_step = max(width / size[0], height / size[1]) <= _TWO_TAPS
    way = cv2.INTER_LINEAR if small_step and not exact else cv2.INTER_AREA
    return np.asarray(cv2.resize(pixels, size, interpolation=way), np.uint8)


def sampled(pixels: Rgb, least_side: int) -> Rgb:
    """Every n-th pixel, with at least `least_side` pixels left on either side where there were as many."""
    height, width = pixels.shape[:2]
    step = max(1, min(height, width) // least_side)
    return np.asarray(cv2.resize(pixels, (width // step, height // step), interpolation=cv2.INTER_NEAREST), np.uint8)


def encode_jpeg(pixels: Rgb, quality: int = 95) -> bytes:
    """JPEG bytes of uint8 HxWx3 RGB, chroma at half resolution as shops and OpenCV write it."""
    data: bytes = simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), quality=quality, colorsubsampling="420")
    return data


def _decode_jpeg(data: bytes, header: Header, at_least: tuple[int, int] | None) -> Rgb:
    wanted = {} if at_least is None else _cheapest(header, at_least)
    try:
        return _strictly(data, wanted)
    except ValueError as error:
        reason = "truncated" if "premature end" in str(error).lower() else "undecodable"
        raise Rejected(reason, f"{header.width}x{header.height} jpeg: {error}") from None


def _cheapest(header: Header, at_least: tuple[int, int]) -> dict[str, Any]:
    """The decoder's options for the smallest DCT scale that is large enough."""
    width, height = _stored(header, (header.width, header.height))
    least_width, least_height = _stored(header, at_least)
    for scale in _SCALES:
        scaled = -(-width // scale), -(-height // scale)
        if scaled[0] >= least_width and scaled[1] >= least_height:
            return {"min_width": scaled[0], "min_height": scaled[1], "min_factor": scale}
    # Plain chroma upsampling saves an eighth of the time, and what is scaled down by 1.5 or more hardly shows it.
    return {"fastupsample": True} if 3 * least_width < 2 * width else {}


def _strictly(data: bytes, wanted: dict[str, Any]) -> Rgb:
    try:
        return np.asarray(simplejpeg.decode_jpeg(data, strict=True, **wanted), np.uint8)
    except ValueError as error:
        # libjpeg warns of stray bytes between segments, which many encoders leave; the pixels are complete and right.
        if "extraneous bytes" not in str(error):
            raise
    return np.asarray(simplejpeg.decode_jpeg(data, strict=False, **wanted), np.uint8)


def _decode_pillow(data: bytes, header: Header, at_least: tuple[int, int] | None) -> Rgb:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=(header.format.upper(),)) as picture:
                if header.format == "jpeg" and at_least is not None:
                    picture.draft(picture.mode, _stored(header, at_least))
                picture.load()
                return _as_rgb(picture)
    except UnidentifiedImageError as error:
        raise Rejected("undecodable", f"{header.format}: {error}") from None
    except MemoryError:
        raise
    except Exception as error:
        reason = "truncated" if "truncated" in str(error) or isinstance(error, EOFError) else "undecodable"
        raise Rejected(reason, f"{header.width}x{header.height} {header.format}: {error!r:.200}") from None


def _as_rgb(picture: Image.Image) -> Rgb:
    if picture.mode.startswith("I"):
        # 16-bit grey: Pillow's own conversion clips to 255, which turns nearly everything white.
        grey = np.clip(np.asarray(picture, np.int64) >> 8, 0, 255).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if picture.has_transparency_data:
        over = picture.convert("RGBA")
        picture = Image.new("RGB", over.size, (255, 255, 255))
        picture.paste(over, mask=over.getchannel("A"))
    return np.array(picture.convert("RGB"), np.uint8)


def _orientation(picture: Image.Image) -> int:
    # Asked for EXIF that is not in a PNG's head, Pillow decodes all pixels to look behind them.
    if "exif" not in picture.info:
        return 1
    orientation = picture.getexif().get(_ORIENTATION, 1)
    return orientation if orientation in range(1, 9) else 1


def _stored(header: Header, size: tuple[int, int]) -> tuple[int, int]:
    return (size[1], size[0]) if header.orientation in {5, 6, 7, 8} else size


def _upright(pixels: Rgb, orientation: int) -> Rgb:
    """EXIF 2.3's eight orientations, undone."""
    if orientation in {5, 6, 7, 8}:
        pixels = pixels.swapaxes(0, 1)
    if orientation in {2, 3, 6, 7}:
        pixels = pixels[:, ::-1]
    if orientation in {3, 4, 7, 8}:
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)
