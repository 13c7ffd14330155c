"""A contact is forgotten in events' typed text, in orders that could not be read, and in what names no project, too.

An event's strings are looked through one by one, so that its form stays; what the project is called stays in them.
And the audit log says who removed a user.

Revision: 0034
"""

from importlib import import_module

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"

IN_JSON = """
CREATE FUNCTION vrs_without(said jsonb, words text[]) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN CASE jsonb_typeof(said)
        WHEN 'string' THEN to_jsonb(vrs_without(said #>> '{}', words))
        WHEN 'array' THEN (SELECT coalesce(jsonb_agg(vrs_without(e.value, words) ORDER BY e.nth), '[]')
                           FROM jsonb_array_elements(said) WITH ORDINALITY AS e (value, nth))
        WHEN 'object' THEN (SELECT coalesce(jsonb_object_agg(e.key, vrs_without(e.value, words)), '{}')
                            FROM jsonb_each(said) AS e)
        ELSE said END;
END $$
"""

# The very bytes if there is nothing to take out of them; bytes that are no event have no part that could stay.
IN_EVENT = """
CREATE FUNCTION vrs_without_contact(body bytea, words text[]) RETURNS bytea LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    event jsonb;
    rest jsonb;
BEGIN
    event := convert_from(body, 'UTF8')::jsonb;
    rest := event #- '{data,customer}' #- '{data,registration}';
    IF jsonb_typeof(rest -> 'data') = 'object' THEN  -- ids, times and names of the envelope stay, whatever they hold
        rest := jsonb_set(rest, '{data}', vrs_without(rest -> 'data', words));
    ELSE
        rest := vrs_without(rest, words);
    END IF;
    RETURN CASE WHEN rest = event THEN body ELSE convert_to(rest::text, 'UTF8') END;
EXCEPTION WHEN data_exception OR syntax_error_or_access_rule_violation THEN
    RETURN '';
END $$
"""

IN_LINES = r"""
CREATE FUNCTION vrs_lines_without_contact(events bytea, words text[]) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(convert_to(string_agg(convert_from(vrs_without_contact(convert_to(line, 'UTF8'), words), 'UTF8'),
                                          E'\n' ORDER BY nth), 'UTF8'), events)
    FROM string_to_table(convert_from(events, 'UTF8'), E'\n') WITH ORDINALITY AS l (line, nth)
$$
"""

HOLDS = """
CREATE FUNCTION vrs_holds(body bytea, words text[]) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT EXISTS (SELECT FROM unnest(words) AS w (word) WHERE position(convert_to(w.word, 'UTF8') IN body) > 0)
$$
"""

# `told` is for events and what machines wrote: without the words that stand in what the project is called.
# Bytes that name no project tell by an address whose they are.
CONTACT = """
CREATE FUNCTION vrs_contact_of(project uuid, OUT words text[], OUT told text[], OUT addresses text[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = SCHEMA, pg_temp AS $$
    WITH bodies (body) AS (
        SELECT s.body FROM open_steps s WHERE s.project_id = project
        UNION ALL SELECT a.body FROM dead_letter_archive a WHERE a.project_id = project
        UNION ALL SELECT e.body FROM said_events e WHERE vrs_holds(e.body, ARRAY[project::text])
    ), registrants (facts) AS (
        SELECT r.registrant FROM domain_registrations r WHERE r.project_id = project
        UNION ALL SELECT t.registrant FROM domain_transfers t WHERE t.project_id = project
        UNION ALL SELECT vrs_person(b.body, '{data,registration,registrant}') FROM bodies b
    ), contacts (name, email) AS (
        SELECT o.customer_name, o.customer_email FROM project_orders o WHERE o.project_id = project
        UNION ALL SELECT p.facts ->> 'name', p.facts ->> 'email'
        FROM bodies b, vrs_person(b.body, '{data,customer}') AS p (facts)
        UNION ALL SELECT r.facts ->> 'name', r.facts ->> 'email' FROM registrants r
    ), said (word) AS (
        SELECT name FROM contacts
        UNION SELECT unnest(ARRAY[r.facts ->> 'organisation', r.facts ->> 'street', r.facts ->> 'phone'])
        FROM registrants r
        UNION SELECT email FROM contacts
        UNION SELECT left(email, 1) || '…@' || split_part(email, '@', 2) FROM contacts WHERE position('@' IN email) > 0
    ), called (by) AS (
        SELECT concat_ws(' ', o.slug, o.fqdn) FROM project_orders o WHERE o.project_id = project
    )
    SELECT coalesce(array_agg(word ORDER BY length(word) DESC), '{}'),
           coalesce(array_agg(word ORDER BY length(word) DESC)
                    FILTER (WHERE NOT EXISTS (SELECT FROM called c WHERE position(word IN c.by) > 0)), '{}'),
           coalesce(array_agg(word ORDER BY length(word) DESC) FILTER (WHERE position('@' IN word) > 0), '{}')
    FROM said WHERE length(word) > 1
$$
"""

