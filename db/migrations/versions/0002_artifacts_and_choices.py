"""What preprocessing makes of the pictures: artifacts, and the choice of each product."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "artifact",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("rows", JSON, nullable=True),
        sa.Column("garment_class", sa.String(length=8), nullable=False),
        sa.Column("stage", sa.String(length=16), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("figure", sa.Double(), nullable=True),
        sa.Column("limit", sa.Double(), nullable=True),
        sa.Column("detail", sa.String(), nullable=True),
        sa.Column("shot_kind", sa.String(length=8), nullable=True),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("phash", sa.BigInteger(), nullable=True),
        sa.Column("thumbnail", sa.LargeBinary(), nullable=True),
        sa.Column("files", JSON, nullable=False),
        sa.Column("facts", JSON, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('done', 'rejected', 'failed')", name=op.f("ck_artifact_state")),
        sa.ForeignKeyConstraint(["sha256"], ["image.sha256"], name=op.f("fk_artifact_sha256_image")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_artifact")),
    )
    with op.batch_alter_table("artifact", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_artifact_sha256"), ["sha256"], unique=False)
        batch_op.create_index(batch_op.f("ix_artifact_version_state"), ["version", "state"], unique=False)

    op.create_table(
        "choice",
        sa.Column("product_id", BIG_ID, nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("garment_class", sa.String(length=8), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("figure", sa.Double(), nullable=True),
        sa.Column("limit", sa.Double(), nullable=True),
        sa.Column("detail", sa.String(), nullable=True),
        sa.Column("worn_key", sa.String(length=64), nullable=True),
        sa.Column("packshot_key", sa.String(length=64), nullable=True),
        sa.Column("facts", JSON, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('ready', 'rejected')", name=op.f("ck_choice_state")),
        sa.ForeignKeyConstraint(["packshot_key"], ["artifact.key"], name=op.f("fk_choice_packshot_key_artifact")),
        sa.ForeignKeyConstraint(
            ["product_id"], ["product.id"], name=op.f("fk_choice_product_id_product"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["worn_key"], ["artifact.key"], name=op.f("fk_choice_worn_key_artifact")),
        sa.PrimaryKeyConstraint("product_id", "version", name=op.f("pk_choice")),
    )
    with op.batch_alter_table("choice", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_choice_packshot_key"), ["packshot_key"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_choice_version_garment_class_state_product_id"),
            ["version", "garment_class", "state", "product_id"],
            unique=False,
        )
        batch_op.create_index(batch_op.f("ix_choice_worn_key"), ["worn_key"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("choice", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_choice_worn_key"))
        batch_op.drop_index(batch_op.f("ix_choice_version_garment_class_state_product_id"))
        batch_op.drop_index(batch_op.f("ix_choice_packshot_key"))

    op.drop_table("choice")
    with op.batch_alter_table("artifact", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_artifact_version_state"))
        batch_op.drop_index(batch_op.f("ix_artifact_sha256"))

    op.drop_table("artifact")
