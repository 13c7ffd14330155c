"""Domains that live projects are given: what is wished, what is routed, what works.

Revision: 0023
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from contracts.event import LABEL

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    # PostgreSQL takes no value out of a type again: a downgrade leaves them, unused.
    for done in ("project domain added", "project domain removed", "primary changed"):
        op.execute(f"ALTER TYPE staff_action_kind ADD VALUE IF NOT EXISTS '{done}'")
    op.create_table(
        "added_domains",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_wanted", sa.Boolean(), nullable=False),
        sa.Column("makes_primary", sa.Boolean(), nullable=False),
        sa.Column("primary_said_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_new", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("since", sa.Integer(), nullable=False),
        sa.Column("pointed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("connected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reminders", sa.Integer(), nullable=False),
        sa.Column("findings", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "domain", name="pk_added_domains"),
        sa.CheckConstraint(
            f"length(domain) <= 253 AND domain ~ '^(?:{LABEL}\\.)+{LABEL}$'", name="ck_added_domains_domain_valid"
        ),
    )
    op.create_table(
        "app_routes",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("hosts", postgresql.JSONB(), nullable=False),
        sa.Column("primary_host", sa.Text(), nullable=False),
        sa.Column("settled", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", name="pk_app_routes"),
    )
    op.create_table(
        "watched_domains",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("since", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("connected_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("project_id", "domain", name="pk_watched_domains"),
    )


def downgrade() -> None:
    for table in ("watched_domains", "app_routes", "added_domains"):
        op.drop_table(table)