CHANGES = {
    "project_orders": """
    UPDATE project_orders o SET customer_name = '', customer_email = '', forgotten_at = clock_timestamp()
    WHERE o.project_id = project AND o.forgotten_at IS NULL""",
    "domain_registrations": """
    UPDATE domain_registrations r SET registrant = NULL WHERE r.project_id = project AND r.registrant IS NOT NULL""",
    "domain_transfers": """
    UPDATE domain_transfers t SET registrant = NULL, auth_code = NULL, kept_records = vrs_without(t.kept_records, words)
    WHERE t.project_id = project
      AND (t.registrant IS NOT NULL OR t.auth_code IS NOT NULL
           OR vrs_without(t.kept_records, words) <> t.kept_records)""",
    "said_events": """
    DELETE FROM said_events e WHERE vrs_holds(e.body, ARRAY[project::text])""",
    "provisioning_log": """
    UPDATE provisioning_log l
    SET message = vrs_without(l.message, words), detail = vrs_without(l.detail, words),
        emitted = vrs_lines_without_contact(l.emitted, told)
    WHERE l.project_id = project
      AND (vrs_without(l.message, words) <> l.message OR vrs_without(l.detail, words) <> l.detail
           OR vrs_lines_without_contact(l.emitted, told) <> l.emitted)""",
    "open_steps": """
    UPDATE open_steps s SET body = vrs_without_contact(s.body, told), reason = vrs_without(s.reason, words)
    WHERE s.state = 'dead' AND (s.project_id = project OR s.project_id IS NULL AND vrs_holds(s.body, marks))
      AND (vrs_without_contact(s.body, told) <> s.body OR vrs_without(s.reason, words) <> s.reason)""",
    "desk_actions": """
    UPDATE desk_actions d SET detail = vrs_without(d.detail - 'changes', words), reason = vrs_without(d.reason, words)
    WHERE d.id = ANY(actions)
      AND (vrs_without(d.detail - 'changes', words) <> d.detail OR vrs_without(d.reason, words) <> d.reason)""",
    "dead_letter_archive": """
    UPDATE dead_letter_archive a
    SET body = vrs_without_contact(a.body, told), changes = NULL, headers = vrs_without(a.headers, words)
    WHERE (a.project_id = project OR a.project_id IS NULL AND vrs_holds(a.body, marks))
      AND (vrs_without_contact(a.body, told) <> a.body OR a.changes IS NOT NULL
           OR vrs_without(a.headers, words) <> a.headers)""",
    "dead_letter_notes": """
    UPDATE dead_letter_notes t
    SET note = vrs_without(t.note, CASE WHEN split_part(t.subject, '/', 2) = ANY(CAST(steps AS text[]))
                                        THEN words ELSE addresses END)
    WHERE split_part(t.subject, '/', 2) = ANY(CAST(steps AS text[])) AND vrs_without(t.note, words) <> t.note
       OR vrs_without(t.note, addresses) <> t.note""",
    "cancellations": """
    UPDATE cancellations c
    SET reason = vrs_without(c.reason, words), requested_by = vrs_without(c.requested_by, words)
    WHERE c.project_id = project
      AND (vrs_without(c.reason, words) <> c.reason OR vrs_without(c.requested_by, words) <> c.requested_by)""",
    "webhook_deliveries": """
    UPDATE webhook_deliveries d
    SET body = vrs_without_contact(d.body, told), tries = vrs_without(d.tries, words)
    WHERE (vrs_holds(d.body, ARRAY[project::text]) OR d.type = 'vrs.deadletter.handled.v1'
           AND vrs_person(d.body, '{data,action_id}') #>> '{}' = ANY(CAST(actions AS text[])))
      AND (vrs_without_contact(d.body, told) <> d.body OR vrs_without(d.tries, words) <> d.tries)""",
    "project_notes": """
    UPDATE project_notes n SET text = vrs_without(n.text, words)
    WHERE n.project_id = project AND vrs_without(n.text, words) <> n.text""",
    "staff_actions": """
    UPDATE staff_actions a
    SET reason = vrs_without(a.reason, words), detail = vrs_without(a.detail, words)
    WHERE a.project_id = project
      AND (vrs_without(a.reason, words) <> a.reason OR vrs_without(a.detail, words) <> a.detail)""",
    "staff_users": """
    UPDATE staff_users u SET searches = vrs_without(u.searches, addresses)
    WHERE vrs_without(u.searches, addresses) <> u.searches""",
}

