"""The pool: with and without transactions, behind a pooler, and patient at the start."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import asyncpg
import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.database import Database, open_database, wait_until_up
from shared.messaging.trouble import reason_of
from shared.settings import Settings, SettingsError


@asynccontextmanager
async def opened(url: str, **settings: Any) -> AsyncIterator[Database]:
    whole = Settings(amqp_url=SecretStr("amqp://unused"), database_url=SecretStr(url), **settings)
    database = open_database(whole, application_name="vrs tests")
    yield database
    await database.engine.dispose()


async def test_a_sqlalchemy_url_and_a_libpq_url_lead_to_the_same_database(database_url: str) -> None:
    async with opened(database_url.replace("postgresql://", "postgresql+asyncpg://")) as database:
        async with database.engine.connect() as connection:
            name, application = (
                await connection.execute(text("SELECT current_database(), current_setting('application_name')"))
            ).one()
        listening = await asyncpg.connect(database.listen_url)
        assert await listening.fetchval("SELECT current_database()") == name
        assert application == "vrs tests"
        await listening.close()


async def test_a_statement_on_autocommit_is_a_transaction_of_its_own(database: Database) -> None:
    async with database.autocommit.begin() as connection:
        await connection.execute(text("INSERT INTO base_domains (name) VALUES ('vrs.example')"))
        async with database.engine.connect() as other:
            assert await other.scalar(text("SELECT count(*) FROM base_domains")) == 1


async def test_without_prepared_statements_none_is_left_on_a_connection(database_url: str) -> None:
    async with opened(database_url, database_prepared_statements=False, database_pool_size=2) as database:
        for engine in (database.engine, database.autocommit):
            async with engine.begin() as connection:
                await connection.execute(text("SELECT name FROM base_domains WHERE name = :name"), {"name": "x"})
                assert (await connection.execute(text("SELECT name FROM pg_prepared_statements"))).all() == []


async def test_behind_a_pooler_autocommit_uses_transactions_and_commits(database_url: str) -> None:
    async with opened(database_url, database_prepared_statements=False) as database:
        async with database.autocommit.begin() as connection:
            await connection.execute(text("INSERT INTO base_domains (name) VALUES ('vrs.example')"))
        async with database.engine.connect() as connection:
            assert await connection.scalar(text("SELECT count(*) FROM base_domains")) == 1


async def test_listen_goes_past_the_pooler(database_url: str) -> None:
    direct = SecretStr("postgresql+asyncpg://direct.example/vrs")
    async with opened(database_url, database_direct_url=direct) as database:
        assert database.listen_url == "postgresql://direct.example/vrs"


@pytest.mark.parametrize(
    ("statement", "command"),
    [
        ("DO $$ BEGIN SET LOCAL ROLE pg_monitor; PERFORM * FROM projects; END $$", "`vrs db grants`"),
        ("SELECT * FROM of_the_next_version", "`vrs db upgrade`"),
        ("SELECT of_the_next_version FROM projects", "`vrs db upgrade`"),
    ],
)
async def test_what_an_upgrade_has_left_out_is_said_with_the_command_that_makes_up_for_it(
    database: Database, statement: str, command: str
) -> None:
    async with database.engine.connect() as connection:
        with pytest.raises(DBAPIError) as refused:
            await connection.execute(text(statement))
    assert command in reason_of(refused.value)


async def test_a_database_that_comes_later_is_waited_for(database_url: str, unused_tcp_port: int) -> None:
    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, questions = await connect(database_url)
        await asyncio.gather(pump(reader, questions), pump(answers, writer))

    late = urlsplit(database_url)._replace(netloc=f"{credentials(database_url)}@127.0.0.1:{unused_tcp_port}", query="")
    async with opened(late.geturl()) as database:
        waiting = asyncio.create_task(wait_until_up(database))
        done, _ = await asyncio.wait([waiting], timeout=0.5)
        assert not done
        async with await asyncio.start_server(forward, "127.0.0.1", unused_tcp_port):
            await asyncio.wait_for(waiting, 10)
            await database.engine.dispose()


async def connect(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(url)
    folder = dict(parse_qsl(parts.query)).get("host")
    if folder:
        return await asyncio.open_unix_connection(f"{folder}/.s.PGSQL.5432")
    return await asyncio.open_connection(parts.hostname, parts.port or 5432)


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()


def credentials(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[0]


async def test_a_database_that_does_not_know_us_is_a_wrong_setting(database_url: str) -> None:
    async with opened(database_url.replace(credentials(database_url), "nobody:wrong")) as database:
        with pytest.raises(SettingsError, match=r'^VRS_DATABASE_URL: PostgreSQL says: .*"nobody"'):
            await wait_until_up(database)
