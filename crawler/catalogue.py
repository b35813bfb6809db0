"""Writes records into the catalogue, each page's records together with its frontier row in one transaction.

The contract that must not break: applying the same record twice, or the same pages in another order, ends in the same
catalogue.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, sessionmaker

from crawler import frontier, routes
from crawler.frontier import Fetched, PageTask
from crawler.pages.base import ParsedPage
from crawler.records import (
    Category,
    ColourGroup,
    GoneProduct,
    Image,
    Information,
    Listing,
    Options,
    Rejection,
    SizeTable,
)
from crawler.records import Product as ProductRecord
from crawler.routes import DETAIL_KINDS, PageAddress
from db.keys import content_key, url_key
from db.models import FrontierPage, Product, ProductImage, ProductSnapshot, utcnow
from db.upsert import upsert

# Price and stock live in snapshots and change daily; a change in them alone does not call for the detail pages again.
_VOLATILE = {"list_price", "sale_price", "final_price", "sold_out", "stock_state", "labels", "sizes"}


@dataclass(frozen=True, slots=True)
class Scope:
    """What bounds a run: its shop, at most how many products, and how old an unchanged product's page may be."""

    run_id: int
    shop: str
    limit: int | None
    refresh_after: timedelta
    details: tuple[routes.PageKind, ...]


