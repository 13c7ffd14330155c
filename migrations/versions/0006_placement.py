"""What servers have and what of it is promised, what Coolify says of them, who waits for a place, the strategy `pack`.

Revision: 0006
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"

SERVER_REACH = postgresql.ENUM("usable", "unreachable", "unusable", "unknown", name="server_reach", create_type=False)
PLACEMENT_STRATEGY = postgresql.ENUM(name="placement_strategy", create_type=False)
STRATEGIES_BEFORE = ("least_loaded", "round_robin", "region")
STRATEGIES = (("project_orders", "placement"), ("placements", "strategy"))
"""Columns of the type `placement_strategy` that were there before."""


def upgrade() -> None:
    op.execute("ALTER TYPE placement_strategy ADD VALUE IF NOT EXISTS 'pack'")
    SERVER_REACH.create(op.get_bind())
    op.add_column("servers", sa.Column("reach", SERVER_REACH, server_default="usable", nullable=False))
    for column in ("ram_mb", "cpu_millicores"):
        op.add_column("servers", sa.Column(column, sa.Integer(), nullable=True))
        op.add_column("servers", sa.Column(f"{column}_used", sa.Integer(), server_default="0", nullable=False))
        op.add_column("placements", sa.Column(column, sa.Integer(), server_default="0", nullable=False))
    op.create_check_constraint("ck_servers_ram_positive", "servers", "ram_mb > 0")
    op.create_check_constraint("ck_servers_cpu_positive", "servers", "cpu_millicores > 0")
    op.create_check_constraint(
        "ck_servers_resources_used_not_negative", "servers", "ram_mb_used >= 0 AND cpu_millicores_used >= 0"
    )
    op.create_table(
        "type_placements",
        sa.Column("project_type", sa.Text(), nullable=False),
        sa.Column("strategy", PLACEMENT_STRATEGY, nullable=False),
        sa.PrimaryKeyConstraint("project_type", name="pk_type_placements"),
    )
    op.create_table(
        "capacity_waits",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("strategy", PLACEMENT_STRATEGY, nullable=False),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("ram_mb", sa.Integer(), nullable=False),
        sa.Column("cpu_millicores", sa.Integer(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("project_id", name="pk_capacity_waits"),
    )
    op.create_index("ix_capacity_waits_since", "capacity_waits", ["since"])


def downgrade() -> None:
    for table in ("capacity_waits", "type_placements"):
        op.drop_table(table)
    for constraint in ("ram_positive", "cpu_positive", "resources_used_not_negative"):
        op.drop_constraint(f"ck_servers_{constraint}", "servers", type_="check")
    for column in ("ram_mb", "cpu_millicores"):
        op.drop_column("placements", column)
        op.drop_column("servers", column)
        op.drop_column("servers", f"{column}_used")
    op.drop_column("servers", "reach")
    SERVER_REACH.drop(op.get_bind())
    forget_pack()


def forget_pack() -> None:
    """PostgreSQL takes no value from an enum: the type is made anew, and what was packed counts as least_loaded."""
    values = ", ".join(f"'{value}'" for value in STRATEGIES_BEFORE)
    op.execute("ALTER TYPE placement_strategy RENAME TO placement_strategy_with_pack")
    op.execute(f"CREATE TYPE placement_strategy AS ENUM ({values})")
    for table, column in STRATEGIES:
        op.execute(
            f"ALTER TABLE {table} ALTER COLUMN {column} TYPE placement_strategy "
            f"USING replace({column}::text, 'pack', 'least_loaded')::placement_strategy"
        )
    op.execute("DROP TYPE placement_strategy_with_pack")
