"""Names of data sets and of their releases: `vitonhd-upper`, and `vitonhd-upper@v2026.11.20` or `...@v2026.11.20.1`.

The contract that must not break: a tag names one release for ever; further ones of a day count up from 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from releases.errors import ReleaseError
from vitonhd.garment_classes import GarmentClass

_TAG = re.compile(r"vitonhd-(upper|lower|dress)@v(\d{4})\.(\d{2})\.(\d{2})(?:\.([1-9]\d{0,4}))?", re.ASCII)


def data_set(garment_class: GarmentClass) -> str:
    """The data set's name, which is also its folder's: `vitonhd-lower`."""
    return f"vitonhd-{garment_class}"


def class_of(name: str) -> GarmentClass:
    """The class of a data set's name. Raises ReleaseError for other names."""
    try:
        return GarmentClass(name.removeprefix("vitonhd-"))
    except ValueError:
        known = ", ".join(data_set(one) for one in GarmentClass)
        raise ReleaseError(f"{name!r} is no data set; there are {known}") from None


@dataclass(frozen=True, order=True)
class Tag:
    """A published release of a data set; ordered by class, day and number."""

    garment_class: GarmentClass
    day: date
    number: int = 0

    def __str__(self) -> str:
        suffix = f".{self.number}" if self.number else ""
        return f"{data_set(self.garment_class)}@v{self.day:%Y.%m.%d}{suffix}"

    @classmethod
    def parse(cls, text: str) -> Tag:
        """Raises ReleaseError for what is no tag of ours."""
        found = _TAG.fullmatch(text)
        try:
            if found is None:
                raise ValueError
            name, year, month, day, number = found.groups()
            return cls(GarmentClass(name), date(int(year), int(month), int(day)), int(number or 0))
        except ValueError:
            raise ReleaseError(f"{text!r} is no release such as vitonhd-upper@v2026.11.20") from None

    @classmethod
    def following(cls, garment_class: GarmentClass, day: date, known: Iterable[Tag]) -> Tag:
        """The day's next free tag."""
        taken = [tag.number for tag in known if (tag.garment_class, tag.day) == (garment_class, day)]
        return cls(garment_class, day, max(taken) + 1 if taken else 0)


@dataclass(frozen=True)
class Home:
    """The folder of a data set: what DVC's stages write, each file once."""

    folder: Path

    @classmethod
    def of(cls, datasets: Path, garment_class: GarmentClass) -> Home:
        return cls(datasets / data_set(garment_class))

    @property
    def snapshot(self) -> Path:
        return self.folder / "snapshot.parquet"

    @property
    def release(self) -> Path:
        return self.folder / "release"

    @property
    def validation(self) -> Path:
        return self.folder / "validation.json"

    @property
    def card(self) -> Path:
        return self.folder / "README.md"

    @property
    def sheets(self) -> Path:
        return self.folder / "sheets"
