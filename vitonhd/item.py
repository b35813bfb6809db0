"""One item of a data set as typed arrays, and the bytes of each of its files.

The contract that must not break: labels, masks, PNG pictures and poses survive encoding; JPEG pictures do not, so a
picture that only moves is copied as bytes (`Tree.put`) and never passes through here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from vitonhd.arrays import Labels, Mask, Picture
from vitonhd.errors import FormatError
from vitonhd.folders import PARTS, Folder, Kind
from vitonhd.openpose_json import PoseFile
from vitonhd.pictures import (
    decode_labels,
    decode_mask,
    decode_rgb,
    encode_jpeg,
    encode_labels,
    encode_mask_jpeg,
    encode_mask_png,
    encode_png,
)

Content = Picture | Labels | Mask | PoseFile


@dataclass
class Item:
    """The parts of an item that were read or are to be written; the others are None.

    Pictures are uint8 HxWx3 RGB, parses uint8 HxW CIHP ids, masks bool HxW.
    """

    stem: str
    image: Picture | None = None
    cloth: Picture | None = None
    cloth_mask: Mask | None = None
    densepose: Picture | None = None
    parse: Labels | None = None
    parse_agnostic: Labels | None = None
    agnostic: Picture | None = None
    agnostic_mask: Mask | None = None
    pose_picture: Picture | None = None
    pose: PoseFile | None = None
    worn_mask: Mask | None = None

    def parts(self) -> Iterator[tuple[Folder, Content]]:
        """The parts that are there, each with its folder."""
        for part, folder in PARTS.items():
            content = getattr(self, part)
            if content is not None:
                yield folder, content


_DECODERS: dict[Kind, Callable[..., Picture | Labels | Mask]] = {
    Kind.PICTURE: decode_rgb,
    Kind.LABELS: decode_labels,
    Kind.MASK: decode_mask,
}
_ENCODERS: dict[tuple[Kind, str], Callable[..., bytes]] = {
    (Kind.PICTURE, "JPEG"): encode_jpeg,
    (Kind.PICTURE, "PNG"): encode_png,
    (Kind.LABELS, "PNG"): encode_labels,
    (Kind.MASK, "JPEG"): encode_mask_jpeg,
    (Kind.MASK, "PNG"): encode_mask_png,
}


def decode_part(folder: Folder, data: bytes, *, size: tuple[int, int] | None = None) -> Content:
    """A file's content by its folder. `size` is (width, height). Raises FormatError as the decoders do."""
    if folder.kind is Kind.POSE:
        return PoseFile.parse(data)
    return _DECODERS[folder.kind](data, size=size)


def encode_part(folder: Folder, content: Content) -> bytes:
    """The file of a part in its folder's format, mode, palette and quality.

    Raises FormatError as the encoders do, and `wrong-kind` for a pose where pixels belong or the other way round.
    """
    if isinstance(content, PoseFile) != (folder.kind is Kind.POSE):
        raise FormatError("wrong-kind", f"{folder.part} holds {folder.kind}, not {type(content).__name__}")
    if isinstance(content, PoseFile):
        content.person.check()
        return content.to_bytes()
    options = {"quality": folder.quality} if folder.quality else {}
    return _ENCODERS[folder.kind, folder.format](content, **options)
