"""Domains that come to us from other registrars, and questions about what a domain costs.

Revision: 0022
"""

from importlib import import_module

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0022"
down_revision = "0021"

STAGE = postgresql.ENUM(
    "requested", "failed", "intended", "pending", "transferred", name="transfer_stage", create_type=False
)
PROBLEM = postgresql.ENUM(
    "auth_code_wrong",
    "locked",
    "not_eligible",
    "refused",
    "expired",
    "not_registered",
    "already_ours",
    "too_expensive",
    "no_credit",
    "contact_incomplete",
    name="transfer_problem",
    create_type=False,
)

AVAILABILITY = postgresql.ENUM("free", "taken", "impossible", name="domain_availability", create_type=False)

HOST = (
    "length(domain) <= 253 AND domain ~ '^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\\.)+"
    "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$'"
)

FORGET: str = import_module("migrations.versions.0020_forget").FORGET
OWNERS = "        UNION ALL SELECT vrs_person(b.body, '{{data,registration,registrant}}') FROM bodies b\n"
TRANSFERRED = "        UNION ALL SELECT t.registrant FROM domain_transfers t WHERE t.project_id = project\n"
LOG = "    UPDATE provisioning_log l\n"
TRANSFERS = """\
    UPDATE domain_transfers t SET registrant = NULL, auth_code = NULL
    WHERE t.project_id = project AND (t.registrant IS NOT NULL OR t.auth_code IS NOT NULL);
    GET DIAGNOSTICS changed = ROW_COUNT;
    counts := counts || jsonb_build_object('domain_transfers', changed);

"""


def upgrade() -> None:
    STAGE.create(op.get_bind())
    PROBLEM.create(op.get_bind())
    op.create_table(
        "domain_transfers",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("stage", STAGE, nullable=False),
        sa.Column("problem", PROBLEM, nullable=True),
        sa.Column("auth_code", sa.LargeBinary(), nullable=True),
        sa.Column("registrant", postgresql.JSONB(), nullable=True),
        sa.Column("max_cents", sa.Integer(), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=True),
        sa.Column("zone_made", sa.Boolean(), nullable=False),
        sa.Column("kept_records", postgresql.JSONB(), nullable=False),
        sa.Column("intended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cents", sa.Integer(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("project_id", "domain", name="pk_domain_transfers"),
        sa.CheckConstraint("max_cents >= 0 AND cents >= 0", name="ck_domain_transfers_cents_not_negative"),
        sa.CheckConstraint(
            "(stage = 'failed') = (problem IS NOT NULL)", name="ck_domain_transfers_failed_for_a_reason"
        ),
        sa.CheckConstraint(
            "auth_code IS NULL OR stage NOT IN ('pending', 'transferred')",
            name="ck_domain_transfers_auth_code_forgotten",
        ),
        sa.CheckConstraint(HOST, name="ck_domain_transfers_domain_valid"),
    )
    op.create_index("uq_domain_transfers_domain", "domain_transfers", ["domain"], unique=True)
    AVAILABILITY.create(op.get_bind())
    op.create_table(
        "domain_offers",
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("availability", AVAILABILITY, nullable=True),
        sa.Column("cents", sa.Integer(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("is_premium", sa.Boolean(), nullable=True),
        sa.PrimaryKeyConstraint("domain", name="pk_domain_offers"),
        sa.CheckConstraint(
            "(answered_at IS NULL) = (availability IS NULL)", name="ck_domain_offers_answered_with_something"
        ),
        sa.CheckConstraint("cents >= 0", name="ck_domain_offers_cents_not_negative"),
        sa.CheckConstraint(HOST, name="ck_domain_offers_domain_valid"),
    )
    op.create_index(
        "ix_domain_offers_open", "domain_offers", ["asked_at"], postgresql_where=sa.text("answered_at IS NULL")
    )
    _forget(FORGET.replace(OWNERS, OWNERS + TRANSFERRED).replace(LOG, TRANSFERS + LOG))


def downgrade() -> None:
    _forget(FORGET)
    op.drop_table("domain_offers")
    AVAILABILITY.drop(op.get_bind())
    op.drop_table("domain_transfers")
    PROBLEM.drop(op.get_bind())
    STAGE.drop(op.get_bind())


def _forget(function: str) -> None:
    """Replace `vrs_forget`; who may call it stays."""
    schema = op.get_bind().scalar(sa.text("SELECT quote_ident(current_schema())"))
    op.get_bind().exec_driver_sql(
        function.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION").format(schema=schema)
    )
