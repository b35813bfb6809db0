"""Reads of the catalogue that must stay flat in memory: keyset-paged, no OFFSET, no full lists."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, aliased

from db.models import (
    Artifact,
    Base,
    Choice,
    CrawlRun,
    FrontierPage,
    Image,
    Product,
    ProductImage,
    ProductSnapshot,
)

PAGE = 500


@dataclass(frozen=True, slots=True)
class ProductFilter:
    """Which products: every field that is set must hold. `text` looks into name, brand and product number."""

    shop: str | None = None
    garment_class: str | None = None
    state: str | None = None
    sold_out: bool | None = None
    text: str | None = None

    def apply(self, query: Select[Any]) -> Select[Any]:
        for column, value in (
            (Product.shop, self.shop),
            (Product.garment_class, self.garment_class),
            (Product.state, self.state),
            (Product.sold_out, self.sold_out),
        ):
            if value is not None:
                query = query.where(column == value)
        if self.text:
            columns = (Product.name, Product.brand, Product.product_no)
            matches = [column.icontains(self.text, autoescape=True) for column in columns]
            query = query.where(matches[0] | matches[1] | matches[2])
        return query


def products(
    session: Session, wanted: ProductFilter = ProductFilter(), *, limit: int | None = None
) -> Iterator[Product]:
    """Products by ascending id, PAGE at a time; rows are detached as soon as the next page is asked for."""
    last, left = 0, limit
    while left is None or left > 0:
        size = PAGE if left is None else min(PAGE, left)
        query = wanted.apply(select(Product)).where(Product.id > last).order_by(Product.id).limit(size)
        page = session.scalars(query).all()
        if not page:
            return
        yield from page
        last = page[-1].id
        left = None if left is None else left - len(page)
        session.expunge_all()


def product(session: Session, shop: str, product_no: str) -> Product | None:
    return session.scalars(select(Product).filter_by(shop=shop, product_no=product_no)).one_or_none()


def images_of(session: Session, product_ids: Sequence[int], *, removed: bool = False) -> dict[int, list[ProductImage]]:
    """Picture rows per product, in page order; those that the page has lost only with `removed`."""
    query = select(ProductImage).where(ProductImage.product_id.in_(product_ids))
    if not removed:
        query = query.where(ProductImage.removed_at.is_(None))
    found: dict[int, list[ProductImage]] = {product_id: [] for product_id in product_ids}
    for row in session.scalars(query.order_by(ProductImage.product_id, ProductImage.position, ProductImage.id)):
        found[row.product_id].append(row)
    return found


def history(session: Session, product_id: int) -> list[ProductSnapshot]:
    """Price and stock history, oldest first."""
    query = select(ProductSnapshot).filter_by(product_id=product_id).order_by(ProductSnapshot.id)
    return list(session.scalars(query))


def row_counts(session: Session) -> dict[str, int]:
    return {
        table.name: session.scalar(select(func.count()).select_from(table)) or 0
        for table in Base.metadata.sorted_tables
    }


def latest_run(session: Session, shop: str | None = None) -> CrawlRun | None:
    query = select(CrawlRun).order_by(CrawlRun.id.desc()).limit(1)
    return session.scalars(query if shop is None else query.filter_by(shop=shop)).one_or_none()


# kind, state, reason, number of pages
FrontierCount = tuple[str, str, str | None, int]


def frontier_counts(session: Session, run_id: int) -> list[FrontierCount]:
    """(kind, state, reason, pages) of a run: their sum is every page that the run ever wanted."""
    columns = (FrontierPage.kind, FrontierPage.state, FrontierPage.reason)
    query = select(*columns, func.count()).filter_by(run_id=run_id).group_by(*columns)
    return sorted(
        ((k, s, r, n) for k, s, r, n in session.execute(query)), key=lambda row: (row[0], row[1], row[2] or "")
    )


def image_counts(session: Session, shop: str | None = None) -> list[tuple[str, str | None, int]]:
    """(state, reason, addresses) over the distinct current picture addresses."""
    query = select(ProductImage.state, ProductImage.reason, func.count(func.distinct(ProductImage.url_key))).where(
        ProductImage.removed_at.is_(None)
    )
    if shop is not None:
        query = query.where(ProductImage.shop == shop)
    rows = session.execute(query.group_by(ProductImage.state, ProductImage.reason))
    return sorted(((s, r, n) for s, r, n in rows), key=lambda row: (row[0], row[1] or ""))


@dataclass(frozen=True, slots=True)
class GalleryPicture:
    """A stored picture of a product; `id` is its `product_image` row, `segments` and sizes are its `image` row's."""

    id: int
    product_id: int
    sha256: str
    shot_kind: str | None
    width: int
    height: int
    segments: list[Any] | None


@dataclass(frozen=True, slots=True)
class Gallery:
    """A product's stored pictures in page order; there may be none."""

    product_id: int
    garment_class: str
    pictures: tuple[GalleryPicture, ...]


