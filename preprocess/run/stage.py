"""The stage behind `lookbook preprocess run`: every catalogue picture to its artifact, every product to its choice.

The contract that must not break: run again, after whatever end, it does what is left and nothing else; two runs of the
same share at the same time give what one gives.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine

from db.blobs import BlobStore
from preprocess.chain.eyes import Eyes
from preprocess.chain.looking import Looker
from preprocess.intake.framing import SIZE
from preprocess.run.choosing import Choices, choose
from preprocess.run.ledger import Ledger
from preprocess.run.pipeline import Pipeline
from preprocess.run.plan import Plan
from preprocess.run.work import Recipe
from vitonhd.garment_classes import GarmentClass

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Share:
    """Which products: of these classes, `shard` (index, count) of them, `limit` with something to do at most."""

    garment_classes: Sequence[GarmentClass] = tuple(GarmentClass)
    shard: tuple[int, int] = (0, 1)
    limit: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.shard[0] < self.shard[1]:
            raise ValueError(f"shard {self.shard[0]} of {self.shard[1]}")


@dataclass(frozen=True)
class RunSummary:
    """What a run did: planned = done + rejected + failed pictures; `kept` were done before.

    `retriable` of the failed ones are tried again by the next run. `products` counts the whole share: ready, rejected
    by reason, and waiting for pictures that are not done.
    """

    version: str
    planned: int
    done: int
    rejected: dict[str, int]
    failed: dict[str, int]
    retriable: int
    kept: int
    seconds: float
    pictures_per_second: float
    halvings: int
    """How often a batch was halved because memory ran out."""
    products: dict[str, Any] = field(default_factory=dict)


def recipe_of(eyes: Eyes, size: tuple[int, int] = SIZE) -> Recipe:
    """How artifacts are made by these eyes."""
    return Recipe(eyes.name, eyes.identity, size)


def run(
    engine: Engine,
    blobs: BlobStore,
    eyes: Eyes,
    share: Share,
    *,
    workers: int = 1,
    on_progress: Progress | None = None,
) -> RunSummary:
    """Make the artifacts that are missing and the choices that follow; `workers` processes decode, as many threads
    draw and write. Raises StorageError when blobs can't be read or written; whatever was done by then is kept.
    """
    started = time.monotonic()
    recipe = recipe_of(eyes)
    classes = [str(one) for one in share.garment_classes]
    plan = Plan(engine, recipe, classes, shard=share.shard, limit=share.limit)
    total = plan.total() if share.limit is None else None
    ledger, looker = Ledger(engine, recipe), Looker(eyes)
    with Pipeline(looker, blobs, size=recipe.size, workers=workers) as pipeline:
        try:
            for made in pipeline.run(iter(plan)):
                ledger.add(made)
                if ledger.flush_due():
                    ledger.flush()
                if on_progress is not None:
                    on_progress(max(0, plan.passed - pipeline.held), total)
        finally:
            ledger.flush()
    choices = choose(engine, recipe, classes, share.shard)
    return _summary(recipe, plan, ledger, choices, looker, time.monotonic() - started)


def _summary(
    recipe: Recipe, plan: Plan, ledger: Ledger, choices: Choices, looker: Looker, seconds: float
) -> RunSummary:
    return RunSummary(
        version=recipe.version, planned=plan.given, done=ledger.done, rejected=dict(sorted(ledger.rejected.items())),
        failed=dict(sorted(ledger.failed.items())), retriable=ledger.retriable, kept=plan.kept,
        seconds=round(seconds, 3), pictures_per_second=round(plan.given / max(seconds, 1e-9), 2),
        halvings=looker.halvings,
        products={
            "ready": choices.ready, "rejected": dict(sorted(choices.rejected.items())), "waiting": choices.waiting,
        },
    )  # fmt: skip
