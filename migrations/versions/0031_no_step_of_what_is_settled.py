"""What is settled cannot be opened again: PostgreSQL itself refuses a step whose event the log shows done.

A claim looks into the log, and may then wait for the very commit that completes its event, which its snapshot does not
have. A trigger at the end of the statement looks with a snapshot of its own.

Revision: 0031
"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"

# One look into the index for each step, whatever the statistics: a plan that is made when the log is a few pages long
# would read it from end to end, and a session keeps it for as long as nobody analyses the table.
REFUSE = """
CREATE FUNCTION vrs_refuse_what_is_settled() RETURNS trigger LANGUAGE plpgsql
SET search_path = %s, pg_temp SET enable_seqscan = off AS $$
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


def upgrade() -> None:
    schema = op.get_bind().scalar(sa.text("SELECT quote_ident(current_schema())"))
    op.get_bind().exec_driver_sql(REFUSE % schema)
    op.execute(ON_OPEN_STEPS)


def downgrade() -> None:
    op.execute("DROP TRIGGER vrs_refuse_what_is_settled ON open_steps")
    op.execute("DROP FUNCTION vrs_refuse_what_is_settled()")
