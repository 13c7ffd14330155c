"""Case workers who come from a provider of OpenID Connect: who they are there, and no password here.

Revision: 0028
"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    for kind in ("role changed", "user made"):  # the last comes first; PostgreSQL cannot take one away again
        op.execute(f"ALTER TYPE staff_action_kind ADD VALUE IF NOT EXISTS '{kind}' AFTER 'signed in'")
    op.add_column("staff_users", sa.Column("identity", sa.Text(), nullable=True))
    op.create_unique_constraint("uq_staff_users_identity", "staff_users", ["identity"])


def downgrade() -> None:
    op.execute("DELETE FROM staff_users WHERE password_hash = '!'")
    op.drop_constraint("uq_staff_users_identity", "staff_users")
    op.drop_column("staff_users", "identity")
