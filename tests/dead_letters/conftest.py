"""Dead letters made by real failures, and the desk in front of them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiormq
import pytest

from contracts import CloudEvent, ProjectOrdered
from shared.database import Database
from shared.dead_letters.audit import Operator
from shared.dead_letters.queues import holding
from shared.dead_letters.view import DeadLetter, View, look
from shared.errors import PermanentError
from shared.outcome import Outcome
from shared.step import Step
from tests.shared.messaging.harness import DEAD, Harness, configure, order, until

ALICE = Operator(name="alice", reason="INWX is back")


async def refuse(event: ProjectOrdered, step: Step) -> Outcome:
    """A handler whose vendor refuses for good."""
    raise PermanentError(f"INWX 2303: the zone of {event.fqdn} is not in the account", code="inwx_2303")


@dataclass
class Desk:
    """A harness whose service fails when told to, and what an operator sees."""

    harness: Harness
    done: list[str] = field(default_factory=list)

    @property
    def database(self) -> Database:
        return self.harness.database

    @property
    def amqp_url(self) -> str:
        return self.harness.amqp_url

    async def bury(self, count: int = 1) -> list[CloudEvent[ProjectOrdered]]:
        """Have so many orders really die, one after the other; return them."""
        self.harness.handle = refuse
        orders = [order() for _ in range(count)]
        async with self.harness.running():
            for event in orders:
                await self.harness.publish(event)
            await until(lambda: self.harness.has(DEAD, count), within=30)
        self.harness.handle = configure
        return orders

    async def look(self) -> View:
        return await look(self.database, self.amqp_url)

    async def dead(self) -> list[DeadLetter]:
        return (await self.look()).letters

    async def queue(self) -> list[Any]:
        """The ids in the queue of dead letters, in its order.

        Waits until no desk holds any: the queue counts a closed desk's letters again only a moment after it is closed.
        """
        async with holding(self.amqp_url) as held:
            return [letter.event_id for letter in held.letters]

    async def sql(self, statement: str, **parameters: Any) -> list[Any]:
        return await self.harness.sql(statement, **parameters)


@pytest.fixture
async def desk(database: Database, amqp_url: str) -> AsyncIterator[Desk]:
    connection = await aiormq.connect(amqp_url)
    yield Desk(Harness(database, amqp_url, await connection.channel()))
    await connection.close()
