"""Provisioning's own tables: orders, names and servers, the kernel's waiting room, log and outbox.

Revision: 0002
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateSequence, DropSequence

revision = "0002"
down_revision = "0001"

LOCALE = postgresql.ENUM("de", "en", name="locale", create_type=False)
PLACEMENT_STRATEGY = postgresql.ENUM(
    "least_loaded", "round_robin", "region", name="placement_strategy", create_type=False
)
SERVER_STATE = postgresql.ENUM("active", "draining", name="server_state", create_type=False)
STEP_STATE = postgresql.ENUM("running", "waiting", "parked", "dead", name="step_state", create_type=False)
LOG_STATUS = postgresql.ENUM(
    "completed",
    "superseded",
    "cancelled",
    "waiting",
    "parked",
    "retrying",
    "dead",
    name="log_status",
    create_type=False,
)
ENUMS = (LOCALE, PLACEMENT_STRATEGY, SERVER_STATE, STEP_STATE, LOG_STATUS)

LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"


def host_check(table: str, column: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(
        f"length({column}) <= 253 AND {column} ~ '^(?:{LABEL}\\.)+{LABEL}$'", name=f"ck_{table}_{column}_valid"
    )


STEP_TOKENS = sa.Sequence("step_tokens")


def upgrade() -> None:
    for enum in ENUMS:
        enum.create(op.get_bind())
    create_places()
    create_orders()
    create_kernel()


def create_places() -> None:
    op.create_table(
        "base_domains",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_base_domains"),
        host_check("base_domains", "name"),
    )
    op.create_table(
        "servers",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("coolify_uuid", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("ipv4", sa.Text(), nullable=False),
        sa.Column("ipv6", sa.Text(), nullable=True),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("used", sa.Integer(), server_default="0", nullable=False),
        sa.Column("state", SERVER_STATE, server_default="active", nullable=False),
        sa.Column("last_placed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_servers"),
        sa.UniqueConstraint("name", name="uq_servers_name"),
        sa.UniqueConstraint("coolify_uuid", name="uq_servers_coolify_uuid"),
        sa.CheckConstraint("used >= 0 AND used <= capacity", name="ck_servers_used_within_capacity"),
        sa.CheckConstraint("capacity >= 0", name="ck_servers_capacity_not_negative"),
    )


def create_orders() -> None:
    op.create_table(
        "bundle_plugins",
        sa.Column("bundle", sa.Text(), nullable=False),
        sa.Column("plugin", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("bundle", "plugin", name="pk_bundle_plugins"),
    )
    op.create_table(
        "project_orders",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("correlation_id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("fqdn", sa.Text(), nullable=False),
        sa.Column("base_domain", sa.Text(), nullable=True),
        sa.Column("project_type", sa.Text(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("plugins", postgresql.JSONB(), nullable=False),
        sa.Column("locale", LOCALE, nullable=False),
        sa.Column("placement", PLACEMENT_STRATEGY, nullable=True),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("customer_name", sa.Text(), nullable=False),
        sa.Column("customer_email", sa.Text(), nullable=False),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("project_id", name="pk_project_orders"),
        sa.CheckConstraint(f"slug ~ '^{LABEL}$'", name="ck_project_orders_slug_valid"),
        host_check("project_orders", "fqdn"),
    )
    op.create_table(
        "project_domains",
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("is_primary", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("host", name="pk_project_domains"),
        host_check("project_domains", "host"),
    )
    op.create_index("ix_project_domains_project_id", "project_domains", ["project_id"])
    op.create_index(
        "uq_project_domains_primary",
        "project_domains",
        ["project_id"],
        unique=True,
        postgresql_where=sa.text("is_primary"),
    )
    op.create_table(
        "preview_accesses",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("uses_left", sa.Integer(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_preview_accesses"),
        sa.UniqueConstraint("token_hash", name="uq_preview_accesses_token_hash"),
        sa.CheckConstraint("uses_left >= 0", name="ck_preview_accesses_uses_left_not_negative"),
        sa.CheckConstraint("expires_at > created_at", name="ck_preview_accesses_limited_in_time"),
    )
    op.create_index("ix_preview_accesses_project_id", "preview_accesses", ["project_id"])
    op.create_table(
        "cancellations",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("undone", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", name="pk_cancellations"),
    )


def create_kernel() -> None:
    op.execute(CreateSequence(STEP_TOKENS))
    op.create_table(
        "open_steps",
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("state", STEP_STATE, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deadline", sa.DateTime(timezone=True), nullable=True),
        sa.Column("wake_key", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("deaths", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "event_id", name="pk_open_steps"),
    )
    op.create_index(
        "ix_open_steps_due", "open_steps", ["consumer", "due_at"], postgresql_where=sa.text("state <> 'dead'")
    )
    op.create_index(
        "ix_open_steps_wake", "open_steps", ["wake_key", "created_at"], postgresql_where=sa.text("state = 'parked'")
    )
    op.create_index("ix_open_steps_project_id", "open_steps", ["project_id"])
    op.create_table(
        "provisioning_log",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=True),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("status", LOG_STATUS, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=True),
        sa.Column("causation_id", sa.Uuid(), nullable=True),
        sa.Column("correlation_id", sa.Uuid(), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("detail", postgresql.JSONB(), nullable=False),
        sa.Column("emitted", sa.LargeBinary(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.func.clock_timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_provisioning_log"),
    )
    op.create_index(
        "uq_provisioning_log_settled",
        "provisioning_log",
        ["consumer", "event_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('completed', 'superseded', 'cancelled')"),
    )
    op.create_index("ix_provisioning_log_project_id", "provisioning_log", ["project_id", "id"])
    op.create_table(
        "outbox",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("exchange", sa.Text(), nullable=False),
        sa.Column("routing_key", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("headers", postgresql.JSONB(), nullable=False),
        sa.Column("required", sa.Boolean(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
    )
    op.create_index("ix_outbox_owner_lease", "outbox", ["owner", "lease_until"])


def downgrade() -> None:
    for table in ("outbox", "provisioning_log", "open_steps"):
        op.drop_table(table)
    op.execute(DropSequence(STEP_TOKENS))
    for table in (
        "cancellations",
        "preview_accesses",
        "project_domains",
        "project_orders",
        "bundle_plugins",
        "servers",
        "base_domains",
    ):
        op.drop_table(table)
    for enum in reversed(ENUMS):
        enum.drop(op.get_bind())
