"""The connections that the kernel keeps between its groups."""

import asyncio
from contextlib import AsyncExitStack

from shared.database import Database
from shared.transaction import begin, each_alone, give_back, keep
from tests.shared.messaging.harness import until


async def test_two_connections_are_kept_and_given_back_at_the_end(database: Database) -> None:
    keep(database)
    async with begin(database) as first, begin(database) as second, begin(database) as third:
        assert len({first.driver, second.driver, third.driver}) == 3
    assert len(database.kept.idle) == 2
    async with each_alone(database) as again:
        assert again.driver in {first.driver, second.driver, third.driver}
    await give_back(database)
    assert database.kept.idle == []
    async with begin(database):
        pass
    assert database.kept.idle == []


async def test_whoever_waits_for_the_pool_is_served_before_a_connection_is_kept(database: Database) -> None:
    keep(database)
    async with AsyncExitStack() as others, AsyncExitStack() as groups:
        for _ in range(database.pool_size - 2):
            await others.enter_async_context(database.engine.connect())
        for _ in range(2):
            await groups.enter_async_context(begin(database))
        waiting = asyncio.create_task(one_more(database))
        done, _ = await asyncio.wait([waiting], timeout=0.1)
        assert not done
        await groups.aclose()
        await asyncio.wait_for(waiting, 5)
    await give_back(database)


async def one_more(database: Database) -> None:
    async with begin(database):
        pass


async def test_a_connection_that_the_server_has_closed_while_it_was_kept_is_replaced(database: Database) -> None:
    keep(database)
    async with begin(database) as transaction:
        pid = transaction.driver.get_server_pid()
    assert len(database.kept.idle) == 1
    async with database.engine.connect() as connection:
        await connection.exec_driver_sql(f"SELECT pg_terminate_backend({pid})")
    await until(database.kept.idle[0].driver.is_closed)
    async with begin(database) as transaction:
        assert await transaction.driver.fetchval("SELECT 1") == 1
    await give_back(database)


async def test_what_failed_is_not_kept(database: Database) -> None:
    keep(database)
    try:
        async with each_alone(database) as transaction:
            await transaction.driver.execute("SELECT 1 / 0")
    except Exception as error:  # noqa: BLE001 - the driver's
        assert "division by zero" in str(error)  # noqa: PT017 - what matters comes after it
    assert database.kept.idle == []
