"""Which work is still to be done: read product by product, a page at a time, in constant memory.

The contract that must not break: what has its artifact is not planned again, but for failures with tries left.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from db import queries
from db.queries import Gallery
from db.session import make_sessions
from preprocess.run.work import ATTEMPTS, Recipe, Work

_REMEMBERED = 50_000
"""Keys; those that are still on their way, whose rows are not there yet, are among them."""


class Plan:
    """The work of a share of the products; `limit` is how many products with something to do are taken at most.

    `given` counts the work, `kept` the artifacts that were there, `passed` the pictures that were read, of `total`.
    """

    def __init__(
        self,
        engine: Engine,
        recipe: Recipe,
        garment_classes: Sequence[str],
        *,
        shard: tuple[int, int] = (0, 1),
        limit: int | None = None,
    ) -> None:
        self._sessions = make_sessions(engine, read_only=True)
        self._recipe = recipe
        self._classes = garment_classes
        self._shard = shard
        self._limit = limit
        self._given: dict[str, None] = {}
        self.given = 0
        self.kept = 0
        self.products = 0
        self.passed = 0

    def total(self) -> int:
        """Pictures of the share, done or not."""
        with self._sessions() as session:
            return queries.gallery_pictures(session, self._classes, self._shard)

    def __iter__(self) -> Iterator[Work]:
        for page in gallery_pages(self._sessions, self._classes, self._shard):
            with self._sessions() as session:
                works = {gallery.product_id: list(self._recipe.work(gallery)) for gallery in page}
                keys = sorted({work.key for some in works.values() for work in some})
                known = queries.artifact_states(session, keys)
            for gallery in page:
                self.passed += len(gallery.pictures)
                todo = list(self._open(works[gallery.product_id], known))
                if todo and self.products == self._limit:
                    return
                self.products += bool(todo)
                for work in todo:
                    self.given += 1
                    yield work

    def _open(self, works: list[Work], known: dict[str, tuple[str, int]]) -> Iterator[Work]:
        """The work that is not done; what two products show is given once."""
        for work in works:
            state, attempts = known.get(work.key, ("", 0))
            if work.key in self._given:
                continue
            self._given[work.key] = None
            if len(self._given) > _REMEMBERED:
                del self._given[next(iter(self._given))]
            if state and (state != "failed" or attempts >= ATTEMPTS):
                self.kept += 1
            else:
                yield Work(work.key, work.sha256, work.rows, work.garment_class, work.pixels, attempts)


def gallery_pages(
    sessions: sessionmaker[Session], garment_classes: Sequence[str], shard: tuple[int, int]
) -> Iterator[list[Gallery]]:
    """Every page of a share's products; no transaction is open while the caller works on one."""
    after = 0
    while True:
        with sessions() as session:
            page = queries.gallery_page(session, garment_classes, shard=shard, after=after)
        if not page:
            return
        yield page
        after = page[-1].product_id
