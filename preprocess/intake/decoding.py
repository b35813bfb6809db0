"""Untrusted bytes of a picture to upright sRGB pixels, or a rejection that says why.

The contract that must not break: no pixel is decoded before the header was held against the limits; what comes back
was read to the file's end; whatever the bytes are, only `Rejected` is raised.

The crawler has a decoder of its own: it proves and stores files (with libjpeg-turbo's fast scales, no colour profiles),
this one makes pixels for networks. By the import table neither may import the other, and the data set format below
both reads JPEG and PNG only.
"""

from __future__ import annotations

import io
import re
import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from preprocess.gates.verdict import Rejected, Verdict
from preprocess.intake.profiles import to_srgb
from vitonhd.arrays import Picture

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF")
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF8", b"RIFF")
_AVIF = (b"ftypavif", b"ftypavis")
_ORIENTATION = 0x0112
_TURNED = (5, 6, 7, 8)
_WHITE = (255, 255, 255)


@dataclass(frozen=True)
class IntakeLimits:
    """What is refused before decoding, and how large the result is at most."""

    max_bytes: int = 32 * 2**20
    max_pixels: int = 60_000_000
    """As the crawler's; decoded these are 180 MB."""
    max_ratio: float = 12.0
    """Longer side by shorter: beyond it a picture is a ruler or a spacer, tall sheets are cut into pieces before."""
    min_side: int = 200
    """Pixels; a 768x1024 from less is invented by more than five to one."""
    max_scans: int = 100
    """Usual progressive JPEGs have about 10 scans; each costs a pass over all pixels and next to no bytes."""
    enough: int = 2048
    """Pixels of the shorter side that are kept: what has twice as many or more is reduced by a whole factor."""


LIMITS = IntakeLimits()


@dataclass(frozen=True)
class Intake:
    """A decoded picture: `colour` uint8 HxWx3 sRGB, upright; `alpha` uint8 HxW where it is not opaque everywhere."""

    colour: Picture
    alpha: npt.NDArray[np.uint8] | None
    format: str
    size: tuple[int, int]
    """Width and height as shown, before the reduction to `IntakeLimits.enough`."""
    warnings: tuple[str, ...] = ()
    """What was wrong with the file and could be ignored: `broken-profile`, `broken-exif`."""

    @property
    def on_white(self) -> Picture:
        """The picture as a packshot: what is transparent is white."""
        return self.over(_WHITE)

    @property
    def on_border_colour(self) -> Picture:
        """The picture as a photo: what is transparent has the colour that prevails at the border, or white."""
        return self.over(_WHITE if self.alpha is None else _border_colour(self.colour, self.alpha))

    def over(self, colour: tuple[int, int, int]) -> Picture:
        """The picture over an even colour, uint8 HxWx3."""
        if self.alpha is None:
            return self.colour
        over, under = Image.fromarray(self.colour), Image.new("RGB", self.colour.shape[1::-1], colour)
        under.paste(over, mask=Image.fromarray(self.alpha))
        return np.array(under)


def read_picture(data: bytes, *, rows: tuple[int, int] | None = None, limits: IntakeLimits = LIMITS) -> Intake:
    """The picture in a file's bytes; of a tall sheet only `rows` [top, bottom) as shown.

    Raises Rejected: `empty`, `too-large`, `unsupported-format`, `undecodable`, `truncated`, `too-many-pixels`,
    `too-many-scans`, `too-small`, `too-long`, `animation`, `bad-rows`, `out-of-memory`.
    """
    if not data:
        raise _rejected("empty")
    if len(data) > limits.max_bytes:
        raise _rejected("too-large", len(data), limits.max_bytes, "bytes")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with _open(data) as file:
                return _read(file, data, rows, limits)
    except Rejected:
        raise
    except MemoryError:
        raise _rejected("out-of-memory") from None
    except Exception as error:
        # Pillow's parsers raise whatever their struct, index and zlib operations raise: it is the file's fault.
        text = f"{error!r:.200}"
        cut = isinstance(error, EOFError) or "truncated" in text or "Truncated" in text
        raise _rejected("truncated" if cut else "undecodable", detail=text) from None


