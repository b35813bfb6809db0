"""What a build has to do: which items keep their shards, which are packed anew, which shards are dropped.

The contract that must not break: no byte of a withdrawn item stays, not even a version that was already replaced.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from releases.release import Release
from releases.rows import Entry, Withdrawn, content_of
from releases.snapshots import read_snapshot
from vitonhd.tree import SPLITS


@dataclass(frozen=True)
class NewShard:
    """A shard to be written: its file name and its items by ascending id."""

    name: str
    ids: tuple[str, ...]


@dataclass
class Plan:
    """Ids here are bounded by the 100,000 that a class can have; nothing else is held in memory."""

    kept: dict[str, str] = field(default_factory=dict)
    """Shard of each item whose bytes are in a shard that stays."""
    shards: dict[str, list[str]] = field(default_factory=dict)
    """Samples of each shard that stays, used or not."""
    new: list[NewShard] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SPLITS, 0))
    """The first number of each split that no shard of this or an earlier release had."""


def make_plan(snapshot: Path, previous: Release | None, *, shard_items: int, rewrite_below: float) -> Plan:
    """A plan follows from the snapshot, the previous release and the parameters alone.

    An item keeps its shard when its bytes are the same. A shard goes when it holds a withdrawn item or when less than
    `rewrite_below` of its samples are current; its other items are packed anew.
    """
    plan = Plan()
    wanted, withdrawn = _wanted(read_snapshot(snapshot))
    if previous is not None:
        plan.numbers = previous.next_numbers()
        samples = previous.samples()
        same = {
            id: shard for id, split, shard, content in previous.places() if wanted.get(id) == (split, content)
        }  # fmt: skip
        current = Counter(same.values())
        for name, ids in samples.items():
            if current[name] and current[name] >= rewrite_below * len(ids) and withdrawn.isdisjoint(ids):
                plan.shards[name] = ids
        plan.kept = {id: shard for id, shard in same.items() if shard in plan.shards}
    for split in SPLITS:
        ids = [id for id, (of, _) in wanted.items() if of == split and id not in plan.kept]
        for start in range(0, len(ids), shard_items):
            name = f"{split}-{plan.numbers[split]:06d}.tar"
            plan.new.append(NewShard(name, tuple(ids[start : start + shard_items])))
            plan.numbers[split] += 1
    return plan


def _wanted(rows: Iterator[Entry | Withdrawn]) -> tuple[dict[str, tuple[str, str]], set[str]]:
    """Split and content of every ready item, and the ids of the withdrawn ones."""
    wanted: dict[str, tuple[str, str]] = {}
    withdrawn: set[str] = set()
    for row in rows:
        if isinstance(row, Withdrawn):
            withdrawn.add(row.id)
        else:
            wanted[row.id] = row.split, content_of(row.parts.items())
    return wanted, withdrawn
