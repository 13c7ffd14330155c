"""A transfer that is not wanted any more can be withdrawn, without its project's end.

Revision: 0033
"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    # PostgreSQL takes no value out of a type again: a downgrade leaves it, unused
    op.execute("ALTER TYPE staff_action_kind ADD VALUE IF NOT EXISTS 'transfer withdrawn' AFTER 'transfer asked'")
    op.create_table(
        "transfer_withdrawals",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.func.clock_timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "domain", name="pk_transfer_withdrawals"),
        sa.ForeignKeyConstraint(
            ["project_id", "domain"],
            ["domain_transfers.project_id", "domain_transfers.domain"],
            name="fk_transfer_withdrawals_project_id_domain_transfers",
            ondelete="CASCADE",
        ),
    )


def downgrade() -> None:
    op.drop_table("transfer_withdrawals")