class CatalogueWriter:
    """Stores what pages bring. One instance serves one run."""

    def __init__(self, sessions: sessionmaker[Session], scope: Scope) -> None:
        self._sessions = sessions
        self._scope = scope

    def store(self, task: PageTask, parsed: ParsedPage, fetched: Fetched) -> None:
        """Store the page's records, enqueue what it leads to and finish its frontier row, all in one transaction."""
        with self._sessions.begin() as session:
            state, reason = self._apply(session, task, parsed)
            frontier.finish(session, task, state, fetched, reason)

    def _apply(self, session: Session, task: PageTask, parsed: ParsedPage) -> tuple[str, str | None]:
        """Store the records; returns the state that the page ends in, with its reason."""
        state: tuple[str, str | None] = ("done", None)
        listings = [record for record in parsed.records if isinstance(record, Listing)]
        if listings or task.kind in ("listing", "sitemap"):
            self._lists(session, task, listings, parsed)
        for number, record in enumerate(parsed.records):
            if isinstance(record, ProductRecord):
                self._product(session, task, record)
                if task.kind == "product" and task.product_no and task.product_no != record.product_no:
                    # The shop sent us on to another product: the number that was asked for is no more.
                    _mark_gone(session, record.shop, task.product_no)
                    state = ("gone", "moved")
            elif isinstance(record, GoneProduct):
                _mark_gone(session, record.shop, record.product_no)
                state = ("gone", record.reason)
            elif isinstance(record, SizeTable | Options | ColourGroup | Information):
                if not _detail(session, record):
                    state = ("rejected", "unknown-product")
            elif isinstance(record, Rejection):
                self._reject(session, task, record, number)
        return state

    def give_up(self, task: PageTask, state: str, reason: str, fetched: Fetched) -> None:
        """End the page without a record: `rejected`, `failed`, `gone` or `skipped`, with its reason.

        A product page that is gone marks its product gone; a detail page that is not there counts as known, so that it
        is not asked for again until the product changes.
        """
        with self._sessions.begin() as session:
            if state == "gone" and task.kind == "product" and task.product_no:
                _mark_gone(session, self._scope.shop, task.product_no)
            elif state in ("gone", "rejected") and task.kind in DETAIL_KINDS[self._scope.shop] and task.product_no:
                query = select(Product).filter_by(shop=self._scope.shop, product_no=task.product_no)
                for product in session.scalars(query.with_for_update()):
                    product.details = sorted({*product.details, task.kind})
            frontier.finish(session, task, state, fetched, reason)

    # Lists

    def _lists(self, session: Session, task: PageTask, listings: list[Listing], parsed: ParsedPage) -> None:
        """Enqueue what a list or sitemap leads to: further lists, and the products that have to be fetched."""
        category = task.context.get("category")
        chosen = self._within_limit(session, listings)
        full = self._scope.limit is not None and len(self._products_in_run(session) | set(chosen)) >= self._scope.limit
        if full:
            self._end_lists(session, task)
        else:
            frontier.enqueue(session, self._scope.run_id, self._further_lists(task, parsed))
        for part in _parts(chosen):
            self._products_of_list(session, part, category)

    def _products_of_list(self, session: Session, listings: dict[str, Listing], category: str | None) -> None:
        known = self._known(session, list(listings))
        wanted, unchanged = [], []
        for number, listing in listings.items():
            key = _listing_key(listing)
            categories = [category] if category else list(listing.category_codes)
            page = routes.product(self._scope.shop, number, listing.url, {"listing_key": key, "categories": categories})
            old = known.get(number)
            if old is not None and self._is_fresh(old, key):
                unchanged.append(page)
                self._enqueue_details(session, old)
            else:
                wanted.append(page)
        self._enqueue_products(session, wanted, "waiting")
        self._enqueue_products(session, unchanged, "unchanged")
        if category:
            self._note_categories(session, list(listings), known, category)

    def _further_lists(self, task: PageTask, parsed: ParsedPage) -> Iterator[PageAddress]:
        yield from (PageAddress(task.kind, url, context=task.context) for url in parsed.urls)
        if parsed.next_url:
            yield PageAddress(task.kind, parsed.next_url, context=task.context)
        for record in parsed.records:  # SSF's sitemap names categories, not products
            if isinstance(record, Category) and record.garment_class in WORN_CLASSES:
                yield routes.listing(self._scope.shop, record.code)

    def _end_lists(self, session: Session, task: PageTask) -> None:
        """The run has as many products as it may: lists that still wait are not needed."""
        session.execute(
            update(FrontierPage)
            .where(
                FrontierPage.run_id == self._scope.run_id,
                FrontierPage.kind.in_(("listing", "sitemap")),
                FrontierPage.state == "waiting",
                FrontierPage.id != task.id,
            )
            .values(state="skipped", reason=frontier.LIMIT)
        )

    def _known(self, session: Session, numbers: Collection[str]) -> dict[str, Product]:
        query = select(Product).where(Product.shop == self._scope.shop, Product.product_no.in_(numbers))
        return {product.product_no: product for product in session.scalars(query)}

    def _is_fresh(self, product: Product, listing_key: str) -> bool:
        return (
            product.state == "current"
            and product.listing_key == listing_key
            and product.fetched_at > utcnow() - self._scope.refresh_after
        )

    def _products_in_run(self, session: Session) -> set[str]:
        query = select(FrontierPage.product_no).filter_by(run_id=self._scope.run_id, kind="product")
        return {number for number in session.scalars(query) if number}

    def _within_limit(self, session: Session, listings: list[Listing]) -> dict[str, Listing]:
        """The listings by number that the run's limit leaves; those that the run has already always stay."""
        unique = {listing.product_no: listing for listing in reversed(listings)}
        if self._scope.limit is None:
            return dict(reversed(unique.items()))
        there = self._products_in_run(session)
        room = max(0, self._scope.limit - len(there))
        new = set([number for number in reversed(unique) if number not in there][:room])
        return {number: unique[number] for number in reversed(unique) if number in there or number in new}

    def _enqueue_products(self, session: Session, pages: list[PageAddress], state: str) -> None:
        """Enqueue product pages, once per product and run whatever address a list gave."""
        numbers = [page.product_no for page in pages]
        query = select(FrontierPage.product_no).where(
            FrontierPage.run_id == self._scope.run_id,
            FrontierPage.kind == "product",
            FrontierPage.product_no.in_(numbers),
        )
        there = set(session.scalars(query))
        frontier.enqueue(
            session, self._scope.run_id, (page for page in pages if page.product_no not in there), state=state
        )

    def _note_categories(self, session: Session, numbers: list[str], known: dict[str, Product], category: str) -> None:
        """A product in several lists is fetched once, but every list that showed it is kept."""
        for product in known.values():
            product.listed_in = sorted({*product.listed_in, category})
            product.seen_at = utcnow()
        waiting = select(FrontierPage).where(
            FrontierPage.run_id == self._scope.run_id,
            FrontierPage.kind == "product",
            FrontierPage.state == "waiting",
            FrontierPage.product_no.in_(numbers),
        )
        for page in session.scalars(waiting):
            if category not in page.context.get("categories", []):
                page.context = {**page.context, "categories": sorted({*page.context.get("categories", []), category})}

    def _reject(self, session: Session, task: PageTask, record: Rejection, number: int) -> None:
        """Record a row that could not become a record, under its product's number or its place on the page."""
        product_no = record.product_no[:40] if record.product_no else None
        page = PageAddress("row", f"{record.url}#{product_no or f'{content_key(task.url)[:12]}-{number}'}", product_no)
        frontier.enqueue(session, self._scope.run_id, [page], state="rejected", reason=record.reason)

    # Products

    def _product(self, session: Session, task: PageTask, record: ProductRecord) -> None:
        # The frontier row's context may have gained categories since the task was taken.
        context = session.scalar(select(FrontierPage.context).where(FrontierPage.id == task.id)) or task.context
        product = session.scalars(
            select(Product).filter_by(shop=record.shop, product_no=record.product_no).with_for_update()
        ).one_or_none()
        key = content_key(record.model_dump(mode="json", exclude=_VOLATILE))
        if product is None:
            product = self._insert(session, record, key)
        changed = product.content_key != key
        if changed or product.state == "gone":
            product.details = []
        for name, value in _columns(record).items():
            setattr(product, name, value)
        for name, value in _shared_columns(record).items():
            if value or name not in _DETAIL_COLUMNS[record.shop]:
                setattr(product, name, value)
        product.content_key = key
        product.listing_key = context.get("listing_key", product.listing_key)
        product.listed_in = sorted({*product.listed_in, *context.get("categories", [])})
        if changed or product.colour_group is None:
            product.colour_group = _colour_group(record.product_no, record.colour_products) or record.colour_group
        product.state, product.gone_at = "current", None
        product.seen_at = product.fetched_at = utcnow()
        product.run_id = self._scope.run_id
        session.flush()
        self._snapshot(session, product)
        roles = {"main", "gallery"} if "information" in DETAIL_KINDS[record.shop] else {"main", "gallery", "detail"}
        replace_images(session, product, record.images, roles)
        self._enqueue_details(session, product)

    def _insert(self, session: Session, record: ProductRecord, key: str) -> Product:
        """Insert the product or, where another writer was first, read what that one wrote."""
        values = {**_columns(record), **_shared_columns(record), "content_key": key, "state": "current", "details": []}
        now = utcnow()
        values |= {"listed_in": [], "first_seen_at": now, "seen_at": now, "fetched_at": now, "colour_group": None}
        upsert(session, Product, [values], key=("shop", "product_no"))
        query = select(Product).filter_by(shop=record.shop, product_no=record.product_no).with_for_update()
        return session.scalars(query).one()

    def _snapshot(self, session: Session, product: Product) -> None:
        """Append to the price and stock history where it differs from the last entry; one entry per run."""
        values = {name: getattr(product, name) for name in _SNAPSHOT}
        query = select(ProductSnapshot).filter_by(product_id=product.id).order_by(ProductSnapshot.id.desc()).limit(1)
        last = session.scalars(query).one_or_none()
        if last is not None and all(getattr(last, name) == value for name, value in values.items()):
            return
        row = {"product_id": product.id, "run_id": self._scope.run_id, "taken_at": utcnow(), **values}
        upsert(session, ProductSnapshot, [row], key=("product_id", "run_id"), update=("taken_at", *_SNAPSHOT))

    def _enqueue_details(self, session: Session, product: Product) -> None:
        pages = [
            routes.detail(product.shop, kind, product.product_no, product.url)
            for kind in self._scope.details
            if kind not in product.details
        ]
        frontier.enqueue(session, self._scope.run_id, pages)