def gallery_page(
    session: Session, garment_classes: Sequence[str], *, shard: tuple[int, int] = (0, 1), after: int = 0
) -> list[Gallery]:
    """The next PAGE current products of these classes by ascending id; `shard` is (index, count) of the ids.

    A page, not a stream: work on it takes long, and no transaction should stay open meanwhile.
    """
    query = select(Product.id, Product.garment_class).where(Product.id > after, Product.state == "current")
    if len(garment_classes) == 1:
        query = query.where(Product.garment_class == garment_classes[0])
    else:
        # An expression, so that SQLite reads by id: by the classes' index it would sort all that is left for each page.
        query = query.where(func.lower(Product.garment_class).in_(garment_classes))
    if shard[1] > 1:
        query = query.where(Product.id % shard[1] == shard[0])
    page = session.execute(query.order_by(Product.id).limit(PAGE)).all()
    found = _gallery_pictures(session, [product_id for product_id, _ in page])
    return [Gallery(product_id, kind, tuple(found.get(product_id, ()))) for product_id, kind in page]


def gallery_pictures(session: Session, garment_classes: Sequence[str], shard: tuple[int, int] = (0, 1)) -> int:
    """How many pictures all pages of `gallery_page` hold; one that two products show counts twice."""
    query = select(func.count(ProductImage.id)).join(Product, Product.id == ProductImage.product_id)
    query = query.where(ProductImage.state == "stored", ProductImage.removed_at.is_(None))
    query = query.where(Product.garment_class.in_(garment_classes), Product.state == "current")
    if shard[1] > 1:
        query = query.where(Product.id % shard[1] == shard[0])
    return session.scalar(query) or 0


def _gallery_pictures(session: Session, product_ids: Sequence[int]) -> dict[int, list[GalleryPicture]]:
    shown = ProductImage
    query = (
        select(shown, Image.width, Image.height, Image.segments)
        .join(Image, Image.sha256 == shown.sha256)
        .where(shown.product_id.in_(product_ids))
        .order_by(shown.product_id, shown.position, shown.id)
    )
    found: dict[int, list[GalleryPicture]] = {}
    for row, *image in session.execute(query):
        # Not a condition of the query: SQLite would read all stored pictures by the states' index for each page.
        if row.state == "stored" and row.removed_at is None:
            picture = GalleryPicture(row.id, row.product_id, row.sha256, row.shot_kind, *image)
            found.setdefault(row.product_id, []).append(picture)
    return found


def artifacts(session: Session, keys: Sequence[str]) -> dict[str, Artifact]:
    """Those of these keys that are there."""
    found: dict[str, Artifact] = {}
    for at in range(0, len(keys), PAGE):
        query = select(Artifact).where(Artifact.key.in_(keys[at : at + PAGE]))
        found.update((row.key, row) for row in session.scalars(query))
    return found


@dataclass(frozen=True, slots=True)
class ReadyChoice:
    """A product with the worn photo and the packshot that stand for it; both artifacts are `done`."""

    product: Product
    choice: Choice
    worn: Artifact
    packshot: Artifact


def ready_choices(
    session: Session, garment_class: str, after: int = 0, *, version: str | None = None
) -> Iterator[ReadyChoice]:
    """What a release can be made of: ready choices of current products by ascending product id, PAGE at a time.

    `after` is the last product id that is known already; without a `version` it is `latest_version`'s. Rows are
    detached as soon as the next page is asked for.
    """
    version = version or latest_version(session, garment_class)
    worn, packshot = aliased(Artifact), aliased(Artifact)
    while version is not None:
        query = (
            select(Product, Choice, worn, packshot)
            .join(Product, Product.id == Choice.product_id)
            .join(worn, worn.key == Choice.worn_key)
            .join(packshot, packshot.key == Choice.packshot_key)
            .where(
                Choice.version == version,
                Choice.garment_class == garment_class,
                Choice.state == "ready",
                Choice.product_id > after,
                Product.state == "current",
                # A product that was put into another class since is not this class's any more.
                Product.garment_class == garment_class,
            )
            .order_by(Choice.product_id)
            .limit(PAGE)
        )
        page = [ReadyChoice(*row) for row in session.execute(query)]
        if not page:
            return
        yield from page
        after = page[-1].choice.product_id
        session.expunge_all()


def latest_version(session: Session, garment_class: str | None = None) -> str | None:
    """The version of the choice that was made last; None where none was made."""
    query = select(Choice.version).group_by(Choice.version).order_by(func.max(Choice.made_at).desc(), Choice.version)
    if garment_class is not None:
        query = query.where(Choice.garment_class == garment_class)
    return session.scalars(query.limit(1)).one_or_none()


def artifact_counts(session: Session, version: str) -> list[tuple[str, str | None, int]]:
    """(state, reason, artifacts) of a version."""
    return _counts(session, Artifact, version)


def choice_counts(session: Session, version: str) -> list[tuple[str, str | None, int]]:
    """(state, reason, products) of a version."""
    return _counts(session, Choice, version)


def _counts(session: Session, table: type[Artifact] | type[Choice], version: str) -> list[tuple[str, str | None, int]]:
    query = select(table.state, table.reason, func.count()).where(table.version == version)
    rows = session.execute(query.group_by(table.state, table.reason))
    return sorted(((s, r, n) for s, r, n in rows), key=lambda row: (row[0], row[1] or ""))


def artifact_states(session: Session, keys: Sequence[str]) -> dict[str, tuple[str, int]]:
    """(state, attempts) of those of these artifacts that are there."""
    found: dict[str, tuple[str, int]] = {}
    for at in range(0, len(keys), PAGE):
        query = select(Artifact.key, Artifact.state, Artifact.attempts).where(Artifact.key.in_(keys[at : at + PAGE]))
        found.update((key, (state, attempts)) for key, state, attempts in session.execute(query))
    return found
