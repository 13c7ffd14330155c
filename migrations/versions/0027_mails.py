"""What a mail to a customer was written from, so that it can be written again; and who had that done.

Revision: 0027
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    # PostgreSQL takes no value out of a type again: a downgrade leaves it, unused.
    op.execute("ALTER TYPE staff_action_kind ADD VALUE IF NOT EXISTS 'mail resent' AFTER 'preview ended'")
    op.add_column("mails", sa.Column("kind", sa.Text(), nullable=True))
    op.add_column("mails", sa.Column("facts", postgresql.JSONB(), nullable=True))


def downgrade() -> None:
    op.drop_column("mails", "facts")
    op.drop_column("mails", "kind")
