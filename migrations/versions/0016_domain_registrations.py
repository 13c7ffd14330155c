"""Domains that are registered for customers, and the state of a project that waits for one.

Revision: 0016
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"

STAGE = postgresql.ENUM(
    "requested", "held", "intended", "pending", "registered", name="registration_stage", create_type=False
)
HOLD = postgresql.ENUM(
    "contact_incomplete",
    "taken",
    "too_expensive",
    "no_credit",
    "refused",
    name="registration_hold",
    create_type=False,
)


def upgrade() -> None:
    # PostgreSQL takes no value out of a type again: a downgrade leaves it, unused.
    op.execute(
        "ALTER TYPE provisioning_state ADD VALUE IF NOT EXISTS 'waiting_for_domain' AFTER 'waiting_for_customer'"
    )
    STAGE.create(op.get_bind())
    HOLD.create(op.get_bind())
    op.create_table(
        "domain_registrations",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("stage", STAGE, nullable=False),
        sa.Column("hold", HOLD, nullable=True),
        sa.Column("registrant", postgresql.JSONB(), nullable=True),
        sa.Column("max_cents", sa.Integer(), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=True),
        sa.Column("zone_made", sa.Boolean(), nullable=False),
        sa.Column("intended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cents", sa.Integer(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("project_id", name="pk_domain_registrations"),
        sa.CheckConstraint("max_cents >= 0 AND cents >= 0", name="ck_domain_registrations_cents_not_negative"),
        sa.CheckConstraint("(stage = 'held') = (hold IS NOT NULL)", name="ck_domain_registrations_held_for_a_reason"),
    )
    op.create_index("ix_domain_registrations_domain", "domain_registrations", ["domain"])


def downgrade() -> None:
    op.execute("UPDATE projects SET provisioning_state = 'ordered' WHERE provisioning_state = 'waiting_for_domain'")
    op.drop_table("domain_registrations")
    HOLD.drop(op.get_bind())
    STAGE.drop(op.get_bind())
