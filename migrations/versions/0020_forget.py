"""What a customer's contact is removed with, by whoever may not read where it stands.

Revision: 0020
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0016"

# A name or an address is taken out where it stands by itself, not inside another word.
WITHOUT = r"""
CREATE FUNCTION vrs_without(said text, words text[]) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    word text;
BEGIN
    FOREACH word IN ARRAY words LOOP
        said := regexp_replace(
            said, '(?<!\w)' || regexp_replace(word, '([^\w\s])', '\\\1', 'g') || '(?!\w)', '[removed]', 'g');
    END LOOP;
    RETURN said;
END $$
"""

# Bytes that are no event have no part that could stay.
WITHOUT_CUSTOMER = """
CREATE FUNCTION vrs_without_customer(body bytea) RETURNS bytea LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN convert_to((convert_from(body, 'UTF8')::jsonb #- '{data,customer}' #- '{data,registration}')::text, 'UTF8');
EXCEPTION WHEN data_exception OR syntax_error_or_access_rule_violation THEN
    RETURN '';
END $$
"""

# The customer, and what a registry must know of a domain's owner.
PERSON = """
CREATE FUNCTION vrs_person(body bytea, path text[]) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN convert_from(body, 'UTF8')::jsonb #> path;
EXCEPTION WHEN data_exception OR syntax_error_or_access_rule_violation THEN
    RETURN '{}';
END $$
"""

# With the rights of its owner: the log is append-only for every service, and no service reads the desk's tables.
FORGET = """
CREATE FUNCTION vrs_forget(project uuid, who text, why text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
DECLARE
    words text[];
    addresses text[];
    steps uuid[];
    story uuid;
    changed bigint;
    counts jsonb := '{{}}';
BEGIN
    PERFORM FROM projects p WHERE p.vrs_id = project FOR UPDATE;
    IF EXISTS (SELECT FROM projects p WHERE p.vrs_id = project AND p.provisioning_state IS DISTINCT FROM 'cancelled')
       OR EXISTS (SELECT FROM open_steps s WHERE s.project_id = project AND s.state <> 'dead')
       OR EXISTS (SELECT FROM outbox o WHERE position(convert_to(project::text, 'UTF8') IN o.body) > 0)
    THEN
        RAISE EXCEPTION 'project % is under way', project USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;

    SELECT array_agg(DISTINCT l.event_id) INTO steps FROM provisioning_log l
    WHERE l.project_id = project AND l.event_id IS NOT NULL;
    WITH bodies (body) AS (
        SELECT s.body FROM open_steps s WHERE s.project_id = project
        UNION ALL SELECT a.body FROM dead_letter_archive a WHERE a.project_id = project
    ), registrants (facts) AS (
        SELECT r.registrant FROM domain_registrations r WHERE r.project_id = project
        UNION ALL SELECT vrs_person(b.body, '{{data,registration,registrant}}') FROM bodies b
    ), contacts (name, email) AS (
        SELECT o.customer_name, o.customer_email FROM project_orders o WHERE o.project_id = project
        UNION ALL SELECT p.facts ->> 'name', p.facts ->> 'email'
        FROM bodies b, vrs_person(b.body, '{{data,customer}}') AS p (facts)
        UNION ALL SELECT r.facts ->> 'name', r.facts ->> 'email' FROM registrants r
    ), said (word) AS (
        SELECT name FROM contacts
        UNION SELECT unnest(ARRAY[r.facts ->> 'organisation', r.facts ->> 'street', r.facts ->> 'phone'])
        FROM registrants r
        UNION SELECT email FROM contacts
        UNION SELECT left(email, 1) || '…@' || split_part(email, '@', 2) FROM contacts WHERE position('@' IN email) > 0
    )
    SELECT coalesce(array_agg(word ORDER BY length(word) DESC), '{{}}'),
           coalesce(array_agg(word ORDER BY length(word) DESC) FILTER (WHERE position('@' IN word) > 0), '{{}}')
    INTO words, addresses FROM said WHERE length(word) > 1;

    UPDATE project_orders o SET customer_name = '', customer_email = '', forgotten_at = clock_timestamp()
    WHERE o.project_id = project AND o.forgotten_at IS NULL;
    GET DIAGNOSTICS changed = ROW_COUNT;
    counts := counts || jsonb_build_object('project_orders', changed);

    UPDATE domain_registrations r SET registrant = NULL WHERE r.project_id = project AND r.registrant IS NOT NULL;
    GET DIAGNOSTICS changed = ROW_COUNT;
    counts := counts || jsonb_build_object('domain_registrations', changed);

    UPDATE provisioning_log l
    SET message = vrs_without(l.message, words), detail = vrs_without(l.detail::text, words)::jsonb,
        emitted = convert_to(vrs_without(convert_from(l.emitted, 'UTF8'), addresses), 'UTF8')
    WHERE l.project_id = project
      AND (vrs_without(l.message, words) <> l.message OR vrs_without(l.detail::text, words) <> l.detail::text
           OR vrs_without(convert_from(l.emitted, 'UTF8'), addresses) <> convert_from(l.emitted, 'UTF8'));
    GET DIAGNOSTICS changed = ROW_COUNT;
    counts := counts || jsonb_build_object('provisioning_log', changed);

    UPDATE open_steps s SET body = vrs_without_customer(s.body), reason = vrs_without(s.reason, words)
    WHERE s.state = 'dead'
      AND (s.project_id = project AND vrs_person(s.body, '{{data,customer}}') IS NOT NULL AND s.body <> ''
           OR s.project_id IS NULL AND EXISTS (SELECT FROM unnest(addresses) AS a (address)
                                               WHERE position(convert_to(a.address, 'UTF8') IN s.body) > 0));
    GET DIAGNOSTICS changed = ROW_COUNT;
    counts := counts || jsonb_build_object('open_steps', changed);

    UPDATE desk_actions d SET detail = d.detail - 'changes', reason = vrs_without(d.reason, words)
    WHERE d.id IN (SELECT l.action_id FROM desk_action_letters l WHERE l.event_id = ANY(steps))
      AND (d.detail ? 'changes' OR vrs_without(d.reason, words) <> d.reason);
    GET DIAGNOSTICS changed = ROW_COUNT;
    counts := counts || jsonb_build_object('desk_actions', changed);

    UPDATE dead_letter_archive a
    SET body = vrs_without_customer(a.body), changes = NULL, headers = vrs_without(a.headers::text, words)::jsonb
    WHERE a.project_id = project
      AND (vrs_person(a.body, '{{data,customer}}') IS NOT NULL AND a.body <> '' OR a.changes IS NOT NULL
           OR vrs_without(a.headers::text, words) <> a.headers::text);
    GET DIAGNOSTICS changed = ROW_COUNT;
    counts := counts || jsonb_build_object('dead_letter_archive', changed);

    UPDATE dead_letter_notes t SET note = vrs_without(t.note, words)
    WHERE split_part(t.subject, '/', 2) = ANY(CAST(steps AS text[])) AND vrs_without(t.note, words) <> t.note;
    GET DIAGNOSTICS changed = ROW_COUNT;
    counts := counts || jsonb_build_object('dead_letter_notes', changed);

    UPDATE cancellations c
    SET reason = vrs_without(c.reason, words), requested_by = vrs_without(c.requested_by, words)
    WHERE c.project_id = project
      AND (vrs_without(c.reason, words) <> c.reason OR vrs_without(c.requested_by, words) <> c.requested_by);
    GET DIAGNOSTICS changed = ROW_COUNT;
    counts := counts || jsonb_build_object('cancellations', changed);

    UPDATE webhook_deliveries d SET body = vrs_without_customer(d.body)
    WHERE d.event_id = ANY(steps) AND vrs_person(d.body, '{{data,customer}}') IS NOT NULL AND d.body <> '';
    GET DIAGNOSTICS changed = ROW_COUNT;
    counts := counts || jsonb_build_object('webhook_deliveries', changed);

    UPDATE project_notes n SET text = vrs_without(n.text, words)
    WHERE n.project_id = project AND vrs_without(n.text, words) <> n.text;
    GET DIAGNOSTICS changed = ROW_COUNT;
    counts := counts || jsonb_build_object('project_notes', changed);

    UPDATE staff_actions a
    SET reason = vrs_without(a.reason, words), detail = vrs_without(a.detail::text, words)::jsonb
    WHERE a.project_id = project
      AND (vrs_without(a.reason, words) <> a.reason OR vrs_without(a.detail::text, words) <> a.detail::text);
    GET DIAGNOSTICS changed = ROW_COUNT;
    counts := counts || jsonb_build_object('staff_actions', changed);

    SELECT coalesce(jsonb_object_agg(c.key, c.value), '{{}}') INTO counts
    FROM jsonb_each(counts) AS c WHERE c.value <> '0';
    IF counts <> '{{}}' THEN
        SELECT o.correlation_id INTO story FROM project_orders o WHERE o.project_id = project;
        INSERT INTO provisioning_log (project_id, service, consumer, step, status, attempt, correlation_id, message,
                                      detail, started_at, duration_ms)
        VALUES (project, 'dns', 'dns.forget', 'forget', 'completed', 1, story,
                'the customer''s contact was removed (' || who || '): ' || why,
                jsonb_build_object('by', who, 'rows', counts), clock_timestamp(), 0);
    END IF;
    RETURN counts;
END $$
"""


def upgrade() -> None:
    op.add_column("project_orders", sa.Column("forgotten_at", sa.DateTime(timezone=True), nullable=True))
    schema = op.get_bind().scalar(sa.text("SELECT quote_ident(current_schema())"))
    for function in (WITHOUT, WITHOUT_CUSTOMER, PERSON, FORGET.format(schema=schema)):
        op.get_bind().exec_driver_sql(function)
    op.execute("REVOKE ALL ON FUNCTION vrs_forget(uuid, text, text) FROM PUBLIC")


def downgrade() -> None:
    for function in (
        "vrs_forget(uuid, text, text)",
        "vrs_person(bytea, text[])",
        "vrs_without_customer(bytea)",
        "vrs_without(text, text[])",
    ):
        op.execute(f"DROP FUNCTION {function}")
    op.drop_column("project_orders", "forgotten_at")
