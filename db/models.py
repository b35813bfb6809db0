"""The catalogue's tables. Alembic owns the schema (`db/migrations`); times are UTC, money is integer KRW."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
BigId = BigInteger().with_variant(Integer(), "sqlite")

RUN_STATES = ("running", "finished", "incomplete", "refused", "failed")
FRONTIER_STATES = ("waiting", "done", "unchanged", "gone", "rejected", "failed", "skipped")
PRODUCT_STATES = ("current", "gone")
IMAGE_STATES = ("waiting", "stored", "rejected", "gone", "failed")
ARTIFACT_STATES = ("done", "rejected", "failed")
CHOICE_STATES = ("ready", "rejected")
PAIR_STATES = ("ready", "rejected", "withdrawn")
SPLITS = ("train", "test")


def utcnow() -> datetime:
    return datetime.now(UTC)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time in Python, also from SQLite, which stores no zone. A naive time is a programming error."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without zone can't be stored: {value!r}")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcDateTime(),
        dict[str, Any]: Json,
        list[Any]: Json,
        list[str]: Json,
        list[int]: Json,
    }


def _one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    return CheckConstraint(f"{column} IN ({', '.join(repr(value) for value in values)})", name=column)


class Shop(Base):
    __tablename__ = "shop"

    code: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str]
    url: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)


class CrawlRun(Base):
    """One crawl: what was asked for, on which permissions (each with the time from which), and how it ended."""

    __tablename__ = "crawl_run"
    __table_args__ = (_one_of("state", RUN_STATES), Index(None, "shop", "id"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    shop: Mapped[str] = mapped_column(ForeignKey("shop.code"))
    arguments: Mapped[dict[str, Any]]
    permissions: Mapped[list[Any]] = mapped_column(default=list)
    state: Mapped[str] = mapped_column(String(16), default="running")
    reason: Mapped[str | None]
    started_at: Mapped[datetime] = mapped_column(default=utcnow)
    finished_at: Mapped[datetime | None]
    stats: Mapped[dict[str, Any]] = mapped_column(default=dict)


class FrontierPage(Base):
    """A page that a run wants: the crawl's to-do list, and afterwards its log."""

    __tablename__ = "frontier"
    __table_args__ = (
        UniqueConstraint("run_id", "kind", "url_key"),
        _one_of("state", FRONTIER_STATES),
        Index(None, "run_id", "state", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("crawl_run.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(16))
    url: Mapped[str]
    url_key: Mapped[int] = mapped_column(BigInteger)
    product_no: Mapped[str | None] = mapped_column(String(40))
    context: Mapped[dict[str, Any]] = mapped_column(default=dict)
    state: Mapped[str] = mapped_column(String(16), default="waiting")
    reason: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime | None]
    fetched_at: Mapped[datetime | None]
    http_status: Mapped[int | None]
    size: Mapped[int | None]
    seconds: Mapped[float | None]


class Product(Base):
    """A product as last seen; a product that the shop no longer has is marked `gone`, never deleted.

    `content_key` is of what its page says apart from price and stock, `listing_key` of the card in a list that led to
    it: equal keys mean that nothing has to be fetched. `details` names the further pages (size table ...) that are in.
    """

    __tablename__ = "product"
    __table_args__ = (
        UniqueConstraint("shop", "product_no"),
        _one_of("state", PRODUCT_STATES),
        # With the id: pages by ascending id would else be sorted anew for each page.
        Index(None, "shop", "id"),
        Index(None, "garment_class", "id"),
        Index(None, "colour_group"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    shop: Mapped[str] = mapped_column(ForeignKey("shop.code"))
    product_no: Mapped[str] = mapped_column(String(40))
    url: Mapped[str]
    name: Mapped[str]
    name_en: Mapped[str | None]
    brand: Mapped[str | None]
    brand_code: Mapped[str | None]
    style_no: Mapped[str | None]
    list_price: Mapped[int | None] = mapped_column(BigInteger)
    sale_price: Mapped[int | None] = mapped_column(BigInteger)
    final_price: Mapped[int | None] = mapped_column(BigInteger)
    category_codes: Mapped[list[str]]
    category_path: Mapped[list[str]]
    listed_in: Mapped[list[str]] = mapped_column(default=list)
    garment_class: Mapped[str] = mapped_column(String(8))
    class_reason: Mapped[str | None]
    sex: Mapped[list[str]]
    season: Mapped[str | None]
    season_year: Mapped[int | None]
    material: Mapped[dict[str, Any]]
    colours: Mapped[list[str]]
    sizes: Mapped[list[Any]]
    measurements: Mapped[dict[str, Any]] = mapped_column(default=dict)
    labels: Mapped[list[str]]
    colour_group: Mapped[str | None] = mapped_column(String(40))
    detail_text: Mapped[str | None]
    sold_out: Mapped[bool]
    stock_state: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16), default="current")
    content_key: Mapped[str] = mapped_column(String(64))
    listing_key: Mapped[str | None] = mapped_column(String(64))
    details: Mapped[list[str]] = mapped_column(default=list)
    first_seen_at: Mapped[datetime] = mapped_column(default=utcnow)
    seen_at: Mapped[datetime] = mapped_column(default=utcnow)
    fetched_at: Mapped[datetime] = mapped_column(default=utcnow)
    gone_at: Mapped[datetime | None]
    run_id: Mapped[int | None] = mapped_column(ForeignKey("crawl_run.id", ondelete="SET NULL"))


class ProductSnapshot(Base):
    """Price and stock history: a row per run in which either differs from what was known before."""

    __tablename__ = "product_snapshot"
    __table_args__ = (UniqueConstraint("product_id", "run_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id", ondelete="CASCADE"))
    run_id: Mapped[int] = mapped_column(ForeignKey("crawl_run.id", ondelete="CASCADE"))
    taken_at: Mapped[datetime] = mapped_column(default=utcnow)
    list_price: Mapped[int | None] = mapped_column(BigInteger)
    sale_price: Mapped[int | None] = mapped_column(BigInteger)
    final_price: Mapped[int | None] = mapped_column(BigInteger)
    sold_out: Mapped[bool]
    stock_state: Mapped[str] = mapped_column(String(16))


class Image(Base):
    """One row per distinct picture content; the bytes are the blob of the same name.

    `phash` is a signed 64-bit perceptual hash, `thumbnail` 8x8 RGB bytes (192) that tell colour variants apart,
    `segments` the [top, bottom) pixel rows into which a tall sheet is cut, `near_duplicate_of` the best picture of its
    group of near duplicates, `fitted_sha256` the blob of the rendition that the settings may ask for.
    """

    __tablename__ = "image"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    format: Mapped[str] = mapped_column(String(8))
    width: Mapped[int]
    height: Mapped[int]
    phash: Mapped[int] = mapped_column(BigInteger)
    thumbnail: Mapped[bytes] = mapped_column(LargeBinary)
    segments: Mapped[list[Any] | None]
    near_duplicate_of: Mapped[str | None] = mapped_column(String(64), index=True)
    fitted_sha256: Mapped[str | None] = mapped_column(String(64))
    stored_at: Mapped[datetime] = mapped_column(default=utcnow)


class ProductImage(Base):
    """A picture's address on a product, and what became of fetching it; `removed_at` when the page lost it."""

    __tablename__ = "product_image"
    __table_args__ = (
        UniqueConstraint("product_id", "url_key"),
        _one_of("state", IMAGE_STATES),
        Index(None, "state", "url_key"),
        Index(None, "url_key"),
        Index(None, "sha256"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id", ondelete="CASCADE"))
    shop: Mapped[str] = mapped_column(ForeignKey("shop.code"))
    url: Mapped[str]
    url_key: Mapped[int] = mapped_column(BigInteger)
    role: Mapped[str] = mapped_column(String(8))
    position: Mapped[int]
    shot_kind: Mapped[str | None] = mapped_column(String(8))
    state: Mapped[str] = mapped_column(String(16), default="waiting")
    reason: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime | None]
    fetched_at: Mapped[datetime | None]
    http_status: Mapped[int | None]
    sha256: Mapped[str | None] = mapped_column(ForeignKey("image.sha256"))
    removed_at: Mapped[datetime | None]


class Artifact(Base):
    """What a stage made of a picture, or of one piece of a tall sheet, for a garment class.

    `key` is of everything that the result depends on: a row that is there is work that need not be done again, but for
    a `failed` one, whose fault was not the picture's. `version` names the stage's version, backend and parameters in
    short. A `rejected` row says which gate (`reason`), what was measured and against which limit. `rows` are the [top,
    bottom) of the piece, `files` the blob of each file by its VITON-HD folder, `facts` all that was measured.
    """

    __tablename__ = "artifact"
    __table_args__ = (_one_of("state", ARTIFACT_STATES), Index(None, "sha256"), Index(None, "version", "state"))

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    sha256: Mapped[str] = mapped_column(ForeignKey("image.sha256"))
    rows: Mapped[list[int] | None]
    garment_class: Mapped[str] = mapped_column(String(8))
    stage: Mapped[str] = mapped_column(String(16))
    version: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(String(64))
    figure: Mapped[float | None]
    limit: Mapped[float | None]
    detail: Mapped[str | None]
    shot_kind: Mapped[str | None] = mapped_column(String(8))
    score: Mapped[float | None]
    phash: Mapped[int | None] = mapped_column(BigInteger)
    thumbnail: Mapped[bytes | None] = mapped_column(LargeBinary)
    files: Mapped[dict[str, Any]] = mapped_column(default=dict)
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    attempts: Mapped[int] = mapped_column(default=1)
    seconds: Mapped[float]
    made_at: Mapped[datetime] = mapped_column(default=utcnow)


class Choice(Base):
    """The worn photo and the packshot that stand for a product, or why it has none; one row a product and version.

    A product has a row as soon as all its pictures have their artifacts of that version.
    """

    __tablename__ = "choice"
    __table_args__ = (
        _one_of("state", CHOICE_STATES),
        Index(None, "version", "garment_class", "state", "product_id"),
        Index(None, "worn_key"),
        Index(None, "packshot_key"),
    )

    product_id: Mapped[int] = mapped_column(ForeignKey("product.id", ondelete="CASCADE"), primary_key=True)
    version: Mapped[str] = mapped_column(String(64), primary_key=True)
    garment_class: Mapped[str] = mapped_column(String(8))
    state: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(String(64))
    figure: Mapped[float | None]
    limit: Mapped[float | None]
    detail: Mapped[str | None]
    worn_key: Mapped[str | None] = mapped_column(ForeignKey("artifact.key"))
    packshot_key: Mapped[str | None] = mapped_column(ForeignKey("artifact.key"))
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    made_at: Mapped[datetime] = mapped_column(default=utcnow)


class Pair(Base):
    """A product's place in the data set of its class: number and split are given once and stay for ever.

    `garment`, `packshot` and `person` are identities (colour variants, near duplicates of the packshot, of the worn
    photo): pairs that share one share the split. The keys are those of the artifacts that stand for it now.
    """

    __tablename__ = "pair"
    __table_args__ = (
        UniqueConstraint("garment_class", "number"),
        UniqueConstraint("product_id", "garment_class"),
        _one_of("state", PAIR_STATES),
        _one_of("split", SPLITS),
        Index(None, "garment"),
        Index(None, "packshot"),
        Index(None, "person"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"))
    garment_class: Mapped[str] = mapped_column(String(8))
    number: Mapped[int]
    split: Mapped[str] = mapped_column(String(8))
    garment: Mapped[str] = mapped_column(String(80))
    packshot: Mapped[str] = mapped_column(String(64))
    person: Mapped[str] = mapped_column(String(64))
    worn_key: Mapped[str] = mapped_column(ForeignKey("artifact.key"))
    packshot_key: Mapped[str] = mapped_column(ForeignKey("artifact.key"))
    version: Mapped[str] = mapped_column(String(64))
    permission: Mapped[str] = mapped_column(default="")
    state: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None]
    made_at: Mapped[datetime] = mapped_column(default=utcnow)
    checked_at: Mapped[datetime] = mapped_column(default=utcnow)


class Withdrawal(Base):
    """A product that may not be in any further release, at its shop's request for instance; it may not exist yet."""

    __tablename__ = "withdrawal"

    shop: Mapped[str] = mapped_column(ForeignKey("shop.code"), primary_key=True)
    product_no: Mapped[str] = mapped_column(String(40), primary_key=True)
    reason: Mapped[str]
    made_at: Mapped[datetime] = mapped_column(default=utcnow)


class Release(Base):
    """A published release: its git tag, and the SHA-256 of its checksum file."""

    __tablename__ = "release"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    tag: Mapped[str] = mapped_column(String(64), unique=True)
    garment_class: Mapped[str] = mapped_column(String(8))
    identity: Mapped[str] = mapped_column(String(64))
    published_at: Mapped[datetime] = mapped_column(default=utcnow)


class ReleaseItem(Base):
    """A pair that is in a release, and the SHA-256 of what its files were then."""

    __tablename__ = "release_item"
    __table_args__ = (Index(None, "pair_id"),)

    release_id: Mapped[int] = mapped_column(ForeignKey("release.id", ondelete="CASCADE"), primary_key=True)
    pair_id: Mapped[int] = mapped_column(ForeignKey("pair.id"), primary_key=True)
    content: Mapped[str] = mapped_column(String(64))
