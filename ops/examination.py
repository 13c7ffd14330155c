"""What ``vrs doctor`` looks at."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import entry_points
from typing import Any

import aiormq
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ops.schema import newest_revision, revision_of
from shared.database import open_database
from shared.errors import PermanentError, TemporaryError
from shared.redact import redact
from shared.service import Build
from shared.settings import Settings, SettingsError, load

CHECK_SECONDS = 20.0
BUILDS = {entry.name: entry for entry in entry_points(group="vrs.services")}
SERVICES = sorted(BUILDS)

_UNSAID = text("""
    SELECT owner, routing_key, count(*) AS many, min(created_at) AS since FROM outbox
    WHERE created_at < clock_timestamp() - make_interval(secs => :old_after) GROUP BY 1, 2 ORDER BY since
""")


@dataclass(frozen=True, slots=True)
class Finding:
    """`found` is a fact if it is ok, else what is wrong and what to do."""

    what: str
    ok: bool
    found: str

    def as_json(self) -> dict[str, Any]:
        """Everything."""
        return asdict(self)


async def examine(services: Sequence[str]) -> list[Finding]:
    """Examine the settings, the database, the broker, and what `services` need outside. Raises nothing."""
    findings = []
    try:
        settings = load(Settings)
    except SettingsError as error:
        findings.append(Finding("settings", ok=False, found=str(error)))
    else:
        findings.append(await _finding("database", lambda: _database(settings)))
        findings.append(await _finding("broker", lambda: _broker(settings)))
        if findings[0].ok:
            findings.append(await _finding("outbox", lambda: _outbox(settings)))
    for name in services:
        findings.extend([finding async for finding in _service(name)])
    return findings


async def _service(name: str) -> AsyncIterator[Finding]:
    build: Build = BUILDS[name].load()
    try:
        async with build() as service:
            yield Finding(f"{name}: settings", ok=True, found="complete")
            for check in service.checks:
                yield await _finding(f"{name}: {check.what}", check.run)
    except SettingsError as error:
        hint = f"if {name} does not run here, name those that do: vrs doctor SERVICE…"
        yield Finding(f"{name}: settings", ok=False, found=f"{error}; {hint}")


async def _finding(what: str, look: Callable[[], Awaitable[str]]) -> Finding:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return Finding(what, ok=True, found=await look())
    except (TemporaryError, PermanentError) as error:
        problem = str(error)
    except TimeoutError:
        problem = f"no answer within {CHECK_SECONDS:.0f} s"
    except Exception as error:  # noqa: BLE001 - whatever goes wrong here is a finding
        problem = f"{type(error).__name__}: {error}"
    return Finding(what, ok=False, found=str(redact(problem)))


async def _database(settings: Settings) -> str:
    database = open_database(settings, application_name="vrs doctor")
    try:
        revision = await revision_of(database.engine)
    except (OSError, DBAPIError) as error:
        problem = getattr(error, "orig", error)
        raise PermanentError(f"VRS_DATABASE_URL: {problem}; is PostgreSQL running?", code="database") from error
    finally:
        await database.engine.dispose()
    if revision != newest_revision():
        raise PermanentError(
            f"the schema is at {revision or 'nothing'}, {newest_revision()} is needed: run `vrs db upgrade`",
            code="schema",
        )
    return f"reachable, schema at {revision}"


async def _outbox(settings: Settings) -> str:
    """What was committed to be said and RabbitMQ has not taken."""
    database = open_database(settings, application_name="vrs doctor")
    try:
        async with database.engine.connect() as connection:
            rows = (await connection.execute(_UNSAID, {"old_after": settings.outbox_alarm_seconds})).all()
    finally:
        await database.engine.dispose()
    if not rows:
        return f"nothing older than {settings.outbox_alarm_seconds:.0f} s"
    unsaid = "; ".join(
        f"{row.owner}: {row.many} {row.routing_key}, the oldest since {row.since:%Y-%m-%d %H:%M:%S}" for row in rows
    )
    raise PermanentError(
        f"not said yet: {unsaid}. Does the owner run (`vrs run {rows[0].owner}`)? Is a queue missing "
        "(`vrs doctor --queues`, `vrs topology declare`) or full? Has RabbitMQ an alarm "
        "(`rabbitmq-diagnostics alarms`)? When that is mended, they are said by themselves within a minute or two",
        code="outbox",
    )


async def _broker(settings: Settings) -> str:
    try:
        connection = await aiormq.connect(settings.amqp_url.get_secret_value())
    except (OSError, aiormq.exceptions.AMQPError) as error:
        raise PermanentError(f"VRS_AMQP_URL: {error}; is RabbitMQ running?", code="broker") from error
    try:
        return "reachable, RabbitMQ " + str(connection.server_properties.get("version", "?"))
    finally:
        await connection.close()
