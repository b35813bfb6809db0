"""The crawled catalogue: shops, runs, the frontier, products with their history, and pictures."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "image",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("format", sa.String(length=8), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("phash", sa.BigInteger(), nullable=False),
        sa.Column("thumbnail", sa.LargeBinary(), nullable=False),
        sa.Column("segments", JSON, nullable=True),
        sa.Column("near_duplicate_of", sa.String(length=64), nullable=True),
        sa.Column("fitted_sha256", sa.String(length=64), nullable=True),
        sa.Column("stored_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_image")),
    )
    with op.batch_alter_table("image", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_image_near_duplicate_of"), ["near_duplicate_of"], unique=False)

    op.create_table(
        "shop",
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_shop")),
    )
    op.create_table(
        "crawl_run",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("shop", sa.String(length=32), nullable=False),
        sa.Column("arguments", JSON, nullable=False),
        sa.Column("permissions", JSON, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stats", JSON, nullable=False),
        sa.CheckConstraint(
            "state IN ('running', 'finished', 'incomplete', 'refused', 'failed')", name=op.f("ck_crawl_run_state")
        ),
        sa.ForeignKeyConstraint(["shop"], ["shop.code"], name=op.f("fk_crawl_run_shop_shop")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crawl_run")),
    )
    with op.batch_alter_table("crawl_run", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_crawl_run_shop_id"), ["shop", "id"], unique=False)

    op.create_table(
        "frontier",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("run_id", BIG_ID, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("url_key", sa.BigInteger(), nullable=False),
        sa.Column("product_no", sa.String(length=40), nullable=True),
        sa.Column("context", JSON, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("http_status", sa.Integer(), nullable=True),
        sa.Column("size", sa.Integer(), nullable=True),
        sa.Column("seconds", sa.Double(), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'done', 'unchanged', 'gone', 'rejected', 'failed', 'skipped')",
            name=op.f("ck_frontier_state"),
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["crawl_run.id"], name=op.f("fk_frontier_run_id_crawl_run"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_frontier")),
        sa.UniqueConstraint("run_id", "kind", "url_key", name=op.f("uq_frontier_run_id_kind_url_key")),
    )
    with op.batch_alter_table("frontier", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_frontier_run_id_state_id"), ["run_id", "state", "id"], unique=False)

    op.create_table(
        "product",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("shop", sa.String(length=32), nullable=False),
        sa.Column("product_no", sa.String(length=40), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=True),
        sa.Column("brand", sa.String(), nullable=True),
        sa.Column("brand_code", sa.String(), nullable=True),
        sa.Column("style_no", sa.String(), nullable=True),
        sa.Column("list_price", sa.BigInteger(), nullable=True),
        sa.Column("sale_price", sa.BigInteger(), nullable=True),
        sa.Column("final_price", sa.BigInteger(), nullable=True),
        sa.Column("category_codes", JSON, nullable=False),
        sa.Column("category_path", JSON, nullable=False),
        sa.Column("listed_in", JSON, nullable=False),
        sa.Column("garment_class", sa.String(length=8), nullable=False),
        sa.Column("class_reason", sa.String(), nullable=True),
        sa.Column("sex", JSON, nullable=False),
        sa.Column("season", sa.String(), nullable=True),
        sa.Column("season_year", sa.Integer(), nullable=True),
        sa.Column("material", JSON, nullable=False),
        sa.Column("colours", JSON, nullable=False),
        sa.Column("sizes", JSON, nullable=False),
        sa.Column("measurements", JSON, nullable=False),
        sa.Column("labels", JSON, nullable=False),
        sa.Column("colour_group", sa.String(length=40), nullable=True),
        sa.Column("detail_text", sa.String(), nullable=True),
        sa.Column("sold_out", sa.Boolean(), nullable=False),
        sa.Column("stock_state", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("content_key", sa.String(length=64), nullable=False),
        sa.Column("listing_key", sa.String(length=64), nullable=True),
        sa.Column("details", JSON, nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("run_id", BIG_ID, nullable=True),
        sa.CheckConstraint("state IN ('current', 'gone')", name=op.f("ck_product_state")),
        sa.ForeignKeyConstraint(
            ["run_id"], ["crawl_run.id"], name=op.f("fk_product_run_id_crawl_run"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["shop"], ["shop.code"], name=op.f("fk_product_shop_shop")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product")),
        sa.UniqueConstraint("shop", "product_no", name=op.f("uq_product_shop_product_no")),
    )
    with op.batch_alter_table("product", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_product_colour_group"), ["colour_group"], unique=False)
        batch_op.create_index(batch_op.f("ix_product_garment_class_id"), ["garment_class", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_product_shop_id"), ["shop", "id"], unique=False)

    op.create_table(
        "product_image",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("product_id", BIG_ID, nullable=False),
        sa.Column("shop", sa.String(length=32), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("url_key", sa.BigInteger(), nullable=False),
        sa.Column("role", sa.String(length=8), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("shot_kind", sa.String(length=8), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("http_status", sa.Integer(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'stored', 'rejected', 'gone', 'failed')", name=op.f("ck_product_image_state")
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["product.id"], name=op.f("fk_product_image_product_id_product"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["sha256"], ["image.sha256"], name=op.f("fk_product_image_sha256_image")),
        sa.ForeignKeyConstraint(["shop"], ["shop.code"], name=op.f("fk_product_image_shop_shop")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product_image")),
        sa.UniqueConstraint("product_id", "url_key", name=op.f("uq_product_image_product_id_url_key")),
    )
    with op.batch_alter_table("product_image", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_product_image_sha256"), ["sha256"], unique=False)
        batch_op.create_index(batch_op.f("ix_product_image_state_url_key"), ["state", "url_key"], unique=False)
        batch_op.create_index(batch_op.f("ix_product_image_url_key"), ["url_key"], unique=False)

    op.create_table(
        "product_snapshot",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("product_id", BIG_ID, nullable=False),
        sa.Column("run_id", BIG_ID, nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("list_price", sa.BigInteger(), nullable=True),
        sa.Column("sale_price", sa.BigInteger(), nullable=True),
        sa.Column("final_price", sa.BigInteger(), nullable=True),
        sa.Column("sold_out", sa.Boolean(), nullable=False),
        sa.Column("stock_state", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(
            ["product_id"], ["product.id"], name=op.f("fk_product_snapshot_product_id_product"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["crawl_run.id"], name=op.f("fk_product_snapshot_run_id_crawl_run"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product_snapshot")),
        sa.UniqueConstraint("product_id", "run_id", name=op.f("uq_product_snapshot_product_id_run_id")),
    )


def downgrade() -> None:
    op.drop_table("product_snapshot")
    with op.batch_alter_table("product_image", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_product_image_url_key"))
        batch_op.drop_index(batch_op.f("ix_product_image_state_url_key"))
        batch_op.drop_index(batch_op.f("ix_product_image_sha256"))

    op.drop_table("product_image")
    with op.batch_alter_table("product", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_product_shop_id"))
        batch_op.drop_index(batch_op.f("ix_product_garment_class_id"))
        batch_op.drop_index(batch_op.f("ix_product_colour_group"))

    op.drop_table("product")
    with op.batch_alter_table("frontier", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_frontier_run_id_state_id"))

    op.drop_table("frontier")
    with op.batch_alter_table("crawl_run", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_crawl_run_shop_id"))

    op.drop_table("crawl_run")
    op.drop_table("shop")
    with op.batch_alter_table("image", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_image_near_duplicate_of"))

    op.drop_table("image")
