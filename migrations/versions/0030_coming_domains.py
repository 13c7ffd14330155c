"""Names that are claimed for a transfer, before the domain has come; of transfers that are under way as well.

Revision: 0030
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"

CLAIM = """
    INSERT INTO project_domains (host, project_id, is_primary, is_coming)
    SELECT each.host, t.project_id, false, true
    FROM domain_transfers t CROSS JOIN LATERAL unnest(
        CASE WHEN t.domain LIKE 'www.%' THEN ARRAY[t.domain] ELSE ARRAY[t.domain, 'www.' || t.domain] END
    ) AS each (host)
    WHERE NOT EXISTS (SELECT 1 FROM added_domains a WHERE a.project_id = t.project_id AND a.domain = t.domain)
    ON CONFLICT (host) DO NOTHING
"""


def upgrade() -> None:
    op.add_column(
        "project_domains", sa.Column("is_coming", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.execute(CLAIM)


def downgrade() -> None:
    op.execute("DELETE FROM project_domains WHERE is_coming")
    op.drop_column("project_domains", "is_coming")