# Columns that a detail page of the shop brings: the product's own page, which lacks them, must not empty them.
_DETAIL_COLUMNS = {
    "musinsa": {"colours", "sizes", "measurements"},
    "ssf": {"material", "measurements", "detail_text"},
}
WORN_CLASSES = ("upper", "lower", "dress")
_SNAPSHOT = ("list_price", "sale_price", "final_price", "sold_out", "stock_state")
_COPIED = (
    *("shop", "url", "product_no", "name", "name_en", "brand", "brand_code", "style_no"),
    *("list_price", "sale_price", "final_price", "sold_out", "stock_state"),
    *("garment_class", "class_reason", "season", "season_year"),
)
_LISTS = ("category_codes", "category_path", "sex", "labels")


def _columns(record: ProductRecord) -> dict[str, Any]:
    """The product row's columns that its own page decides."""
    columns: dict[str, Any] = {name: getattr(record, name) for name in _COPIED}
    return columns | {name: list(getattr(record, name)) for name in _LISTS}


def _shared_columns(record: ProductRecord) -> dict[str, Any]:
    """Columns that either the product's page or one of its detail pages fills, depending on the shop."""
    return {
        "colours": list(record.colours),
        "sizes": [size.model_dump() for size in record.sizes],
        "material": _lists(record.material),
        "measurements": record.measurements,
        "detail_text": record.detail_text,
    }


