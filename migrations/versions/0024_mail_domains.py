"""Domains under which projects send mail, and the records that were set for it.

Revision: 0024
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0024"
down_revision = "0023"

SENDER = postgresql.ENUM("intended", "made", "found", name="mail_sender", create_type=False)
RECORD_TYPE = postgresql.ENUM("TXT", "CNAME", "MX", name="mail_record_type", create_type=False)


def upgrade() -> None:
    SENDER.create(op.get_bind())
    RECORD_TYPE.create(op.get_bind())
    op.create_table(
        "mail_domains",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("mx", sa.Boolean(), nullable=False),
        sa.Column("sender", SENDER, nullable=True),
        sa.Column("intended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ownership", sa.Text(), nullable=True),
        sa.Column("dkim", postgresql.JSONB(), nullable=False),
        sa.Column("findings", postgresql.JSONB(), nullable=False),
        sa.Column("reminders", sa.Integer(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ready_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("project_id", "domain", name="pk_mail_domains"),
    )
    op.create_table(
        "mail_records",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("slot", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", RECORD_TYPE, nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=True),
        sa.Column("ttl", sa.Integer(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=True),
        sa.Column("is_merged", sa.Boolean(), nullable=False),
        sa.Column("intended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("project_id", "domain", "slot", name="pk_mail_records"),
    )


def downgrade() -> None:
    op.drop_table("mail_records")
    op.drop_table("mail_domains")
    RECORD_TYPE.drop(op.get_bind())
    SENDER.drop(op.get_bind())
