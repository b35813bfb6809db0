"""The data card: what a release holds, whose pictures these are, how it was made, and what it is not good for.

The contract that must not break: every number in it is the release's or the validator's own; it is the same for the
same release.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import Any

from releases.names import Home, data_set
from releases.places import Place
from releases.release import Release
from releases.thumbnails import SHEET_PARTS, contact_sheet, some_items
from releases.validation import verdict_of
from vitonhd.atomic import write_atomic
from vitonhd.folders import FOLDERS
from vitonhd.garment_classes import GarmentClass
from vitonhd.tree import SPLITS

_WORN_BY = {
    GarmentClass.UPPER: "tops", GarmentClass.LOWER: "bottoms (trousers, shorts, skirts)", GarmentClass.DRESS: "dresses",
}  # fmt: skip


def make_card(place: Place, home: Home, *, sheet_items: int) -> list[str]:
    """Write `README.md` and `sheets/<split>.jpg`; returns the splits that have a sheet."""
    release = place.open()
    verdict = verdict_of(home.validation, release.identity)
    sheets: list[str] = []
    shutil.rmtree(home.sheets, ignore_errors=True)
    home.sheets.mkdir(parents=True)
    for split in SPLITS:
        items = some_items((item for item in release.items() if item.split == split), sheet_items)
        if items:
            write_atomic(home.sheets / f"{split}.jpg", contact_sheet(release, items))
            sheets.append(split)
    write_atomic(home.card, card_text(release, verdict, sheets).encode())
    return sheets


def card_text(release: Release, verdict: Mapping[str, Any], sheets: list[str]) -> str:
    stats = release.stats()
    garment_class = GarmentClass(stats["class"])
    name = data_set(garment_class)
    sections = [
        _HEAD.format(name=name, garments=_WORN_BY[garment_class], size="{}x{}".format(*verdict["size"])),
        "".join(f"![Some of the {split} split](sheets/{split}.jpg)\n\n" for split in sheets)
        + f"*From the left: {', '.join(SHEET_PARTS)}.*",
        _counts(stats),
        _sources(stats),
        _left_out(stats),
        _files(stats),
        _verdict(verdict),
        _LIMITS,
        _USE.format(name=name),
    ]
    return "\n\n".join(sections) + "\n"


def _table(header: tuple[str, ...], rows: list[tuple[object, ...]]) -> str:
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(value: object) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return str(value).replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


def _counts(stats: Mapping[str, Any]) -> str:
    rows: list[tuple[object, ...]] = [(split, stats["items"][split], stats["garments"][split]) for split in SPLITS]
    return f"## Counts\n\n{_table(('split', 'items', 'garments'), rows)}\n\n{_SPLITS}"


def _sources(stats: Mapping[str, Any]) -> str:
    shops = [(shop, number) for shop, number in sorted(stats["shops"].items())]
    permissions = [
        (permission or "none recorded: crawled as robots.txt allows", number)
        for permission, number in sorted(stats["permissions"].items())
    ]
    versions = [(f"`{version}`", number) for version, number in sorted(stats["versions"].items())]
    return "\n\n".join(
        [
            "## Sources, permissions, versions",
            _table(("shop", "items"), [*shops]),
            _table(("permission", "items"), [*permissions]),
            _table(("made by", "items"), [*versions]),
            _LICENCE,
        ]
    )


def _left_out(stats: Mapping[str, Any]) -> str:
    out = {
        key.removeprefix("out:"): number for key, number in stats["products"].items() if key.startswith("out:")
    }  # fmt: skip
    text = "## Left out\n\nProducts of the class without an item, by reason:\n\n"
    text += _table(("reason", "products"), sorted(out.items())) if out else "None."
    if stats["withdrawn"]:
        text += "\n\nWithdrawn, and listed in `withdrawn.csv`:\n\n"
        text += _table(("reason", "items"), sorted(stats["withdrawn"].items()))
    return text


def _files(stats: Mapping[str, Any]) -> str:
    rows: list[tuple[object, ...]] = [
        (folder.part, f"`{folder.name}/*{folder.ending}`", f"{stats['bytes'].get(folder.part, 0) / 1e6:,.1f}")
        for folder in FOLDERS
        if folder.part in stats["bytes"]
    ]
    return f"## Files of an item\n\n{_table(('part', 'where in a checkout', 'MB in all'), rows)}"


def _verdict(verdict: Mapping[str, Any]) -> str:
    if verdict["sound"]:
        return "## Validation\n\nEvery check of `lookbook release validate` passes; figures are in `validation.json`."
    rows: list[tuple[object, ...]] = [(f"`{code}`", number) for code, number in verdict["codes"].items()]
    return f"## Validation\n\n**Not sound.**\n\n{_table(('finding', 'number'), rows)}"


_HEAD = """\
# {name}

Photos of people wearing {garments}, each with the packshot of the garment and the conditions that virtual try-on
networks train on, in VITON-HD's format, {size} pixels. Made by Lookbook from shops' product pages."""

_SPLITS = """\
Items keep their ids and splits from release to release. Splits are by garment: colour variants, near duplicates of a
packshot and near duplicates of a worn photo are never in both. `test_pairs.txt` puts another test garment on each test
person (`test_pairs_unpaired.txt` is a copy of it); `train_pairs.txt` is paired."""

_LICENCE = """\
The pictures belong to the shops and brands named in `manifest.parquet`, with their pages' addresses. They are used on
the permissions above and for nothing else; this card gives no licence. People in the photos have rights of their own.\
"""

_LIMITS = """\
## Known limits

- Who a person is, is not known: the same model in two photos is not recognised, and may be in both splits.
- Parses, DensePose, poses and masks are networks' answers, checked by gates, not by people; `manifest.parquet` has each
  item's scores and the versions that made it.
- Shop photography: plain light, standing people, sizes and looks as the shops choose them. Not a sample of the public.
- Masks are stored as JPEG, as VITON-HD has them; read them with a threshold of 128."""

_USE = """\
## Use

    lookbook release checkout {name} DIR"""
