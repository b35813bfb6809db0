"""Names from outside: item stems, pair-file entries and shard members that can't leave their folder.

The contract that must not break: no name that passes here holds a path separator, a leading dot or anything that a
file system or a shell reads specially.
"""

from __future__ import annotations

import re

from vitonhd.errors import FormatError

_STEM = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}", re.ASCII)
_ENDING = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,23}(\.[0-9A-Za-z][0-9A-Za-z_-]{0,7})?", re.ASCII)
_ITEM_ID = re.compile(r"[0-9]{5}_00", re.ASCII)
MAX_ITEMS = 100_000


def item_id(number: int) -> str:
    """The release id of an item, `00006_00` for 6. Raises ValueError outside 0..99999."""
    if not 0 <= number < MAX_ITEMS:
        raise ValueError(f"item ids have five digits: 0..{MAX_ITEMS - 1}, not {number}")
    return f"{number:05d}_00"


def is_item_id(stem: str) -> bool:
    return _ITEM_ID.fullmatch(stem) is not None


def check_stem(stem: str) -> str:
    """The stem itself: 1..64 ASCII letters, digits, `_` and `-`. Raises FormatError `bad-name`."""
    if _STEM.fullmatch(stem) is None:
        raise FormatError("bad-name", f"{stem[:80]!r} is no item name: letters, digits, _ and -, at most 64")
    return stem


def check_ending(ending: str) -> str:
    """The ending of a shard member, e.g. `cloth.jpg`: at most one dot. Raises FormatError `bad-name`."""
    if _ENDING.fullmatch(ending) is None:
        raise FormatError("bad-name", f"{ending[:80]!r} is no member ending such as cloth.jpg")
    return ending
