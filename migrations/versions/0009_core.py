"""vrs-core: the key that signs its health report, its tokens, the plugin registry, the cores that bootstrap watches.

Revision: 0009
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"

DOWNLOAD_OUTCOME = postgresql.ENUM("sent", "unlicensed", name="download_outcome", create_type=False)


def upgrade() -> None:
    op.add_column("deployments", sa.Column("core_key", sa.LargeBinary(), nullable=True))
    create_tokens()
    create_registry()
    DOWNLOAD_OUTCOME.create(op.get_bind())
    create_downloads()
    op.create_table(
        "watched_cores",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("fqdn", sa.Text(), nullable=False),
        sa.Column("ipv4", sa.Text(), nullable=False),
        sa.Column("core_key", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("project_id", name="pk_watched_cores"),
    )


def create_tokens() -> None:
    op.create_table(
        "core_tokens",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name="pk_core_tokens"),
    )
    op.create_index("ix_core_tokens_project_id", "core_tokens", ["project_id"])


def create_registry() -> None:
    op.create_table(
        "plugin_releases",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("core", sa.Text(), nullable=False),
        sa.Column("requires", postgresql.JSONB(), nullable=False),
        sa.Column("envelope", postgresql.JSONB(), nullable=False),
        sa.Column("published_by", sa.Text(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("yanked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("yanked_because", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("name", "version", name="pk_plugin_releases"),
    )
    op.create_table(
        "plugin_chunks",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", "number", name="pk_plugin_chunks"),
    )


def create_downloads() -> None:
    op.create_table(
        "plugin_downloads",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("plugin", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("outcome", DOWNLOAD_OUTCOME, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_plugin_downloads"),
    )
    op.create_index("ix_plugin_downloads_project_id", "plugin_downloads", ["project_id", "id"])


def downgrade() -> None:
    for table in ("watched_cores", "plugin_downloads", "plugin_chunks", "plugin_releases", "core_tokens"):
        op.drop_table(table)
    DOWNLOAD_OUTCOME.drop(op.get_bind())
    op.drop_column("deployments", "core_key")
