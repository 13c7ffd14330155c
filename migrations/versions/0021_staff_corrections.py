"""Failed orders that are corrected in the admin UI: their kind in the audit log.

Revision: 0021
"""

from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.execute("ALTER TYPE staff_action_kind ADD VALUE IF NOT EXISTS 'corrected' AFTER 'replayed'")


def downgrade() -> None:
    """Leave the value: PostgreSQL takes none out of a type again."""
