"""What is said in the marketplace's name is kept for a while: after a restore, the log alone does not have it.

A trigger on the outbox, because a Flask app, commands and the API write there, and none of them owns the copy.

Revision: 0032
"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"

# As its owner, and nothing in it may fail: it would take the writer's commit with it.
KEEP = """
CREATE FUNCTION vrs_keep_what_is_said() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = %s, pg_temp AS $$
BEGIN
    IF NEW.headers ->> 'event-id' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN
        INSERT INTO said_events (event_id, body) VALUES (CAST(NEW.headers ->> 'event-id' AS uuid), NEW.body)
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END
$$
"""
ON_OUTBOX = """
CREATE TRIGGER vrs_keep_what_is_said AFTER INSERT ON outbox FOR EACH ROW
WHEN (NEW.owner = 'marketplace' AND NEW.exchange = 'vrs.events') EXECUTE FUNCTION vrs_keep_what_is_said()
"""


def upgrade() -> None:
    op.create_table(
        "said_events",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), server_default=sa.func.clock_timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name="pk_said_events"),
    )
    op.create_index("ix_said_events_said_at", "said_events", ["said_at"])
    schema = op.get_bind().scalar(sa.text("SELECT quote_ident(current_schema())"))
    op.get_bind().exec_driver_sql(KEEP % schema)
    op.execute(ON_OUTBOX)


def downgrade() -> None:
    op.execute("DROP TRIGGER vrs_keep_what_is_said ON outbox")
    op.execute("DROP FUNCTION vrs_keep_what_is_said()")
    op.drop_table("said_events")
