"""Projects are found by a part of their names, and by their state, without reading them all.

Revision: 0012
"""

import sqlalchemy as sa
from alembic import op

from migrations.adoption.catalogue import recorded
from migrations.adoption.quiet import build_index
from migrations.adoption.trigrams import create_extension, drop_extension

revision = "0012"
down_revision = "0011"

WORDS_INDEX = "ix_project_orders_words"
STATE_INDEX = "ix_projects_provisioning_state"
STATE = "projects (provisioning_state, vrs_id) WHERE provisioning_state IS NOT NULL"


def upgrade() -> None:
    create_extension(op.get_bind())
    trigrams = {"slug": "gin_trgm_ops", "fqdn": "gin_trgm_ops"}
    op.create_index(WORDS_INDEX, "project_orders", ["slug", "fqdn"], postgresql_using="gin", postgresql_ops=trigrams)
    if "projects" not in recorded(op.get_bind()):
        known = sa.text("provisioning_state IS NOT NULL")
        op.create_index(STATE_INDEX, "projects", ["provisioning_state", "vrs_id"], postgresql_where=known)
        return
    with op.get_context().autocommit_block():
        build_index(op.get_bind(), STATE_INDEX, STATE)


def downgrade() -> None:
    if "projects" not in recorded(op.get_bind()):
        op.drop_index(STATE_INDEX, "projects")
    else:
        with op.get_context().autocommit_block():
            op.get_bind().exec_driver_sql(f"DROP INDEX CONCURRENTLY IF EXISTS {STATE_INDEX}")
    op.execute(f"DROP INDEX IF EXISTS {WORDS_INDEX}")
    drop_extension(op.get_bind())
