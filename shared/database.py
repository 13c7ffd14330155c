"""The way to PostgreSQL: one pool a process, used with and without transactions, and a direct address for LISTEN."""

import asyncio
import json
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import asyncpg
import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from shared.settings import Settings, SettingsError

CONNECT_TIMEOUT = 5.0
COMMAND_TIMEOUT = 60.0
"""Seconds. A statement that takes longer runs into a dead network or a lock that nobody gives back."""

LONGEST_PAUSE = 5.0

PLAN_LIFETIME = 30
"""Seconds. PostgreSQL keeps a plan that is used often, for tables as large as they were then; new ones grow quickly."""

_REFUSED = {"28000", "28P01", "3D000"}  # SQLSTATE: no such user, wrong password, no such database

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Kept:
    """At most so many connections wait for their next use outside the pool."""

    most: int = 0
    idle: list[Any] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Database:
    """Faces of one pool.

    `engine` is transactional. A statement on `autocommit` is a transaction of its own and saves two round trips;
    use both as ``async with ….begin()``: behind a pooler in transaction mode, where a statement without a
    transaction may change servers halfway, `autocommit` is the transactional engine.
    `plain` does nothing by itself around a statement: `shared.transaction.begin` says BEGIN and COMMIT on it.
    `listen_url` goes past a pooler, for ``asyncpg.connect`` and LISTEN. `kept`: see `shared.transaction.keep`.
    """

    engine: AsyncEngine
    autocommit: AsyncEngine
    plain: AsyncEngine
    listen_url: str
    pool_size: int
    kept: Kept = field(default_factory=Kept)


def open_database(
    settings: Settings, *, application_name: str, command_timeout: float | None = COMMAND_TIMEOUT
) -> Database:
    """Open the pool of `settings`; connects with the first use. Dispose of `engine` at the end.

    asyncpg reads the URL: hosts, sockets (``?host=/run/postgresql``) and ``sslmode`` are as in libpq. The pool
    holds at most ``database_pool_size`` connections.
    """
    url = asyncpg_url(settings.database_url.get_secret_value())
    direct = settings.database_direct_url
    arguments: dict[str, Any] = {
        "dsn": url,
        "timeout": CONNECT_TIMEOUT,
        "command_timeout": command_timeout,
        "max_cached_statement_lifetime": PLAN_LIFETIME,
        "server_settings": {"application_name": application_name},
    }
    if not settings.database_prepared_statements:
        arguments |= {
            "statement_cache_size": 0,
            "prepared_statement_cache_size": 0,
            "prepared_statement_name_func": lambda: "",  # a named one would outlive the pooler's transaction
        }
    engine = create_async_engine(
        "postgresql+asyncpg://",
        connect_args=arguments,
        pool_size=settings.database_pool_size,
        max_overflow=0,
        json_serializer=partial(json.dumps, ensure_ascii=False),  # a database in SQL_ASCII refuses \u escapes
    )
    plain = engine.execution_options(isolation_level="AUTOCOMMIT")
    return Database(
        engine=engine,
        autocommit=plain if settings.database_prepared_statements else engine,
        plain=plain,
        listen_url=asyncpg_url(direct.get_secret_value()) if direct else url,
        pool_size=settings.database_pool_size,
    )


def asyncpg_url(url: str) -> str:
    """Turn a SQLAlchemy URL into one that asyncpg reads; any other stays as it is."""
    return url.replace("postgresql+asyncpg://", "postgresql://", 1)


async def wait_until_up(database: Database) -> None:
    """Return once the database answers. Until then try again after 0.2 to 5 seconds, and say so in the log.

    Raises:
        SettingsError: the server is there and refuses the user, the password or the database's name.

    """
    pause = 0.2
    while True:
        try:
            async with database.engine.connect() as connection:
                await connection.execute(text("SELECT 1"))
                return
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) in _REFUSED:
                raise SettingsError(f"VRS_DATABASE_URL: PostgreSQL says: {error.orig}") from error
            problem = str(error.orig)
        except (OSError, asyncpg.InterfaceError) as error:
            problem = str(error) or type(error).__name__
        log.warning("waiting for the database", problem=problem, seconds=pause)
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)
