"""Where the time of preprocessing goes: a sample of the catalogue's pictures through each stage, one after another.

The contract that must not break: neither the catalogue nor the blob store is written; files go to a folder beside the
store that is removed again.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from sqlalchemy import Engine

from db.blobs import BlobStore
from db.session import make_sessions
from preprocess.chain.assess import Assessed, assess
from preprocess.chain.eyes import Eyes
from preprocess.chain.files import drawn_conditions, encoded_files
from preprocess.chain.looking import Looker
from preprocess.chain.placing import Placed, place
from preprocess.chain.taking import Taken
from preprocess.errors import NothingToDo
from preprocess.gates.verdict import Rejected
from preprocess.run import memory
from preprocess.run.decoders import Decoded, decode
from preprocess.run.pipeline import Pipeline
from preprocess.run.plan import gallery_pages
from preprocess.run.stage import Progress, Share, recipe_of
from preprocess.run.work import Recipe, Work
from preprocess.student.student import Sight
from vitonhd.garment_classes import GarmentClass

STAGES = ("decode", "look", "assess", "draw", "encode", "write")
"""`look` is all looks at a picture, `assess` framing and gates."""


@dataclass
class StageCost:
    """What a stage took; `peak` is the process's memory at its highest in it, bytes, None where nobody tells."""

    stage: str
    seconds: float = 0.0
    pictures: int = 0
    peak: int | None = None

    @property
    def rate(self) -> float:
        """Pictures per second of this stage alone."""
        return self.pictures / self.seconds if self.seconds else 0.0


@dataclass
class Profile:
    """A sample's costs: stage by stage in one thread, and `overlapped` (seconds) as `run` works, with `workers`."""

    version: str
    pictures: int = 0
    taken: int = 0
    """Of the pictures: those that have files at the end."""
    overlapped: float = 0.0
    workers: int = 1
    costs: dict[str, StageCost] = field(default_factory=lambda: {stage: StageCost(stage) for stage in STAGES})

    @property
    def seconds(self) -> float:
        return sum(cost.seconds for cost in self.costs.values())

    @contextmanager
    def stage(self, stage: str, pictures: int) -> Iterator[None]:
        """Count what is done inside as a stage's."""
        cost = self.costs[stage]
        memory.reset_peak()
        started = time.perf_counter()
        yield
        cost.seconds += time.perf_counter() - started
        cost.pictures += pictures
        cost.peak = max(filter(None, (cost.peak, memory.peak())), default=None)


def profile(
    engine: Engine,
    blobs: BlobStore,
    eyes: Eyes,
    share: Share,
    *,
    pictures: int,
    workers: int = 1,
    on_progress: Progress | None = None,
) -> Profile:
    """The costs of the first `pictures` pictures of a share, done before or not.

    Raises NothingToDo for a share without pictures.
    """
    recipe = recipe_of(eyes)
    works = list(islice(_sample(engine, recipe, share), pictures))
    if not works:
        raise NothingToDo("the catalogue has no stored pictures of these classes; `lookbook crawl images` fetches them")
    result = Profile(recipe.version, len(works), workers=workers)
    looker = Looker(eyes)
    beside = Path(blobs.url).parent if Path(blobs.url).is_dir() else None
    with tempfile.TemporaryDirectory(dir=beside, prefix="profile-") as folder:
        for first in range(0, len(works), looker.batch):
            _batch(result, works[first : first + looker.batch], blobs, looker, BlobStore(f"{folder}/one"), recipe.size)
            if on_progress is not None:
                on_progress(min(first + looker.batch, len(works)), 2 * len(works))
        started = time.perf_counter()
        # Reads the pictures where they are, writes where nothing is kept.
        with Pipeline(looker, blobs, size=recipe.size, workers=workers, sink=BlobStore(f"{folder}/all")) as pipeline:
            for done, made in enumerate(pipeline.run(iter(works)), len(works) + 1):
                result.taken += made.verdict is None
                if on_progress is not None:
                    on_progress(done, 2 * len(works))
        result.overlapped = time.perf_counter() - started
    return result


def _sample(engine: Engine, recipe: Recipe, share: Share) -> Iterator[Work]:
    """Every picture once."""
    given: set[str] = set()
    for page in gallery_pages(make_sessions(engine, read_only=True), share.garment_classes, share.shard):
        for work in (work for gallery in page for work in recipe.work(gallery)):
            if work.key not in given:
                given.add(work.key)
                yield work


def _batch(
    result: Profile, works: Sequence[Work], blobs: BlobStore, looker: Looker, sink: BlobStore, size: tuple[int, int]
) -> None:
    """One batch through all stages, in this thread."""
    with result.stage("decode", len(works)):
        decoded = [(work, decode(blobs, work.sha256, work.rows)) for work in works]
    taken = [(work, one.taken) for work, one in decoded if isinstance(one, Decoded) and one.taken is not None]
    with result.stage("look", len(taken)):
        sights = looker.look([one.intake.on_white for _, one in taken])
    with result.stage("assess", 0):
        placed = [
            _placed(*one, sight, size) for one, sight in zip(taken, sights, strict=True) if isinstance(sight, Sight)
        ]
    with result.stage("look", 0):
        placed = _looked_again(looker, placed)
    with result.stage("assess", len(placed)):
        assessed = [assess(one) for one in placed]
    for one in assessed:
        if one.passed:
            _files(result, one, sink)


def _files(result: Profile, assessed: Assessed, sink: BlobStore) -> None:
    try:
        with result.stage("draw", 1):
            drawn = drawn_conditions(assessed)
    except Rejected:
        return
    with result.stage("encode", 1):
        files = encoded_files(drawn)
    with result.stage("write", 1):
        for data in files.values():
            sink.put(data)


def _placed(work: Work, taken: Taken, sight: Sight, size: tuple[int, int]) -> Placed:
    return place(taken, sight, GarmentClass(work.garment_class), size=size)


def _looked_again(looker: Looker, placed: Sequence[Placed]) -> list[Placed]:
    """With what is seen in the framed pictures, as the pipeline does."""
    if not looker.eyes.looks_again:
        return list(placed)
    wanting = {place: one.framed for place, one in enumerate(placed) if one.framed is not None and one.wants_look}
    sights = looker.look([framed.picture for framed in wanting.values()])
    again = {place: framed.seen_again(sight) for (place, framed), sight in zip(wanting.items(), sights, strict=True)
             if isinstance(sight, Sight)}  # fmt: skip
    return [replace(one, framed=again.get(place, one.framed)) for place, one in enumerate(placed)]