FORGET = """
CREATE OR REPLACE FUNCTION vrs_forget(project uuid, who text, why text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = SCHEMA, pg_temp AS $$
DECLARE
    words text[];
    told text[];
    addresses text[];
    marks text[];
    steps uuid[];
    actions uuid[];
    story uuid;
    changed bigint;
    counts jsonb := '{}';
BEGIN
    PERFORM FROM projects p WHERE p.vrs_id = project FOR UPDATE;
    IF EXISTS (SELECT FROM projects p WHERE p.vrs_id = project AND p.provisioning_state IS DISTINCT FROM 'cancelled')
       OR EXISTS (SELECT FROM open_steps s WHERE s.project_id = project AND s.state <> 'dead')
       OR EXISTS (SELECT FROM outbox o WHERE position(convert_to(project::text, 'UTF8') IN o.body) > 0)
    THEN
        RAISE EXCEPTION 'project % is under way', project USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;

    SELECT c.words, c.told, c.addresses INTO words, told, addresses FROM vrs_contact_of(project) c;
    marks := addresses || project::text;
    SELECT array_agg(e.event_id) INTO steps FROM (
        SELECT l.event_id FROM provisioning_log l WHERE l.project_id = project AND l.event_id IS NOT NULL
        UNION SELECT s.event_id FROM open_steps s WHERE s.project_id IS NULL AND vrs_holds(s.body, marks)
        UNION SELECT a.event_id FROM dead_letter_archive a
        WHERE a.project_id = project OR a.project_id IS NULL AND vrs_holds(a.body, marks)) e;
    SELECT array_agg(DISTINCT l.action_id) INTO actions FROM desk_action_letters l WHERE l.event_id = ANY(steps);
CHANGES
    SELECT coalesce(jsonb_object_agg(c.key, c.value), '{}') INTO counts
    FROM jsonb_each(counts) AS c WHERE c.value <> '0';
    IF counts <> '{}' THEN
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
COUNTED = """%s;
    GET DIAGNOSTICS changed = ROW_COUNT;
    counts := counts || jsonb_build_object('%s', changed);
"""


def upgrade() -> None:
    op.execute("ALTER TYPE staff_action_kind ADD VALUE IF NOT EXISTS 'user removed' AFTER 'user made'")  # for good
    changes = "".join(COUNTED % (statement, table) for table, statement in CHANGES.items())
    for function in (IN_JSON, IN_EVENT, IN_LINES, HOLDS, CONTACT, FORGET.replace("CHANGES", changes)):
        _make(function)
    op.execute("REVOKE ALL ON FUNCTION vrs_contact_of(uuid) FROM PUBLIC")
    op.create_index("ix_webhook_deliveries_created_at", "webhook_deliveries", ["created_at"])
    op.drop_index("ix_webhook_deliveries_ended_at", "webhook_deliveries")


def downgrade() -> None:
    op.create_index("ix_webhook_deliveries_ended_at", "webhook_deliveries", ["ended_at"])
    op.drop_index("ix_webhook_deliveries_created_at", "webhook_deliveries")
    before = import_module("migrations.versions.0022_domain_transfers")
    owners, log = before.OWNERS + before.TRANSFERRED, before.TRANSFERS + before.LOG
    function = before.FORGET.replace(before.OWNERS, owners).replace(before.LOG, log)
    _make(function.format(schema="SCHEMA").replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
    for name in (
        "vrs_contact_of(uuid)",
        "vrs_holds(bytea, text[])",
        "vrs_lines_without_contact(bytea, text[])",
        "vrs_without_contact(bytea, text[])",
        "vrs_without(jsonb, text[])",
    ):
        op.execute(f"DROP FUNCTION {name}")


def _make(function: str) -> None:
    schema = op.get_bind().scalar(sa.text("SELECT quote_ident(current_schema())"))
    op.get_bind().exec_driver_sql(function.replace("SCHEMA", schema))
