"""The order API: keys with scopes, the answers that are given again, who made a preview link, and its uses.

Revision: 0010
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"

API_SCOPE = postgresql.ENUM(
    "projects:read", "projects:write", "previews", "servers:read", "admin", name="api_scope", create_type=False
)


def upgrade() -> None:
    API_SCOPE.create(op.get_bind())
    op.create_table(
        "api_keys",
        sa.Column("public_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(API_SCOPE), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("public_id", name="pk_api_keys"),
        sa.CheckConstraint("cardinality(scopes) > 0", name="ck_api_keys_scopes_not_empty"),
    )
    op.create_index("uq_api_keys_name", "api_keys", ["name"], unique=True)
    op.create_table(
        "order_answers",
        sa.Column("public_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("answer", postgresql.JSONB(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("public_id", "key", name="pk_order_answers"),
        sa.ForeignKeyConstraint(
            ["public_id"], ["api_keys.public_id"], name="fk_order_answers_public_id_api_keys", ondelete="CASCADE"
        ),
    )
    op.add_column("preview_accesses", sa.Column("created_by", sa.Text(), server_default="", nullable=False))
    op.create_table(
        "preview_uses",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("preview_id", sa.BigInteger(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_preview_uses"),
    )
    op.create_index("ix_preview_uses_preview_id", "preview_uses", ["preview_id", "id"])


def downgrade() -> None:
    op.drop_table("preview_uses")
    op.drop_column("preview_accesses", "created_by")
    for table in ("order_answers", "api_keys"):
        op.drop_table(table)
    API_SCOPE.drop(op.get_bind())
