"""Conversions between label tables, each a plain list of target ids by source id.

The contract that must not break: going there and back is the identity on every label that both tables know; what a
target table can't express is named here, not guessed.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from vitonhd.arrays import Labels
from vitonhd.errors import FormatError
from vitonhd.labels import ATR, CIHP, DRESS_CODE, HR_VITON_13, LIP, VITON, LabelTable

_CIHP_TO_ATR = {
    "torso-skin": "face",  # ATR's face goes down to the collar
    "coat": "upper-clothes",
    "glove": "background",  # ATR knows neither gloves nor socks, and their side can't be told from the id
    "socks": "background",
}
_ATR_TO_CIHP = {"belt": "pants", "bag": "background"}

_CIHP_TO_VITON = {
    "hat": "hair",
    "dress": "upper-clothes",
    "coat": "upper-clothes",
    "skirt": "pants",
    "sunglasses": "face",
    # Published converters send these to `noise`, which loaders merge into the upper garment: a neck would become cloth.
    "torso-skin": "face",
    "glove": "background",
    "socks": "background",
    "scarf": "background",
}
_VITON_TO_CIHP = {"noise": "upper-clothes", "unused-2": "background", "unused-3": "background"}

_CIHP_TO_HR_VITON_13 = {
    "torso-skin": "background",
    "hat": "hair",
    "sunglasses": "face",
    "upper-clothes": "upper",
    "dress": "upper",
    "coat": "upper",
    "pants": "bottom",
    "skirt": "bottom",
    "scarf": "noise",
    "glove": "noise",
}


def _table(source: LabelTable, target: LabelTable, exceptions: dict[str, str]) -> tuple[int, ...]:
    """Target ids by source id: labels keep their name unless an exception renames them."""
    return tuple(target.id(exceptions.get(label, label)) for label in source.labels)


_SAME_IDS = tuple(range(len(ATR)))
CONVERSIONS: dict[tuple[LabelTable, LabelTable], tuple[int, ...]] = {
    (CIHP, LIP): _table(CIHP, LIP, {"torso-skin": "background"}),
    (LIP, CIHP): _table(LIP, CIHP, {"jumpsuits": "dress"}),
    (CIHP, ATR): _table(CIHP, ATR, _CIHP_TO_ATR),
    (ATR, CIHP): _table(ATR, CIHP, _ATR_TO_CIHP),
    (ATR, DRESS_CODE): _SAME_IDS,
    (DRESS_CODE, ATR): _SAME_IDS,
    (CIHP, DRESS_CODE): _table(CIHP, ATR, _CIHP_TO_ATR),
    (DRESS_CODE, CIHP): _table(ATR, CIHP, _ATR_TO_CIHP),
    (CIHP, VITON): _table(CIHP, VITON, _CIHP_TO_VITON),
    (VITON, CIHP): _table(VITON, CIHP, _VITON_TO_CIHP),
    (CIHP, HR_VITON_13): _table(CIHP, HR_VITON_13, _CIHP_TO_HR_VITON_13),
}


@cache
def _lookup(source: LabelTable, target: LabelTable) -> Labels:
    if (source, target) not in CONVERSIONS:
        known = ", ".join(f"{one.name} to {other.name}" for one, other in CONVERSIONS)
        raise KeyError(f"no conversion from {source.name} to {target.name}; there are {known}")
    return np.array(CONVERSIONS[source, target], np.uint8)


def convert_labels(labels: Labels, source: LabelTable, target: LabelTable) -> Labels:
    """The same label map in another vocabulary, same shape.

    Raises KeyError for a pair of tables without a conversion, FormatError `label-outside-table` for foreign ids.
    """
    table = _lookup(source, target)
    source.check(labels)
    converted: Labels = table[labels]
    return converted


def one_hot(labels: Labels, table: LabelTable) -> npt.NDArray[np.float32]:
    """The labels as float32 NxHxW planes of 0 and 1, N the table's size. Raises as `LabelTable.check`."""
    table.check(labels)
    if labels.ndim != 2:
        raise FormatError("wrong-shape", f"a label map is HxW, not {labels.shape}")
    planes: npt.NDArray[np.float32] = np.equal(
        labels[None], np.arange(len(table), dtype=np.uint8)[:, None, None]
    ).astype(np.float32)
    return planes
