"""Label tables: which id means what in which vocabulary, its colour, and which ids change places in a mirror.

The contract that must not break: stored parses hold CIHP ids with the palette of the official VITON-HD files; "left"
is always the person's left. Other vocabularies are converted at the edge (`label_conversions`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from vitonhd.arrays import Labels, Picture
from vitonhd.colours import grey_palette, nearest_colour, voc_palette
from vitonhd.errors import FormatError


def swap_sides(name: str) -> str:
    """`left-arm` for `right-arm` and the other way round; a name without a side is its own mirror image."""
    for one, other in (("left", "right"), ("right", "left")):
        if name.startswith(one) and name[len(one) : len(one) + 1] in ("-", "_"):
            return other + name[len(one) :]
    return name


@dataclass(frozen=True)
class LabelTable:
    """A vocabulary of labels; an id is the position in `labels`, `palette` is uint8 256x3 for mode-P PNGs."""

    name: str
    labels: tuple[str, ...]
    palette: Picture = field(compare=False, repr=False)

    def __post_init__(self) -> None:
        self.palette.setflags(write=False)

    def __len__(self) -> int:
        return len(self.labels)

    def id(self, label: str) -> int:
        """The label's id. Raises KeyError with the labels that there are."""
        if label not in self.labels:
            raise KeyError(f"{self.name} has no label {label!r}; it has {', '.join(self.labels)}")
        return self.labels.index(label)

    def ids(self, *labels: str) -> tuple[int, ...]:
        return tuple(self.id(label) for label in labels)

    @property
    def mirror(self) -> tuple[int, ...]:
        """For each id, the id that it becomes when the picture is mirrored."""
        return tuple(self.id(swap_sides(label)) for label in self.labels)

    def check(self, labels: Labels) -> None:
        """Raises FormatError `label-outside-table` when an id is not of this table."""
        if labels.size and int(labels.max()) >= len(self):
            found = sorted({int(value) for value in np.unique(labels) if value >= len(self)})
            raise FormatError("label-outside-table", f"ids {found} in a table of {len(self)} ({self.name})")

    def flip(self, labels: Labels) -> Labels:
        """The labels of the mirrored picture, sides swapped; HxW to HxW. Raises as `check`."""
        self.check(labels)
        table = np.array(self.mirror, np.uint8)
        flipped: Labels = table[labels[:, ::-1]]
        return flipped

    def paint(self, labels: Labels) -> Picture:
        """The labels as an RGB picture in the palette's colours."""
        self.check(labels)
        painted: Picture = self.palette[labels]
        return painted

    def read_painted(self, picture: Picture, *, tolerance: int = 2) -> Labels:
        """Ids from a picture in the palette's colours, for parses that someone saved as RGB.

        Every channel may be off by `tolerance` levels (2 covers CIHP's own 255 against VITON-HD's 254). Raises
        FormatError `unknown-colour` with the share of pixels that are no label: a JPEG, or another palette.
        """
        ids, distances = nearest_colour(picture, self.palette[: len(self)])
        unknown = float((distances > 3 * tolerance**2).mean())
        if unknown:
            raise FormatError("unknown-colour", f"{unknown:.2%} of the pixels have no colour of {self.name}")
        return ids


def _coloured(*colours: tuple[int, int, int]) -> Picture:
    """A palette whose ids past the given colours are grey, as the official VITON-HD files have it."""
    palette = grey_palette()
    palette[: len(colours)] = colours
    return palette


CIHP = LabelTable(
    "CIHP-20",
    (
        "background", "hat", "hair", "glove", "sunglasses", "upper-clothes", "dress", "coat", "socks", "pants",
        "torso-skin", "scarf", "skirt", "face", "left-arm", "right-arm", "left-leg", "right-leg", "left-shoe",
        "right-shoe",
    ),
    _coloured(
        (0, 0, 0), (128, 0, 0), (254, 0, 0), (0, 85, 0), (169, 0, 51), (254, 85, 0), (0, 0, 85), (0, 119, 220),
        (85, 85, 0), (0, 85, 85), (85, 51, 0), (52, 86, 128), (0, 128, 0), (0, 0, 254), (51, 169, 220),
        (0, 254, 254), (85, 254, 169), (169, 254, 85), (254, 254, 0), (254, 169, 0),
    ),
)  # fmt: skip
"""The stored form: `image-parse-v3`. Neck and chest skin are `torso-skin`; the palette is the official files'."""

LIP = LabelTable(
    "LIP-20", tuple("jumpsuits" if label == "torso-skin" else label for label in CIHP.labels), voc_palette()
)
"""As SCHP writes it: CIHP's ids, but 10 is jumpsuits, and there is no label for the neck."""

_ATR_FROM_UPPER = (
    "skirt", "pants", "dress", "belt", "left-shoe", "right-shoe", "face", "left-leg", "right-leg", "left-arm",
    "right-arm", "bag", "scarf",
)  # fmt: skip

ATR = LabelTable(
    "ATR-18", ("background", "hat", "hair", "sunglasses", "upper-clothes", *_ATR_FROM_UPPER), voc_palette()
)
"""As SCHP writes it; `face` includes the neck."""

DRESS_CODE = LabelTable(
    "Dress-Code-18", tuple("head" if label == "face" else label for label in ATR.labels), voc_palette()
)
"""`label_maps` of Dress Code: ATR's ids under Dress Code's names."""

VITON = LabelTable(
    "VITON-14",
    (
        "background", "hair", "unused-2", "unused-3", "upper-clothes", "left-shoe", "right-shoe", "noise", "pants",
        "left-leg", "right-leg", "left-arm", "face", "right-arm",
    ),
    grey_palette(),
)  # fmt: skip
"""The 256x192 data of VITON, ACGPN, PF-AFN and Flow-Style-VTON: plain grey ids; loaders merge `noise` into 4."""

HR_VITON_13 = LabelTable(
    "HR-VITON-13",
    (
        "background", "hair", "face", "upper", "bottom", "left-arm", "right-arm", "left-leg", "right-leg", "left-shoe",
        "right-shoe", "socks", "noise",
    ),
    grey_palette(),
)  # fmt: skip
"""The channels of HR-VITON's condition generator."""

HR_VITON_7 = LabelTable(
    "HR-VITON-7", ("background", "paste", "garment", "hair", "left-limb", "right-limb", "noise"), grey_palette()
)
"""The slots of HR-VITON's image generator; which channels fill them depends on the garment class."""

TABLES = {table.name: table for table in (CIHP, LIP, ATR, DRESS_CODE, VITON, HR_VITON_13, HR_VITON_7)}
