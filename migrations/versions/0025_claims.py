"""The call that claimed a step: whoever lost the answer to a claim finds what it has.

Revision: 0025
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    op.add_column("open_steps", sa.Column("claim", sa.Uuid(), nullable=True))


def downgrade() -> None:
    op.drop_column("open_steps", "claim")
