"""What programs change stands in the log of changes; what case workers answer; projects are found by all their domains.

Revision: 0029
"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"

KINDS = (
    *("registration answered", "transfer asked", "mail domain asked"),
    *("webhook made", "webhook changed", "webhook removed", "webhook secret changed", "delivery retried"),
)


def upgrade() -> None:
    for kind in KINDS:  # PostgreSQL takes no value out of a type again: a downgrade leaves them, unused
        op.execute(f"ALTER TYPE staff_action_kind ADD VALUE IF NOT EXISTS '{kind}'")
    op.create_index(
        "ix_added_domains_words",
        "added_domains",
        ["domain"],
        postgresql_using="gin",
        postgresql_ops={"domain": "gin_trgm_ops"},
    )
    op.create_index(
        "ix_domain_registrations_held",
        "domain_registrations",
        ["project_id"],
        postgresql_where=sa.text("stage = 'held'"),
    )


def downgrade() -> None:
    op.drop_index("ix_domain_registrations_held", "domain_registrations")
    op.drop_index("ix_added_domains_words", "added_domains")
