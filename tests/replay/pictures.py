"""The bytes of synthetic pictures: a garment's silhouette on a soft background, and hostile files on demand.

Bytes follow from the picture's `content` alone (and the encoder's version), so equal contents are exact duplicates.
"""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from collections import OrderedDict
from threading import Lock

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from tests.replay.products import SyntheticPicture

CACHE_BYTES = 64 * 2**20
BOMB_SIDE = 20_000


class PictureCache:
    """Rendered pictures, the least recently used dropped beyond `CACHE_BYTES`; safe to use from threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[object, ...], bytes] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def get(self, picture: SyntheticPicture, width: int | None) -> bytes | None:
        """The bytes if they have been rendered lately."""
        with self._lock:
            if (data := self._kept.get((*picture.content, width))) is not None:
                self._kept.move_to_end((*picture.content, width))
            return data

    def render(self, picture: SyntheticPicture, width: int | None) -> bytes:
        """The bytes, `width` pixels wide (None, or more than it has: as it is)."""
        data = render(picture, width)
        with self._lock:
            if (*picture.content, width) not in self._kept:
                self._kept[(*picture.content, width)] = data
                self._bytes += len(data)
            while self._bytes > CACHE_BYTES:
                self._bytes -= len(self._kept.popitem(last=False)[1])
        return data


def render(picture: SyntheticPicture, width: int | None = None) -> bytes:
    """The file of a picture. A `webp` is served under a .jpg name, as shops do."""
    if picture.hostile:
        return hostile(picture.hostile)
    size = picture.size
    if width and width < size[0]:
        size = (width, size[1] * width // size[0])
    image = _scene(picture.scene, picture.colour, picture.size)
    if size != picture.size:
        image = image.resize(size, Image.Resampling.BILINEAR)
    return _encode(image, {"jpeg": "JPEG", "webp": "WEBP", "png": "PNG"}[picture.form], picture.quality)


def content_type(picture: SyntheticPicture) -> str:
    return "image/png" if picture.form == "png" else "image/jpeg"


def _scene(scene: str, colour: tuple[int, int, int], full: tuple[int, int]) -> Image.Image:
    """Luma structure from `scene`, the garment's colour from `colour`. Drawn at half size, to be quick."""
    size = (full[0] // 2, full[1] // 2)
    source = np.random.default_rng(int.from_bytes(hashlib.blake2b(scene.encode(), digest_size=8).digest()))
    field = source.integers(120, 250, (7, 5, 3), dtype=np.uint8)
    field[..., 1:] = (field[..., :1].astype(int) * 3 + field[..., 1:]) // 4
    image = Image.fromarray(field).resize(size, Image.Resampling.BICUBIC)
    points = _silhouette(source, size)
    folds = Image.fromarray(source.integers(150, 256, (24, 18), dtype=np.uint8)).resize(size, Image.Resampling.BICUBIC)
    garment = Image.merge("RGB", [folds.point([level * part // 255 for level in range(256)]) for part in colour])
    mask = Image.new("L", size, 0)
    ImageDraw.Draw(mask).polygon(points, fill=255)
    image.paste(garment, mask=mask)
    return image.resize(full, Image.Resampling.BILINEAR)


def _silhouette(source: np.random.Generator, size: tuple[int, int]) -> list[tuple[float, float]]:
    """A shape that is wide or narrow at shoulders, waist and hem."""
    left = source.uniform(0.1, 0.4, 5)
    right = 1 - source.uniform(0.1, 0.4, 5)
    heights = np.linspace(source.uniform(0.05, 0.2), source.uniform(0.8, 0.95), 5)
    outline = [*zip(left, heights, strict=True), *reversed(list(zip(right, heights, strict=True)))]
    return [(float(x) * size[0], float(y) * size[1]) for x, y in outline]


def _encode(image: Image.Image, form: str, quality: int = 85, **options: object) -> bytes:
    buffer = io.BytesIO()
    fastest = {"PNG": {"compress_level": 1}, "WEBP": {"method": 0, "quality": quality}}
    image.save(buffer, form, **fastest.get(form, {"quality": quality}), **options)
    return buffer.getvalue()


def hostile(name: str) -> bytes:
    """A file that a downloader must survive: one of `tests.replay.products.HOSTILE`."""
    plain = _scene(f"hostile:{name}", (120, 40, 60), (600, 800))
    match name:
        case "bomb":
            return _bomb()
        case "truncated":
            data = _encode(plain, "JPEG")
            return data[: len(data) // 2]
        case "html":
            return b"<!DOCTYPE html><html><body>synthetic: not a picture</body></html>"
        case "svg":
            return b'<svg xmlns="http://www.w3.org/2000/svg" width="600" height="800"><script>1</script></svg>'
        case "animation":
            frames = [plain.resize((300, 400)).filter(ImageFilter.GaussianBlur(each)) for each in range(3)]
            buffer = io.BytesIO()
            frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=100)
            return buffer.getvalue()
        case "spacer":
            return _encode(Image.new("RGB", (1, 1), "white"), "PNG")
        case "sheet":
            return _encode(_scene("hostile:sheet", (90, 90, 30), (500, 12_000)), "JPEG", 60)
        case "cmyk":
            return _encode(plain.convert("CMYK"), "JPEG")
        case "sixteen-bit":
            deep = np.asarray(plain.convert("L"), np.uint16) * 257
            return _encode(Image.fromarray(deep), "PNG")
        case "rotated":
            exif = Image.Exif()
            exif[0x0112] = 6  # orientation: to be turned by 90 degrees
            return _encode(plain.rotate(90, expand=True), "JPEG", exif=exif)
        case "empty":
            return b""
    raise ValueError(f"no hostile picture {name!r}")


def _bomb() -> bytes:
    """A small PNG of 20000 x 20000 black pixels, complete and valid, which unpacks to 400 MB."""
    packer = zlib.compressobj(9)
    row = bytes(1 + BOMB_SIDE // 8)
    rows = b"".join(packer.compress(row * 1000) for _ in range(BOMB_SIDE // 1000)) + packer.flush()
    header = struct.pack(">IIBBBBB", BOMB_SIDE, BOMB_SIDE, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