def _open(data: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        known = data.startswith(_SIGNATURES) or data[4:12] in _AVIF
        raise _rejected("undecodable" if known else "unsupported-format", detail=f"starts with {data[:12]!r}") from None
    except Image.DecompressionBombError as error:
        pixels = re.search(r"\((\d+) pixels\)", str(error))  # Pillow looks at the size before we can
        figure = int(pixels[1]) if pixels else 0
        raise _rejected("too-many-pixels", figure, Image.MAX_IMAGE_PIXELS or 0, "by the header") from None


def _read(file: Image.Image, data: bytes, rows: tuple[int, int] | None, limits: IntakeLimits) -> Intake:
    orientation, found = _orientation(file)
    width, height = file.size[::-1] if orientation in _TURNED else file.size
    _check(file, data, (width, height), rows, limits)
    top, bottom = rows or (0, height)
    factor = max(1, min(width, bottom - top) // limits.enough)
    if factor > 1 and rows is None:
        file.draft(None, (file.width // factor, file.height // factor))
    file.load()
    # A JPEG may have come at a half, a quarter or an eighth of its size by now.
    shrunk = round(max(width, height) / max(file.size))
    upright = _upright(file, orientation)
    if rows is not None:
        upright = upright.crop((0, top, width, bottom))
    profile = file.info.get("icc_profile")
    srgb, broken = to_srgb(upright, profile if isinstance(profile, bytes) else None)
    alpha = _alpha(srgb)
    rest = max(1, factor // shrunk)
    colour = _reduced(_rgb(srgb), rest)
    found += ("broken-profile",) if broken else ()
    return Intake(
        np.array(colour), None if alpha is None else np.array(_reduced(alpha, rest)), str(file.format).lower(),
        (width, bottom - top), found,
    )  # fmt: skip


def _check(
    file: Image.Image, data: bytes, size: tuple[int, int], rows: tuple[int, int] | None, limits: IntakeLimits
) -> None:
    """Raises Rejected where the header alone says that the picture is of no use or too costly."""
    width, height = size
    if width * height > limits.max_pixels:
        raise _rejected("too-many-pixels", width * height, limits.max_pixels, f"{width}x{height}")
    if rows is not None:
        if not 0 <= rows[0] < rows[1] <= height:
            raise _rejected("bad-rows", rows[1], height, f"rows {rows[0]}..{rows[1]} of {height}")
        height = rows[1] - rows[0]
    if min(width, height) < limits.min_side:
        raise _rejected("too-small", min(width, height), limits.min_side, f"{width}x{height}")
    if max(width, height) > limits.max_ratio * min(width, height):
        raise _rejected("too-long", max(width, height) / min(width, height), limits.max_ratio, f"{width}x{height}")
    # Phones put previews into a JPEG (MPO): these are not frames.
    if file.format not in ("JPEG", "MPO") and getattr(file, "is_animated", False):
        raise _rejected("animation", getattr(file, "n_frames", 2), 1, "frames")
    # FF DA can't occur inside entropy-coded data, where FF is followed by 00 or a restart marker.
    if file.info.get("progressive") and (scans := data.count(b"\xff\xda")) > limits.max_scans:
        raise _rejected("too-many-scans", scans, limits.max_scans)


def _orientation(file: Image.Image) -> tuple[int, tuple[str, ...]]:
    """EXIF's orientation 1..8, and what was wrong with it; nonsense counts as upright."""
    if "exif" not in file.info:  # asked for EXIF that is not in a PNG's head, Pillow decodes all pixels to look for it
        return 1, ()
    try:
        value = file.getexif().get(_ORIENTATION, 1)
    except Exception:
        return 1, ("broken-exif",)
    return (value, ()) if value in range(1, 9) else (1, ("broken-exif",))


def _upright(file: Image.Image, orientation: int) -> Image.Image:
    method = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }.get(orientation)  # fmt: skip
    return file if method is None else file.transpose(method)


def _alpha(picture: Image.Image) -> Image.Image | None:
    """The picture's opacity (mode L), None where it is opaque everywhere."""
    if not picture.has_transparency_data:
        return None
    alpha = picture.convert("RGBA").getchannel("A")
    return None if alpha.getextrema() == (255, 255) else alpha


def _rgb(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I"):
        # 16-bit grey: Pillow's own conversion clips to 255, which turns nearly everything white.
        return Image.fromarray(np.clip(np.asarray(picture, np.int64) >> 8, 0, 255).astype(np.uint8)).convert("RGB")
    if picture.mode == "P" and "transparency" in picture.info:
        picture = picture.convert("RGBA")
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _reduced(picture: Image.Image, factor: int) -> Image.Image:
    return picture if factor == 1 else picture.reduce(factor)


def _border_colour(colour: Picture, alpha: npt.NDArray[np.uint8]) -> tuple[int, int, int]:
    """The median colour of the opaque pixels at the border; white where fewer than a tenth of it is opaque."""
    frame = np.ones(alpha.shape, bool)
    frame[4:-4, 4:-4] = False
    border, opaque = colour[frame], alpha[frame] == 255
    if opaque.mean() < 0.1:
        return _WHITE
    red, green, blue = np.median(border[opaque], axis=0).astype(int)
    return int(red), int(green), int(blue)


def _rejected(reason: str, figure: float = 0, limit: float = 0, detail: str = "") -> Rejected:
    return Rejected(Verdict(reason, figure, limit, detail))
