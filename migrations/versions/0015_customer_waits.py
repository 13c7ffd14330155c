"""Customers who have DNS records to set, with what is wrong with them.

Revision: 0015
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "customer_waits",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("reminders", sa.Integer(), nullable=False),
        sa.Column("findings", postgresql.JSONB(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("project_id", name="pk_customer_waits"),
    )


def downgrade() -> None:
    op.drop_table("customer_waits")
