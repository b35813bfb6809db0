"""Plans the import of a VITON-HD style folder: the published one, the 2021 one, and what people make of them.

The contract that must not break: files are found by folder and name alone, whatever hyphens, endings and formats they
have; a name that is no item name is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from vitonhd.errors import FormatError
from vitonhd.folders import FOLDERS
from vitonhd.imports.conversion import Form
from vitonhd.imports.taking import ForeignFile, Imported, Job, Plan, Progress, Rejection, take
from vitonhd.names import check_stem
from vitonhd.pair_files import Pair, parse_pairs
from vitonhd.tree import PAIR_FILES, SIZE, SPLITS, Tree, read_regular

_ALIASES: dict[str, tuple[str, ...]] = {
    "cloth": ("clothes",),
    "parse": ("image-parse",),
    "parse_agnostic": ("image-parse-agnostic",),
    "agnostic": ("agnostic",),
    "worn_mask": ("gt_cloth_warped_mask",),
}
"""Other names of folders, hyphens for underscores aside; the first that is there counts."""
_SUFFIXES = {"agnostic_mask": "_mask", "pose_picture": "_rendered", "pose": "_keypoints"}
_ENDINGS = (".jpg", ".jpeg", ".png", ".json")


def import_tree(
    folder: Path, out: Path, *, size: tuple[int, int] = SIZE, lip_labels: bool = False, split: str = "train",
    workers: int = 1, on_progress: Progress | None = None,
) -> Imported:  # fmt: skip
    """Take a folder in VITON-HD's layout into the tree at `out`; what can't be taken is in `out`/rejections.jsonl.

    `lip_labels` says that its parses are of LIP's table (10 is jumpsuits, not skin). A folder without train and test
    is taken as `split`. Raises FormatError `no-split` for one with neither pictures nor splits, `unreadable-folder`.
    """
    planned = plan(folder, lip_labels=lip_labels, split=split)
    return take(planned, Tree(out, size=size), workers=workers, on_progress=on_progress)


def plan(folder: Path, *, lip_labels: bool = False, split: str = "train") -> Plan:
    """What the folder holds. Raises FormatError `no-split`."""
    found = {name: folder / name for name in SPLITS if (folder / name).is_dir()}
    if not found and _folder_of(folder, "image", "image") is not None:
        found = {split: folder}
    if not found:
        raise FormatError("no-split", f"{folder} has neither train nor test nor image")
    planned = Plan()
    seen: dict[str, str] = {}
    for name, root in found.items():
        items: dict[str, list[ForeignFile]] = {}
        for part, path in _files(root):
            try:
                stem = check_stem(_stem(part, path))
            except FormatError as error:
                planned.rejections.append(Rejection(name, _printable(path), error.reason, error.detail))
                continue
            form = Form.LIP_LABELS if lip_labels and part in ("parse", "parse_agnostic") else Form.VITON_HD
            items.setdefault(stem, []).append(ForeignFile(part, path, form))
        for stem, files in sorted(items.items()):
            if seen.setdefault(stem, name) != name:
                planned.rejections.append(Rejection(name, stem, "duplicate-name", f"also in {seen[stem]}"))
                continue
            planned.jobs.append(Job(name, stem, tuple(files)))
    _plan_pairs(folder, planned)
    return planned


def _files(root: Path) -> Iterator[tuple[str, Path]]:
    """Every file of the split that may be a part; of two for one part the first by name."""
    for folder in FOLDERS:
        there = _folder_of(root, folder.part, folder.name)
        if there is None:
            continue
        try:
            paths = sorted(there.iterdir())
        except OSError as error:
            raise FormatError("unreadable-folder", f"{there}: {error.strerror}") from None
        seen: set[str] = set()
        for path in paths:
            stem = _stem(folder.part, path)
            if path.suffix.lower() in _ENDINGS and not path.name.startswith(".") and stem not in seen:
                seen.add(stem)
                yield folder.part, path


def _folder_of(root: Path, part: str, name: str) -> Path | None:
    names = [name, *_ALIASES.get(part, ())]
    spelt = [variant for one in names for variant in (one, one.replace("-", "_"), one.replace("_", "-"))]
    return next((root / one for one in spelt if (root / one).is_dir()), None)


def _stem(part: str, path: Path) -> str:
    return path.stem.removesuffix(_SUFFIXES.get(part, ""))


def _plan_pairs(folder: Path, planned: Plan) -> None:
    for name, file in PAIR_FILES.items():
        try:
            lines = list(parse_pairs(read_regular(folder / file)))
        except FormatError:
            continue
        planned.pairs[name] = [pair for _, pair in lines if isinstance(pair, Pair)]
        for number, error in lines:
            if isinstance(error, FormatError):
                planned.rejections.append(Rejection(name, f"{file}:{number}", error.reason, error.detail))


def _printable(path: Path) -> str:
    return f"{path.parent.name}/{path.name[:80].encode('ascii', 'backslashreplace').decode()}"