def _lists(values: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    return {name: list(items) for name, items in values.items()}


def _parts(listings: dict[str, Listing]) -> Iterator[dict[str, Listing]]:
    """Pieces whose numbers fit a statement: a sitemap has up to 50,000 products, SQLite 32,766 values."""
    items = list(listings.items())
    yield from (dict(items[start : start + 1_000]) for start in range(0, len(items), 1_000))


def _listing_key(listing: Listing) -> str:
    """What a list shows of a product, wherever it shows it: the category asked for is not part of it."""
    return content_key(listing.model_dump(mode="json", exclude={"category_codes", "url"}))


def _colour_group(product_no: str, others: Iterable[str]) -> str | None:
    """The group's name: its smallest product number, so that every member names the same one; None for one alone."""
    members = {product_no, *others}
    return min(members, key=lambda number: (len(number), number)) if len(members) > 1 else None


def _mark_gone(session: Session, shop: str, product_no: str) -> None:
    session.execute(
        update(Product)
        .where(Product.shop == shop, Product.product_no == product_no, Product.state != "gone")
        .values(state="gone", gone_at=utcnow())
    )


def _detail(session: Session, record: SizeTable | Options | ColourGroup | Information) -> bool:
    """Bring a further page's facts into the product's row; False where the catalogue has no such product."""
    query = select(Product).filter_by(shop=record.shop, product_no=record.product_no).with_for_update()
    product = session.scalars(query).one_or_none()
    if product is None:
        return False
    match record:
        case SizeTable():
            product.measurements = record.measurements
        case Options():
            product.colours = list(record.colours) or product.colours
            product.sizes = [size.model_dump() for size in record.sizes] or product.sizes
        case ColourGroup():
            group = _colour_group(record.product_no, (variant.product_no for variant in record.variants))
            product.colour_group = group or product.colour_group
        case Information():
            product.measurements = record.measurements or product.measurements
            product.material = _lists(record.material) or product.material
            product.detail_text = record.detail_text or product.detail_text
            replace_images(session, product, _after_gallery(session, product, record.images), {"detail"})
    product.details = sorted({*product.details, record.kind})
    return True


def _after_gallery(session: Session, product: Product, images: Iterable[Image]) -> list[Image]:
    """The tab's pictures, which it numbers from 0, behind the main and gallery pictures and without those again."""
    columns = (ProductImage.url_key, ProductImage.position)
    query = select(*columns).where(
        ProductImage.product_id == product.id, ProductImage.role != "detail", ProductImage.removed_at.is_(None)
    )
    shown = {row.url_key: row.position for row in session.execute(query)}
    first = max(shown.values(), default=-1) + 1
    new = [image for image in images if url_key(image.url) not in shown]
    return [image.model_copy(update={"position": first + image.position}) for image in new]


def replace_images(session: Session, product: Product, images: Iterable[Image], roles: Collection[str]) -> None:
    """Make `images` the product's pictures of these roles; lost addresses keep their row, marked removed."""
    unique = {url_key(image.url): image for image in reversed(list(images)) if image.role in roles}
    rows = [
        {
            "product_id": product.id,
            "shop": product.shop,
            "url": image.url,
            "url_key": key,
            "role": image.role,
            "position": image.position,
            "state": "waiting",
            "attempts": 0,
            "removed_at": None,
        }
        for key, image in unique.items()
    ]
    upsert(session, ProductImage, rows, key=("product_id", "url_key"), update=("role", "position", "removed_at"))
    session.execute(
        update(ProductImage)
        .where(
            ProductImage.product_id == product.id,
            ProductImage.role.in_(roles),
            ProductImage.removed_at.is_(None),
            ProductImage.url_key.not_in(unique),
        )
        .values(removed_at=func.coalesce(ProductImage.removed_at, utcnow()))
    )


def known_product_pages(session: Session, shop: str) -> Iterable[PageAddress]:
    """The pages of all products that the catalogue has as current, streamed by ascending id: a refresh's seeds."""
    last = 0
    columns = (Product.id, Product.product_no, Product.url)
    while True:
        query = select(*columns).filter_by(shop=shop, state="current").where(Product.id > last)
        page = session.execute(query.order_by(Product.id).limit(1000)).all()
        if not page:
            return
        for last, product_no, url in page:  # noqa: B007 - `last` is the next page's start
            yield routes.product(shop, product_no, url)
