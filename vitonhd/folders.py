"""The folders of a VITON-HD tree: what each holds, how its files are named, and how they are encoded.

The contract that must not break: names, modes, palettes and JPEG settings are those measured on the official files.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a file decodes to."""

    PICTURE = "picture"
    LABELS = "labels"
    MASK = "mask"
    POSE = "pose"


@dataclass(frozen=True)
class Folder:
    """One folder: `part` is our short name for what it holds, a file is `<stem><ending>`."""

    part: str
    name: str
    ending: str
    kind: Kind
    mode: str
    """Pillow's mode of the stored file; empty for JSON."""
    quality: int = 0
    """JPEG quality (4:2:0 for colour); 0 for PNG and JSON."""
    garment: bool = False
    """Whether it shows the garment alone: such items need no person."""
    required: bool = True
    """Whether a complete set has it; the others are read and written where they are."""

    @property
    def format(self) -> str:
        """Pillow's name of the file format; JSON for poses."""
        return {"jpg": "JPEG", "png": "PNG", "json": "JSON"}[self.suffix]

    @property
    def suffix(self) -> str:
        return self.ending.rsplit(".", 1)[1]

    @property
    def member(self) -> str:
        """The ending of this part's member in a shard, e.g. `cloth.jpg`."""
        return f"{self.part}.{self.suffix}"


FOLDERS = (
    Folder("image", "image", ".jpg", Kind.PICTURE, "RGB", 95),
    Folder("cloth", "cloth", ".jpg", Kind.PICTURE, "RGB", 95, garment=True),
    Folder("cloth_mask", "cloth-mask", ".jpg", Kind.MASK, "L", 75, garment=True),
    Folder("densepose", "image-densepose", ".jpg", Kind.PICTURE, "RGB", 95),
    Folder("parse", "image-parse-v3", ".png", Kind.LABELS, "P"),
    Folder("parse_agnostic", "image-parse-agnostic-v3.2", ".png", Kind.LABELS, "P"),
    Folder("agnostic", "agnostic-v3.2", ".jpg", Kind.PICTURE, "RGB", 75),
    Folder("agnostic_mask", "agnostic-mask", "_mask.png", Kind.MASK, "RGB"),
    Folder("pose_picture", "openpose_img", "_rendered.png", Kind.PICTURE, "RGB"),
    Folder("pose", "openpose_json", "_keypoints.json", Kind.POSE, ""),
    # StableVITON's worn-garment mask; the folder's name is spelt so.
    Folder("worn_mask", "gt_cloth_wraped_mask", ".jpg", Kind.MASK, "L", 95, required=False),
)

PARTS = {folder.part: folder for folder in FOLDERS}
MEMBERS = {folder.member: folder for folder in FOLDERS}
REQUIRED = tuple(folder for folder in FOLDERS if folder.required)
