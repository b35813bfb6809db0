"""A folder of rendered try-ons, ours or anybody's, and one try-on with all that it is held against.

The contract that must not break: result and truth are compared at the result's size; a result of another shape than
the truth, or of another size than the rest, is refused, never stretched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from finetune.evaluation.cases import SETTINGS, SPLIT, Case, photo_of, true_picture_of, worn_of_person
from finetune.hr_viton.conditions import Setting
from vitonhd.arrays import Mask, Picture
from vitonhd.atomic import write_atomic
from vitonhd.errors import FormatError
from vitonhd.pictures import MASK_THRESHOLD, decode_mask, decode_rgb, encode_mask_png, encode_png, open_picture

_ENDINGS = (".png", ".jpg")
_SHAPE_TOLERANCE = 0.01


class Results:
    """`ROOT/<setting>/<set>/<person>_<cloth>.png`, as `write` names them.

    Others' folders may leave out the set where there is one, the setting where `flat` says it, and the garment in the
    file's name; JPEG is read too. Beside a try-on `<person>_<cloth>_worn.png` may say where the garment is in it.
    """

    def __init__(self, root: Path, *, one_set: bool = True, flat: Setting | None = None) -> None:
        self.root = root
        self.one_set = one_set
        self.flat = flat

    def settings(self) -> tuple[Setting, ...]:
        """Those that there are results of."""
        if self.flat is not None:
            return (self.flat,)
        return tuple(setting for setting in SETTINGS if (self.root / setting).is_dir())

    def find(self, case: Case) -> Path | None:
        """The case's try-on; None where there is none."""
        top = self.root if self.flat == case.setting else self.root / case.setting
        folders = [top / case.test_set.name, *([top] if self.one_set else [])]
        paths = (
            folder / f"{stem}{end}" for folder in folders for stem in (case.stem, case.pair.person) for end in _ENDINGS
        )
        return next((path for path in paths if path.is_file()), None)

    def path(self, case: Case) -> Path:
        """Where `write` puts the try-on."""
        return self.root / case.setting / case.test_set.name / f"{case.stem}.png"

    def write(self, case: Case, picture: Picture, worn: Mask) -> None:
        """A try-on HxWx3 and where its garment is, HxW; the picture last, so that it is there when both are."""
        path = self.path(case)
        write_atomic(_worn_path(path, case), encode_mask_png(worn))
        write_atomic(path, encode_png(picture))

    def size(self, cases: Sequence[Case]) -> tuple[int, int] | None:
        """(width, height) of the first readable try-on of the cases; None without any."""
        for case in cases:
            path = self.find(case)
            try:
                if path is not None:
                    return open_picture(path.read_bytes()).size
            except (OSError, FormatError):
                continue
        return None


@dataclass(frozen=True)
class Known:
    """One case at the size of its try-on: pictures uint8 HxWx3, masks bool HxW. The packshot has its own size."""

    case: Case
    made: Picture
    person: Picture
    truth: Picture | None
    truth_worn: Mask | None
    worn: Mask | None
    """Where the garment is: in the truth, or without one as the try-on says; None where nobody knows."""
    cloth: Picture
    cloth_mask: Mask


def read_known(case: Case, results: Results, size: tuple[int, int]) -> Known:
    """Read a case; `size` is (width, height) of all try-ons.

    Raises FormatError `no-result`, `wrong-size`, `other-shape`, and as the readers of the tree do.
    """
    tree, path = case.test_set.tree, results.find(case)
    if path is None:
        raise FormatError("no-result", f"{case.key} is not in {results.root}")
    _check_shape(tree.size, size)
    try:
        made = decode_rgb(path.read_bytes(), size=size)
        worn_path = _worn_path(path, case)
        made_worn = decode_mask(worn_path.read_bytes(), size=size) if worn_path.is_file() else None
        files = true_picture_of(case)
    except OSError as error:
        raise FormatError("unreadable-file", str(error)) from None
    truth = truth_worn = None
    if files is not None:
        truth = reduced(decode_rgb(files[0], size=tree.size), size)
        if case.setting == "paired":
            truth_worn = reduced_mask(worn_of_person(case), size)
        elif files[1] is not None:
            truth_worn = reduced_mask(decode_mask(files[1], size=tree.size), size)
    packshot = tree.read(SPLIT, case.pair.cloth, ["cloth", "cloth_mask"])
    assert packshot.cloth is not None and packshot.cloth_mask is not None
    person = reduced(photo_of(case), size)
    worn = made_worn if truth_worn is None else truth_worn
    return Known(case, made, person, truth, truth_worn, worn, packshot.cloth, packshot.cloth_mask)


def reduced(picture: Picture, size: tuple[int, int]) -> Picture:
    """At (width, height), by Lanczos' filter; itself where it has that size."""
    if (picture.shape[1], picture.shape[0]) == size:
        return picture
    return np.array(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS))


def reduced_mask(mask: Mask, size: tuple[int, int]) -> Mask:
    """At (width, height): where at least half of a pixel is set."""
    if (mask.shape[1], mask.shape[0]) == size:
        return mask
    grey = Image.fromarray(mask.astype(np.uint8) * np.uint8(255)).resize(size, Image.Resampling.BOX)
    smaller: Mask = np.array(grey) >= MASK_THRESHOLD
    return smaller


def _worn_path(path: Path, case: Case) -> Path:
    return path.with_name(f"{case.stem}_worn.png")


def _check_shape(of_tree: tuple[int, int], of_result: tuple[int, int]) -> None:
    ratio = of_tree[0] * of_result[1] / (of_tree[1] * of_result[0])
    if abs(ratio - 1) > _SHAPE_TOLERANCE:
        raise FormatError("other-shape", f"try-ons of {of_result}, truths of {of_tree} (width, height)")
