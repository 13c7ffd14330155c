"""The database for one command: reached once, or a sentence that says what is missing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from migrations.adoption.plan import CannotAdoptError
from migrations.adoption.quiet import BusyError
from ops.failure import CommandError
from shared.database import Database, open_database
from shared.settings import Settings, load

UNDEFINED_TABLE = "42P01"


class DeskSettings(Settings):
    """The desk writes to the database; only ``vrs doctor`` asks the broker itself."""

    amqp_url: SecretStr = SecretStr("amqp://nobody.invalid")


@asynccontextmanager
async def connected() -> AsyncIterator[Database]:
    """Give the database of ``VRS_DATABASE_URL``.

    Raises:
        SettingsError: it is not set.
        CommandError: it does not answer, or has no schema yet.

    """
    async with _reached(open_database(load(DeskSettings), application_name="vrs desk")) as database:
        yield database


@asynccontextmanager
async def migrating() -> AsyncIterator[Database]:
    """Give the database past a pooler (``VRS_DATABASE_DIRECT_URL``), with statements that may take as long as they do.

    Raises:
        SettingsError: the database is not set.
        CommandError: it does not answer, cannot be adopted, or is held by somebody for minutes.

    """
    settings = load(DeskSettings)
    direct = settings.model_copy(update={"database_url": settings.database_direct_url or settings.database_url})
    try:
        async with _reached(open_database(direct, application_name="vrs db", command_timeout=None)) as database:
            yield database
    except CannotAdoptError as error:
        raise CommandError(f"{error}\nThis database cannot be adopted so. Nothing was changed.") from error
    except BusyError as error:
        raise CommandError(str(error)) from error


@asynccontextmanager
async def _reached(database: Database) -> AsyncIterator[Database]:
    try:
        async with database.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
        yield database
    except BrokenPipeError:  # whoever read our output has gone
        raise
    except OSError as error:
        raise CommandError(f"The database of VRS_DATABASE_URL does not answer: {error}") from error
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == UNDEFINED_TABLE:
            raise CommandError("The database has no schema, or an old one: run `vrs db upgrade`") from error
        raise CommandError(f"The database refuses: {error.orig}") from error
    finally:
        await database.engine.dispose()
