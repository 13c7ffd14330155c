"""When registered domains and certificates end, and what case workers were told of it.

Revision: 0026
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0026"
down_revision = "0025"

KIND = postgresql.ENUM("domain", "certificate", name="expiry_kind", create_type=False)


def upgrade() -> None:
    KIND.create(op.get_bind())
    op.create_table(
        "expiries",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("kind", KIND, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("look_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("issuer", sa.Text(), nullable=True),
        sa.Column("renews_itself", sa.Boolean(), nullable=True),
        sa.Column("renewal_cents", sa.Integer(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("told_days", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("project_id", "kind", "name", name="pk_expiries"),
        sa.CheckConstraint("renewal_cents >= 0", name="ck_expiries_renewal_cents_not_negative"),
    )
    op.create_index("ix_expiries_look_at", "expiries", ["kind", "look_at"])
    op.create_index("ix_expiries_ends_at", "expiries", ["ends_at"], postgresql_where=sa.text("ends_at IS NOT NULL"))


def downgrade() -> None:
    op.drop_table("expiries")
    KIND.drop(op.get_bind())
