"""What releases are made of: pairs with their numbers and splits, withdrawals, and what was published."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pair",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("product_id", BIG_ID, nullable=False),
        sa.Column("garment_class", sa.String(length=8), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("split", sa.String(length=8), nullable=False),
        sa.Column("garment", sa.String(length=80), nullable=False),
        sa.Column("packshot", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("worn_key", sa.String(length=64), nullable=False),
        sa.Column("packshot_key", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("permission", sa.String(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('ready', 'rejected', 'withdrawn')", name=op.f("ck_pair_state")),
        sa.CheckConstraint("split IN ('train', 'test')", name=op.f("ck_pair_split")),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_pair_product_id_product")),
        sa.ForeignKeyConstraint(["worn_key"], ["artifact.key"], name=op.f("fk_pair_worn_key_artifact")),
        sa.ForeignKeyConstraint(["packshot_key"], ["artifact.key"], name=op.f("fk_pair_packshot_key_artifact")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pair")),
        sa.UniqueConstraint("garment_class", "number", name=op.f("uq_pair_garment_class_number")),
        sa.UniqueConstraint("product_id", "garment_class", name=op.f("uq_pair_product_id_garment_class")),
    )
    with op.batch_alter_table("pair", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_pair_garment"), ["garment"], unique=False)
        batch_op.create_index(batch_op.f("ix_pair_packshot"), ["packshot"], unique=False)
        batch_op.create_index(batch_op.f("ix_pair_person"), ["person"], unique=False)

    op.create_table(
        "withdrawal",
        sa.Column("shop", sa.String(length=32), nullable=False),
        sa.Column("product_no", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["shop"], ["shop.code"], name=op.f("fk_withdrawal_shop_shop")),
        sa.PrimaryKeyConstraint("shop", "product_no", name=op.f("pk_withdrawal")),
    )
    op.create_table(
        "release",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("tag", sa.String(length=64), nullable=False),
        sa.Column("garment_class", sa.String(length=8), nullable=False),
        sa.Column("identity", sa.String(length=64), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_release")),
        sa.UniqueConstraint("tag", name=op.f("uq_release_tag")),
    )
    op.create_table(
        "release_item",
        sa.Column("release_id", BIG_ID, nullable=False),
        sa.Column("pair_id", BIG_ID, nullable=False),
        sa.Column("content", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["release_id"], ["release.id"], name=op.f("fk_release_item_release_id_release"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["pair_id"], ["pair.id"], name=op.f("fk_release_item_pair_id_pair")),
        sa.PrimaryKeyConstraint("release_id", "pair_id", name=op.f("pk_release_item")),
    )
    with op.batch_alter_table("release_item", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_release_item_pair_id"), ["pair_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("release_item", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_release_item_pair_id"))

    op.drop_table("release_item")
    op.drop_table("release")
    op.drop_table("withdrawal")
    with op.batch_alter_table("pair", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_pair_person"))
        batch_op.drop_index(batch_op.f("ix_pair_packshot"))
        batch_op.drop_index(batch_op.f("ix_pair_garment"))

    op.drop_table("pair")
