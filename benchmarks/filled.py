"""``python -m benchmarks.filled URL PROJECTS ROWS``: a database with so many projects and rows of log, migrated."""

import asyncio
import sys

from pydantic import SecretStr
from sqlalchemy import text

from ops.schema import upgrade
from shared.database import Database, open_database
from shared.settings import Settings

PROJECTS = """
    INSERT INTO projects (vrs_id, name, slug, provisioning_state)
    SELECT CAST(lpad(to_hex(1767225600000 + n * 1000), 12, '0') || '70008' || lpad(to_hex(n), 15, '0') AS uuid),
           'Project ' || n, 'shop-' || md5(CAST(n AS text)),
           CAST(CASE WHEN n % 1000 = 0 THEN 'failed' ELSE 'live' END AS provisioning_state)
    FROM generate_series(1, :projects) n
"""
ORDERS = """
    INSERT INTO project_orders (project_id, correlation_id, slug, fqdn, base_domain, project_type, plan, plugins,
                                locale, customer_name, customer_email, ordered_at)
    SELECT vrs_id, vrs_id, slug, slug || '.vrs.example', 'vrs.example', 'vrs-core', 'starter', '[]', 'de', 'x',
           'x@x.example', now() FROM projects
"""
DOMAINS = """
    INSERT INTO added_domains (project_id, domain, said_at, is_wanted, makes_primary, is_new, revision, since,
                               reminders, findings)
    SELECT vrs_id, 'kunde-' || md5(slug) || '.example', now(), true, false, false, 1, 1, 0, '[]'
    FROM projects WHERE left(md5(slug), 1) IN ('0', '1', '2')
"""
LOG = """
    INSERT INTO provisioning_log (project_id, service, consumer, step, status, attempt, event_id, message, detail,
                                  started_at, duration_ms)
    SELECT vrs_id, 'dns', 'dns.project-ordered', 'project-ordered',
           CAST('waiting' AS log_status), 1, gen_random_uuid(),
           'it is not visible yet at every name server', '{"server": "tenants-1"}', now(), 12
    FROM projects ORDER BY random()
"""
STEPS = """
    INSERT INTO open_steps (consumer, event_id, project_id, body, state, attempt, token, due_at)
    SELECT 'dns.project-ordered', gen_random_uuid(), vrs_id, '', 'dead', 1, 1, now()
    FROM projects WHERE provisioning_state = 'failed'
"""


async def fill(database: Database, projects: int, rows: int) -> None:
    """Migrate it and fill it."""
    await upgrade(database.engine)
    async with database.engine.begin() as connection:
        await connection.execute(text(PROJECTS), {"projects": projects})
        await connection.execute(text(ORDERS))
        await connection.execute(text(DOMAINS))
        await connection.execute(text(STEPS))
    for _ in range(max(1, rows // projects)):
        async with database.engine.begin() as connection:
            await connection.execute(text(LOG))
    async with database.autocommit.connect() as connection:
        await connection.execute(text("VACUUM ANALYZE"))


def main() -> None:
    """Fill the database that is named on the command line."""
    url, projects, rows = sys.argv[1:]
    settings = Settings(amqp_url=SecretStr("amqp://nobody"), database_url=SecretStr(url))
    database = open_database(settings, application_name="vrs benchmark", command_timeout=None)
    asyncio.run(fill(database, int(projects), int(rows)))


if __name__ == "__main__":
    main()
