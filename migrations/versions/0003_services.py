"""What single services own: dns records and places, deployments, mails.

Revision: 0003
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"

PLACEMENT_STRATEGY = postgresql.ENUM(name="placement_strategy", create_type=False)
RECORD_TYPE = postgresql.ENUM("A", "AAAA", "CNAME", name="dns_record_type", create_type=False)
RECORD_HOLDER = postgresql.ENUM("inwx", "customer", name="dns_record_holder", create_type=False)
DEPLOYMENT_STAGE = postgresql.ENUM(
    "creating",
    "created",
    "configured",
    "requested",
    "deploying",
    "deployed",
    "removing",
    name="deployment_stage",
    create_type=False,
)
MAIL_RECIPIENT = postgresql.ENUM("customer", "case_worker", name="mail_recipient", create_type=False)
ENUMS = (RECORD_TYPE, RECORD_HOLDER, DEPLOYMENT_STAGE, MAIL_RECIPIENT)


def upgrade() -> None:
    for enum in ENUMS:
        enum.create(op.get_bind())
    create_dns()
    create_deploy()
    create_notify()


def create_dns() -> None:
    op.create_table(
        "dns_records",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", RECORD_TYPE, nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("ttl", sa.Integer(), nullable=False),
        sa.Column("holder", RECORD_HOLDER, nullable=False),
        sa.Column("zone", sa.Text(), nullable=True),
        sa.Column("record_id", sa.Text(), nullable=True),
        sa.Column("intended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("project_id", "name", "type", name="pk_dns_records"),
    )
    op.create_table(
        "placements",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("server_id", sa.Integer(), nullable=False),
        sa.Column("strategy", PLACEMENT_STRATEGY, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("considered", postgresql.JSONB(), nullable=False),
        sa.Column("target", postgresql.JSONB(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", name="pk_placements"),
        sa.ForeignKeyConstraint(["server_id"], ["servers.id"], name="fk_placements_server_id_servers"),
    )
    op.create_index("ix_placements_server_id", "placements", ["server_id"])


def create_deploy() -> None:
    op.create_table(
        "deployments",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("coolify_project", sa.Text(), nullable=False),
        sa.Column("server", sa.Text(), nullable=False),
        sa.Column("stage", DEPLOYMENT_STAGE, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("image", sa.Text(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("application", sa.Text(), nullable=True),
        sa.Column("deployment", sa.Text(), nullable=True),
        sa.Column("retries", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("project_id", name="pk_deployments"),
    )


def create_notify() -> None:
    op.create_table(
        "mails",
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("recipient", MAIL_RECIPIENT, nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("message_id", name="pk_mails"),
    )
    op.create_index("ix_mails_project_id", "mails", ["project_id"])


def downgrade() -> None:
    for table in ("mails", "deployments", "placements", "dns_records"):
        op.drop_table(table)
    for enum in reversed(ENUMS):
        enum.drop(op.get_bind())
