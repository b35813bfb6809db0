"""Item names for layouts that expect six digits, and back.

The contract that must not break: two stems never get the same name, and no name holds an underscore, by which readers
of those layouts cut names.
"""

from __future__ import annotations

import re

from vitonhd.errors import FormatError
from vitonhd.names import check_stem, is_item_id, item_id

_DIGITS = re.compile(r"0[0-9]{5}", re.ASCII)
_ESCAPED = re.compile(r"-(.)", re.ASCII)


def digit_id(stem: str) -> str:
    """`000006` for `00006_00`; other stems keep their letters, with `-` doubled and `_` as `-u`.

    Raises FormatError `bad-name`.
    """
    if is_item_id(check_stem(stem)):
        return f"0{stem[:5]}"
    name = stem.replace("-", "--").replace("_", "-u")
    return f"x-x{name}" if _DIGITS.fullmatch(name) or name.startswith("x-x") else name


def stem_of(name: str) -> str:
    """The stem that `digit_id` gave the name to; for other names a stem made of it. Raises FormatError `bad-name`."""
    if _DIGITS.fullmatch(name):
        return item_id(int(name))
    name = name.removeprefix("x-x")
    return check_stem(_ESCAPED.sub(lambda found: {"-": "-", "u": "_"}.get(found[1], found[0]), name))


def check_digit_id(name: str) -> str:
    """The name itself if it can be part of a path. Raises FormatError `bad-name`."""
    if "_" in name:
        raise FormatError("bad-name", f"{name[:80]!r} holds an underscore")
    return check_stem(name)
