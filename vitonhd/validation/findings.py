"""One thing that is wrong in a data set.

The contract that must not break: `code` is a stable slug that scripts may count by, `where` a path below the data
set's root (of the tree, also for shards).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from vitonhd.atomic import atomic_file
from vitonhd.errors import FormatError
from vitonhd.folders import PARTS


@dataclass(frozen=True)
class Finding:
    """What is wrong and where; `figure` beyond `limit` where it was measured."""

    code: str
    where: str
    detail: str = ""
    figure: float | None = None
    limit: float | None = None

    @classmethod
    def of(cls, error: FormatError, where: str) -> Finding:
        return cls(error.reason, where, error.detail)

    def to_json(self) -> dict[str, str | float | None]:
        return asdict(self)

    def __str__(self) -> str:
        figures = "" if self.figure is None or self.limit is None else f" {self.figure:.4g} against {self.limit:.4g}"
        return f"{self.where}: {self.code}{figures}" + (f" ({self.detail})" if self.detail else "")


def path_of(split: str, part: str, stem: str) -> str:
    """Where a part's file is, below the root of a tree."""
    folder = PARTS[part]
    return f"{split}/{folder.name}/{stem}{folder.ending}"


@contextmanager
def findings_file(path: Path | None) -> Iterator[Callable[[Finding], None]]:
    """What writes each finding as a line of JSON; the file appears when all are in it. Without a path nothing does."""
    if path is None:
        yield lambda _: None
        return
    with atomic_file(path) as file:

        def write(finding: Finding) -> None:
            file.write(json.dumps(finding.to_json()).encode() + b"\n")

        yield write
