"""The admin UI: who signs in, sessions, the audit log, notes on projects and who is on them.

Revision: 0013
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"

ROLE = postgresql.ENUM("case_worker", "operator", "admin", name="staff_role", create_type=False)
KIND = postgresql.ENUM(
    "signed in",
    "password changed",
    "ordered",
    "retried",
    "cancelled",
    "noted",
    "taken",
    "preview made",
    "preview ended",
    "replayed",
    "server added",
    "server moved",
    "server removed",
    "domain added",
    "domain removed",
    "price set",
    "price removed",
    "bundle set",
    "bundle removed",
    "type set",
    name="staff_action_kind",
    create_type=False,
)


def upgrade() -> None:
    for enum in (ROLE, KIND):
        enum.create(op.get_bind())
    op.create_table(
        "staff_users",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("role", ROLE, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("signed_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("searches", postgresql.JSONB(), server_default="[]", nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_staff_users"),
        sa.CheckConstraint(
            "name = lower(name) AND name ~ '^[a-z0-9._@-]{1,100}$'", name=op.f("ck_staff_users_name_valid")
        ),
    )
    op.create_table(
        "staff_sessions",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("user_name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name="pk_staff_sessions"),
        sa.ForeignKeyConstraint(
            ["user_name"], ["staff_users.name"], name="fk_staff_sessions_user_name_staff_users", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_staff_sessions_user_name", "staff_sessions", ["user_name"])
    op.create_table(
        "staff_actions",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("kind", KIND, nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("detail", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_staff_actions"),
    )
    op.create_index("ix_staff_actions_project_id", "staff_actions", ["project_id", "id"])
    op.create_table(
        "project_notes",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_project_notes"),
    )
    op.create_index("ix_project_notes_project_id", "project_notes", ["project_id", "id"])
    op.create_table(
        "project_owners",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", name="pk_project_owners"),
    )


def downgrade() -> None:
    for table in ("project_owners", "project_notes", "staff_actions", "staff_sessions", "staff_users"):
        op.drop_table(table)
    for enum in (KIND, ROLE):
        enum.drop(op.get_bind())
