"""The marketplace's tables, for an empty database.

Revision: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

PROVISIONING_STATE = postgresql.ENUM(
    "ordered",
    "waiting_for_capacity",
    "waiting_for_customer",
    "dns_configured",
    "app_deployed",
    "live",
    "failed",
    "cancelling",
    "cancelled",
    name="provisioning_state",
    create_type=False,
)
LICENSE_STATE = postgresql.ENUM("pending", "active", "ended", name="license_state", create_type=False)


def upgrade() -> None:
    PROVISIONING_STATE.create(op.get_bind())
    LICENSE_STATE.create(op.get_bind())
    op.create_table(
        "project_types",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("image", sa.Text(), nullable=False),
        sa.Column("image_tag", sa.Text(), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_project_types"),
        sa.UniqueConstraint("name", name="uq_project_types_name"),
    )
    op.create_table(
        "plugin_prices",
        sa.Column("plugin", sa.Text(), nullable=False),
        sa.Column("cents", sa.Integer(), nullable=False),
        sa.Column("currency", sa.Text(), server_default="EUR", nullable=False),
        sa.PrimaryKeyConstraint("plugin", name="pk_plugin_prices"),
        sa.CheckConstraint("cents >= 0", name="ck_plugin_prices_cents_not_negative"),
    )
    op.create_table(
        "projects",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("vrs_id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("project_type_id", sa.Integer(), nullable=True),
        sa.Column("provisioning_state", PROVISIONING_STATE, nullable=True),
        sa.Column("step_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_projects"),
        sa.UniqueConstraint("vrs_id", name="uq_projects_vrs_id"),
        sa.ForeignKeyConstraint(
            ["project_type_id"],
            ["project_types.id"],
            name="fk_projects_project_type_id_project_types",
            ondelete="SET NULL",
        ),
    )
    op.create_index(
        "ix_projects_step_due_at",
        "projects",
        ["step_due_at"],
        postgresql_where=sa.text("step_due_at IS NOT NULL"),
    )
    op.create_table(
        "licenses",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("plugin", sa.Text(), nullable=False),
        sa.Column("state", LICENSE_STATE, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_licenses"),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_licenses_project_id_projects", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_licenses_project_id", "licenses", ["project_id"])
    op.create_table(
        "license_history",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("license_id", sa.BigInteger(), nullable=False),
        sa.Column("state", LICENSE_STATE, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_license_history"),
        sa.ForeignKeyConstraint(
            ["license_id"], ["licenses.id"], name="fk_license_history_license_id_licenses", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_license_history_license_id", "license_history", ["license_id"])


def downgrade() -> None:
    for table in ("license_history", "licenses", "projects", "plugin_prices", "project_types"):
        op.drop_table(table)
    LICENSE_STATE.drop(op.get_bind())
    PROVISIONING_STATE.drop(op.get_bind())
