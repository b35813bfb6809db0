"""Reads of the catalogue that must stay flat in memory: keyset-paged, no OFFSET, no full lists."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from db.models import Base, CrawlRun, FrontierPage, Product, ProductImage, ProductSnapshot

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
