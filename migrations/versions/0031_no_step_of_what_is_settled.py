"""What is settled cannot be opened again: PostgreSQL itself refuses a step whose event the log shows done.

A claim looks into the log, and may then wait for the very commit that completes its event, which its snapshot does not
have. A trigger at the end of the statement looks with a snapshot of its own.

Revision: 0031
"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"

# OFFSET 0: one look into the index for each step, never a join with the whole log.
REFUSE = """
CREATE FUNCTION vrs_refuse_what_is_settled() RETURNS trigger LANGUAGE plpgsql SET search_path = %s, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM opened o WHERE o.state = 'running' AND EXISTS (
                   SELECT FROM provisioning_log l
                   WHERE l.consumer = o.consumer AND l.event_id = o.event_id
                     AND l.status IN ('completed', 'superseded', 'cancelled') OFFSET 0)) THEN
        RAISE EXCEPTION 'an event was settled while it was claimed' USING ERRCODE = 'serialization_failure',
            HINT = 'Claim the group again: the log shows it now.';
    END IF;
    RETURN NULL;
END
$$
"""
ON_OPEN_STEPS = """
CREATE TRIGGER vrs_refuse_what_is_settled AFTER INSERT ON open_steps REFERENCING NEW TABLE AS opened
FOR EACH STATEMENT EXECUTE FUNCTION vrs_refuse_what_is_settled()
"""

# What a crash has left between a claim and its look at the log. Nobody can complete it, and nothing is to be done.
LEFT = """
    DELETE FROM open_steps s USING provisioning_log l
    WHERE s.state = 'running' AND l.consumer = s.consumer AND l.event_id = s.event_id
      AND l.status IN ('completed', 'superseded', 'cancelled')
"""


def upgrade() -> None:
    schema = op.get_bind().scalar(sa.text("SELECT quote_ident(current_schema())"))
    op.get_bind().exec_driver_sql(REFUSE % schema)
    op.execute(ON_OPEN_STEPS)
    op.execute(LEFT)


def downgrade() -> None:
    op.execute("DROP TRIGGER vrs_refuse_what_is_settled ON open_steps")
    op.execute("DROP FUNCTION vrs_refuse_what_is_settled()")
