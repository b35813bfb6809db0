"""Plans the import of a Dress Code style folder: one tree for each garment class.

The contract that must not break: the split of an item is that of the pair files which name it, never guessed. Dress
Code has no garment masks; those of our own exports are taken, others stay missing.
"""

from __future__ import annotations

from pathlib import Path

from vitonhd.errors import FormatError
from vitonhd.exports import dress_code as layout
from vitonhd.exports.digit_ids import check_digit_id, stem_of
from vitonhd.garment_classes import RULES, GarmentClass
from vitonhd.imports.conversion import Form
from vitonhd.imports.taking import ForeignFile, Imported, Job, Plan, Progress, Rejection, take
from vitonhd.pair_files import Pair
from vitonhd.tree import SIZE, Tree, read_regular

_PARTS = (
    ("image", layout.PHOTO, Form.VITON_HD),
    ("cloth", layout.PACKSHOT, Form.VITON_HD),
    ("cloth_mask", layout.CLOTH_MASK, Form.VITON_HD),
    ("parse", layout.LABEL_MAP, Form.DRESS_CODE_LABELS),
    ("pose", layout.KEYPOINTS, Form.DRESS_CODE_POINTS),
    ("densepose", layout.DENSEPOSE_PICTURE, Form.VITON_HD),
    ("densepose", layout.DENSE, Form.DENSEPOSE_IDS),
)
"""By part the files that may hold it, the better one first."""
_PAIR_FILES = ((layout.TRAIN_PAIRS, "train"), (layout.PAIRED, "test"), (layout.UNPAIRED, "test"))
_PHOTO, _PACKSHOT = "_0.jpg", "_1.jpg"


def import_dress_code(
    folder: Path, out: Path, *, size: tuple[int, int] = SIZE, workers: int = 1, on_progress: Progress | None = None
) -> dict[GarmentClass, Imported]:
    """Take each category that is there into `out`/<class>; what can't be taken is in its rejections.jsonl.

    Raises FormatError `no-category` for a folder without any.
    """
    categories = {garment_class: folder / rules.dress_code_folder for garment_class, rules in RULES.items()}
    there = {garment_class: category for garment_class, category in categories.items() if category.is_dir()}
    if not there:
        names = ", ".join(category.name for category in categories.values())
        raise FormatError("no-category", f"{folder} has none of {names}")
    return {
        garment_class: take(
            plan(category), Tree(out / garment_class, size=size), workers=workers, on_progress=on_progress
        )
        for garment_class, category in there.items()
    }


def plan(category: Path) -> Plan:
    """What a category's folder holds, split by its pair files."""
    planned = Plan()
    named: dict[str, list[Pair]] = {}
    splits: dict[str, str] = {}
    for file, split in _PAIR_FILES:
        named[file] = list(_pairs(category / file, split, planned))
        for pair in named[file]:
            for name in pair:
                if splits.setdefault(name, split) != split:
                    planned.rejections.append(Rejection(split, name, "leaked-item", "pairs of both splits name it"))
    stems = {name: stem_of(name) for name in splits}
    for name, split in sorted(splits.items()):
        planned.jobs.append(Job(split, stems[name], tuple(_files(category, name))))
    planned.rejections += [
        Rejection("", name, "no-split", "no pair file names it") for name in _photos(category) if name not in splits
    ]
    train, test = named[layout.TRAIN_PAIRS], named[layout.UNPAIRED] or named[layout.PAIRED]
    for name, pairs in (("train", train), ("test", test), ("test_unpaired", named[layout.UNPAIRED])):
        planned.pairs[name] = [Pair(stems[person], stems[cloth]) for person, cloth in pairs]
    return planned


def _files(category: Path, name: str) -> list[ForeignFile]:
    files: dict[str, ForeignFile] = {}
    for part, pattern, form in _PARTS:
        path = category / pattern.format(name)
        if part not in files and path.is_file():
            files[part] = ForeignFile(part, path, form)
    return list(files.values())


def _photos(category: Path) -> list[str]:
    """Names of the photos that are there and can be items."""
    folder = category / Path(layout.PHOTO).parent
    return sorted(path.name.removesuffix(_PHOTO) for path in folder.glob(f"*{_PHOTO}")) if folder.is_dir() else []


def _pairs(path: Path, split: str, planned: Plan) -> list[Pair]:
    """The names of a pair file's people and packshots; lines that are none are refused."""
    try:
        lines = read_regular(path).decode("utf-8", "replace").splitlines()
    except FormatError as error:
        planned.rejections.append(Rejection(split, path.name, error.reason, "no pairs of this kind"))
        return []
    pairs = []
    for number, line in enumerate(lines, 1):
        names = line[:1000].split()
        try:
            if len(names) < 2 or not names[0].endswith(_PHOTO) or not names[1].endswith(_PACKSHOT):
                raise FormatError("bad-pair", f"{line.strip()[:80]!r} is not `ID_0.jpg ID_1.jpg`")
            person, cloth = names[0].removesuffix(_PHOTO), names[1].removesuffix(_PACKSHOT)
            pairs.append(Pair(check_digit_id(person), check_digit_id(cloth)))
        except FormatError as error:
            planned.rejections.append(Rejection(split, f"{path.name}:{number}", error.reason, error.detail))
    return pairs
