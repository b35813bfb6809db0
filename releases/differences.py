"""What became of a data set from one release to another: added, removed, changed and restated items.

The contract that must not break: both manifests are streamed side by side, so two releases of any size can be compared.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from releases.release import WITHDRAWN_FILE, Release
from releases.rows import Facts, ReleaseItem

NO_LONGER_READY = "no longer ready"


class Kind(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    """Other bytes."""
    RESTATED = "restated"
    """The same bytes with other facts: a name, a permission, a score."""


@dataclass(frozen=True)
class Difference:
    """One item that is not the same; `what` are the parts or facts that differ, or why it was removed."""

    kind: Kind
    old: ReleaseItem | None
    new: ReleaseItem | None
    what: tuple[str, ...] = ()

    @property
    def item(self) -> ReleaseItem:
        found = self.new or self.old
        assert found is not None
        return found

    @property
    def withdrawn(self) -> bool:
        return self.kind is Kind.REMOVED and self.what[:1] != (NO_LONGER_READY,)


def differences(old: Release, new: Release) -> Iterator[Difference]:
    """Every difference by ascending id."""
    withdrawn = _withdrawn(new)
    olds, news = old.items(), new.items()
    one, other = next(olds, None), next(news, None)
    while one is not None or other is not None:
        if other is None or (one is not None and one.id < other.id):
            assert one is not None
            yield Difference(Kind.REMOVED, one, None, (withdrawn.get(one.id, NO_LONGER_READY),))
            one = next(olds, None)
        elif one is None or other.id < one.id:
            yield Difference(Kind.ADDED, None, other)
            other = next(news, None)
        else:
            found = _compared(one, other)
            if found is not None:
                yield found
            one, other = next(olds, None), next(news, None)


def _compared(old: ReleaseItem, new: ReleaseItem) -> Difference | None:
    before, after = ({file.part: file.sha256 for file in item.files} for item in (old, new))
    parts = tuple(part for part in {**before, **after} if before.get(part) != after.get(part))
    if parts:
        return Difference(Kind.CHANGED, old, new, parts)
    facts = tuple(name for name in Facts.__slots__ if getattr(old.facts, name) != getattr(new.facts, name))
    return Difference(Kind.RESTATED, old, new, facts) if facts else None


def _withdrawn(release: Release) -> dict[str, str]:
    rows = csv.DictReader(io.StringIO(release.read_small(WITHDRAWN_FILE).decode()))
    return {row["id"]: f"withdrawn: {row['reason']}" for row in rows}


def counted(found: Iterator[Difference]) -> Counter[Kind]:
    return Counter(difference.kind for difference in found)
