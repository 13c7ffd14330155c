"""Webhooks: endpoints and deliveries, and the trigger that makes a delivery of whatever enters the outbox.

A queue of their own, bound to every event, would be an audience: an event whose required queue is missing would then
be taken by it and not come back to the outbox.

Revision: 0011
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"

STATE = postgresql.ENUM("pending", "delivered", "failed", name="delivery_state", create_type=False)

# As its owner: the services that write the outbox know nothing of webhooks. Nothing in here may fail, for it would
# take the writer's commit with it; hence no foreign key, and no cast of what is not a UUID.
COLLECT = """
CREATE FUNCTION vrs_collect_for_webhooks() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = %s, pg_temp AS $$
BEGIN
    INSERT INTO webhook_deliveries (endpoint_id, event_id, type, body)
    SELECT e.id, CAST(s.headers ->> 'event-id' AS uuid), s.headers ->> 'type', s.body
    FROM webhook_endpoints e
    JOIN said s ON e.events = '{}' OR s.headers ->> 'type' = ANY(e.events)
    WHERE e.disabled_at IS NULL AND s.exchange = 'vrs.events' AND s.headers ->> 'type' IS NOT NULL
      AND s.headers ->> 'event-id' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$
"""
ON_OUTBOX = """
CREATE TRIGGER vrs_collect_for_webhooks AFTER INSERT ON outbox REFERENCING NEW TABLE AS said
FOR EACH STATEMENT EXECUTE FUNCTION vrs_collect_for_webhooks()
"""


def upgrade() -> None:
    op.execute("ALTER TYPE api_scope ADD VALUE IF NOT EXISTS 'webhooks'")  # PostgreSQL cannot take one away again
    STATE.create(op.get_bind())
    op.create_table(
        "webhook_endpoints",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("events", postgresql.ARRAY(sa.TEXT()), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("previous_secret", sa.LargeBinary(), nullable=True),
        sa.Column("previous_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("last_delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_endpoints"),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("endpoint_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("state", STATE, server_default="pending", nullable=False),
        sa.Column("tries", postgresql.JSONB(), server_default="[]", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.clock_timestamp(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), server_default=sa.func.clock_timestamp(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_deliveries"),
    )
    name = "webhook_deliveries"
    op.create_index("uq_webhook_deliveries_endpoint_id", name, ["endpoint_id", "event_id"], unique=True)
    pending = sa.text("state = 'pending'")
    op.create_index("ix_webhook_deliveries_due", name, ["endpoint_id", "due_at"], postgresql_where=pending)
    op.create_index("ix_webhook_deliveries_endpoint_id_id", name, ["endpoint_id", "id"])
    op.create_index("ix_webhook_deliveries_ended_at", name, ["ended_at"])
    schema = op.get_bind().scalar(sa.text("SELECT quote_ident(current_schema())"))
    op.get_bind().exec_driver_sql(COLLECT % schema)
    op.execute(ON_OUTBOX)


def downgrade() -> None:
    op.execute("DROP TRIGGER vrs_collect_for_webhooks ON outbox")
    op.execute("DROP FUNCTION vrs_collect_for_webhooks()")
    for table in ("webhook_deliveries", "webhook_endpoints"):
        op.drop_table(table)
    STATE.drop(op.get_bind())
