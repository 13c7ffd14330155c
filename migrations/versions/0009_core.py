"""The key with which a project's vrs-core signs its health report.

Revision: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("deployments", sa.Column("core_key", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    op.drop_column("deployments", "core_key")
