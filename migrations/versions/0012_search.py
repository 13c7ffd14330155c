"""Projects are found by a part of their names, and by their state, without reading them all.

pg_trgm is a trusted extension of PostgreSQL's own: whoever may create in the database may have it.

Revision: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

STATE_INDEX = "ix_projects_provisioning_state"
WORDS_INDEX = "ix_project_orders_words"


def upgrade() -> None:
    there = op.get_bind().scalar(sa.text("SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm')"))
    if not there:
        op.execute("CREATE EXTENSION pg_trgm")
    trigrams = {"slug": "gin_trgm_ops", "fqdn": "gin_trgm_ops"}
    op.create_index(WORDS_INDEX, "project_orders", ["slug", "fqdn"], postgresql_using="gin", postgresql_ops=trigrams)
    known = sa.text("provisioning_state IS NOT NULL")
    op.create_index(STATE_INDEX, "projects", ["provisioning_state", "vrs_id"], postgresql_where=known)


def downgrade() -> None:
    op.drop_index(STATE_INDEX, "projects")
    op.drop_index(WORDS_INDEX, "project_orders")  # the extension stays: others may use it
