"""Carries out a plan's disturbances, each in its time, and writes down when each really began and ended."""

import asyncio
import signal
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any

from contracts import ServiceName
from shared.messaging.broker import CONNECTION_ERRORS
from shared.messaging.trouble import DATABASE_ERRORS
from tests.chaos.bus import CONSUMERS, Bus
from tests.chaos.faults import Vendor
from tests.chaos.plan import Disturbance, Kind
from tests.chaos.processes import end, send
from tests.chaos.stage import Stage
from tests.chaos.wires import Cut

MOST_COPIES = 30
MOST_SHUFFLED = 20
CUT = {
    Kind.CUT_REFUSED: Cut.REFUSED,
    Kind.CUT_RESET: Cut.RESET,
    Kind.CUT_SILENT: Cut.SILENT,
    Kind.CUT_ANSWERS: Cut.ANSWERS,
    Kind.CUT_SLOW: Cut.SLOW,
}
DATABASE_SIGNALS = {
    Kind.DATABASE_RESTART: signal.SIGINT,
    Kind.DATABASE_STOP: signal.SIGQUIT,
    Kind.DATABASE_KILL: signal.SIGKILL,
}


@dataclass(frozen=True, slots=True)
class Interruption:
    """A disturbance as it happened, UTC. `target` as in the plan."""

    kind: Kind
    target: str
    began: datetime
    ended: datetime
    what: str = ""


@dataclass
class Disturber:
    """Runs disturbances side by side, but one at a time for each target. `current` is what is going on."""

    stage: Stage
    bus: Bus
    happened: list[Interruption] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    current: list[Disturbance] = field(default_factory=list)
    _locks: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    async def run(self, disturbance: Disturbance) -> None:
        """Disturb, for as long as is planned; heal. What cannot be done because another one is in the way is noted."""
        async with self._locks[_exclusive(disturbance)]:
            self.current.append(disturbance)
            began = datetime.now(UTC)
            try:
                await self._do(disturbance)
            except (*CONNECTION_ERRORS, RuntimeError) as error:  # the broker was away when copies were to be said
                self.failed.append(f"{disturbance}: {error!r}")
            finally:
                self.current.remove(disturbance)
                self.happened.append(
                    Interruption(disturbance.kind, disturbance.target, began, datetime.now(UTC), str(disturbance))
                )

    async def _do(self, it: Disturbance) -> None:
        match it.kind:
            case Kind.KILL | Kind.STOP:
                await self._restart(ServiceName(it.target), it)
            case Kind.FREEZE | Kind.LONG_FREEZE:
                process = self.stage.processes[ServiceName(it.target)]
                send(process, signal.SIGSTOP)
                await asyncio.sleep(it.seconds)
                send(process, signal.SIGCONT)
            case Kind.TWIN:
                await self._twin(ServiceName(it.target), it.seconds)
            case kind if kind in CUT:
                await self.stage.wires[it.target].cut(CUT[it.kind])
                await asyncio.sleep(it.seconds)
                await self.stage.wires[it.target].cut(Cut.NONE)
            case Kind.VENDOR:
                await self._trouble(it)
            case Kind.NO_ROOM:
                await self._fill_servers(it.seconds)
            case _:
                await self._below(it)

    async def _below(self, it: Disturbance) -> None:
        """The broker, the database, and what lies in queues."""
        stage, random = self.stage, Random(it.seed)
        match it.kind:
            case Kind.BROKER_RESTART | Kind.BROKER_KILL:
                await stage.restart_broker(gracefully=it.kind is Kind.BROKER_RESTART, pause=it.seconds / 4)
            case kind if kind in DATABASE_SIGNALS:
                await stage.restart_database(DATABASE_SIGNALS[it.kind], pause=it.seconds / 4)
            case Kind.COPIES | Kind.OLD_COPIES:
                await self.bus.copy(random, count=random.randint(1, MOST_COPIES), old=it.kind is Kind.OLD_COPIES)
            case Kind.SHUFFLED:
                queue = random.choice(sorted(CONSUMERS))
                await self.bus.shuffle(random, queue=queue, most=MOST_SHUFFLED, seconds=min(it.seconds, 3))
            case Kind.REPLAY:
                await self.bus.replay()

    async def _restart(self, service: ServiceName, it: Disturbance) -> None:
        async with self._resting(service):
            number = signal.SIGKILL if it.kind is Kind.KILL else signal.SIGTERM
            await end(self.stage.processes[service], number)
            await asyncio.sleep(it.seconds / 2)
            self.stage.processes[service] = await asyncio.to_thread(self.stage.start, service)

    async def _twin(self, service: ServiceName, seconds: float) -> None:
        """As when a platform takes a frozen instance for dead, replaces it, and it was not."""
        twin = await asyncio.to_thread(self.stage.start, service)
        self.stage.twins.append(twin)
        process = self.stage.processes[service]
        send(process, signal.SIGSTOP)
        await asyncio.sleep(seconds)
        send(process, signal.SIGCONT)
        await asyncio.sleep(seconds / 4)
        await end(twin, signal.SIGTERM)
        self.stage.twins.remove(twin)

    async def _trouble(self, it: Disturbance) -> None:
        assert it.fault is not None
        vendor = Vendor(it.target)
        await self.stage.control(vendor, it.fault.body)
        await asyncio.sleep(it.seconds)
        if server := it.fault.body.get("server"):
            await self.stage.control(vendor, {"server": {**server, "reachable": True}})
        await self.stage.mend(vendor)

    async def _fill_servers(self, seconds: float) -> None:
        """Leave hardly a place, then give back what was taken."""
        places = {row.id: row.capacity for row in await self._insist("SELECT id, capacity FROM servers")}
        await self._insist("UPDATE servers SET capacity = greatest(used, 1)")
        await asyncio.sleep(seconds)
        for server, capacity in places.items():
            await self._insist("UPDATE servers SET capacity = :capacity WHERE id = :id", capacity=capacity, id=server)

    async def _insist(self, statement: str, **parameters: Any) -> list[Any]:
        """Run a statement that repeats well, until the database is there for it."""
        while True:
            try:
                return await self.stage.sql(statement, **parameters)
            except DATABASE_ERRORS:
                await asyncio.sleep(0.2)

    @asynccontextmanager
    async def _resting(self, service: ServiceName) -> AsyncIterator[None]:
        self.stage.resting.add(service)
        try:
            yield
        finally:
            self.stage.resting.discard(service)


def _exclusive(disturbance: Disturbance) -> str:
    """What cannot be disturbed in two ways at once: a service's process, a wire, a vendor, the servers' places."""
    if disturbance.target == "bus":
        return disturbance.kind if disturbance.kind in (Kind.NO_ROOM, Kind.REPLAY) else str(disturbance.seed)
    return disturbance.target
