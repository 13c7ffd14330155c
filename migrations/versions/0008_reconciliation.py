"""Comparison with the vendors: when each service did it, and creates that were never answered found at once.

Revision: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "reconciliations",
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("off", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("service", name="pk_reconciliations"),
    )
    op.create_index(
        "ix_dns_records_unanswered",
        "dns_records",
        ["intended_at"],
        postgresql_where=sa.text("record_id IS NULL AND holder = 'inwx'"),
    )
    op.create_index("ix_dns_records_zone", "dns_records", ["zone", "name"])
    op.create_index(
        "ix_deployments_unanswered",
        "deployments",
        ["since"],
        postgresql_where=sa.text("application IS NULL AND stage = 'creating'"),
    )


def downgrade() -> None:
    op.drop_index("ix_deployments_unanswered", "deployments")
    op.drop_index("ix_dns_records_zone", "dns_records")
    op.drop_index("ix_dns_records_unanswered", "dns_records")
    op.drop_table("reconciliations")
