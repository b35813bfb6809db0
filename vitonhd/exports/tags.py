"""IDM-VTON's `vitonhd_<split>_tagged.json`: words for each packshot, from which its loader makes captions.

The contract that must not break: every item has an entry, and its `item` tag is never empty.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from vitonhd.garment_classes import GarmentClass
from vitonhd.names import check_stem

TAGS = ("item", "sleeveLength", "neckLine")
"""The tags that the loader reads; others are kept."""
_CATEGORIES = {GarmentClass.UPPER: "TOPS", GarmentClass.LOWER: "BOTTOMS", GarmentClass.DRESS: "DRESSES"}
_WORDS = {GarmentClass.UPPER: "top", GarmentClass.LOWER: "bottoms", GarmentClass.DRESS: "dress"}


def tags_file(split: str) -> str:
    """The file's name, below the split's folder."""
    return f"vitonhd_{split}_tagged.json"


def tagged(garment_class: GarmentClass, tags: Mapping[str, Mapping[str, str]]) -> bytes:
    """The file's bytes; `tags` by stem, e.g. {"00006_00": {"item": "T-shirt", "sleeveLength": "long sleeve"}}.

    An item without an `item` tag gets its class's word. Raises FormatError `bad-name`.
    """
    entries = []
    for stem, words in sorted(tags.items()):
        said = {"item": _WORDS[garment_class]} | {name: word for name, word in words.items() if word}
        names = (*TAGS, *sorted(said.keys() - set(TAGS)))
        entries.append(
            {
                "file_name": f"{check_stem(stem)}.jpg", "category_name": _CATEGORIES[garment_class],
                "tag_info": [{"tag_name": name, "tag_category": said.get(name)} for name in names],
            }
        )  # fmt: skip
    return json.dumps({"data": entries}, ensure_ascii=False).encode()
