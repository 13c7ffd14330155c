"""One service, put together and running."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

import structlog

from shared.database import Database, wait_until_up
from shared.messaging.act import Actor
from shared.messaging.background import BackgroundWork
from shared.messaging.broker import CONNECTION_ERRORS, ServiceBroker
from shared.messaging.commit import Committer
from shared.messaging.intake import Intake
from shared.messaging.say import Speaker
from shared.messaging.schedule import Scheduler
from shared.messaging.trouble import DATABASE_ERRORS
from shared.messaging.waiting_room import release
from shared.service import Service
from shared.transaction import begin, give_back, keep

log = structlog.get_logger(__name__)

GRACE = 3.0
"""Seconds that running tries are given at the end; then they are broken off as by a crash, to be tried again."""

FLUSH = 5.0
CLOSE_TIMEOUT = 3.0
"""Seconds each. With the broker or the database gone silent a stop still ends within 30 s."""


class Runtime:
    """The kernel of a running service; what `shared.service.Kernel` offers is its `scheduler`."""

    def __init__(
        self, service: Service, database: Database, amqp_url: str, *, lease: float, outbox_old_after: float
    ) -> None:
        self.service = service
        self.database = database
        self.broker = ServiceBroker(amqp_url, service)
        self.broker.consumes = lambda: not self.not_ready
        self.speaker = Speaker(service.name, database, self.broker, outbox_old_after)
        self.committer = Committer(service, database, self.speaker, lease)
        self.actor = Actor(service, self.committer)
        self.scheduler = Scheduler(self.actor, self.speaker, database)
        self.actor.look_again = self.scheduler.look_at
        self.intakes = [Intake(lane, self.actor, database, self.broker, self.speaker) for lane in self.actor.lanes]
        self.background = [BackgroundWork(name, work, self.scheduler) for name, work in service.background.items()]
        self._database_answers = False
        self._loops: dict[str, asyncio.Task[None]] = {}
        self.broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def not_ready(self) -> list[str]:
        """Why the service can't do its work now; empty when it can."""
        reasons = [] if self._loops else ["it starts, or ends"]
        if not self._database_answers:
            reasons.append("PostgreSQL: not connected")
        if not self.broker.connected:
            reasons.append(": ".join(filter(None, ("RabbitMQ: not connected", self.broker.trouble))))
        if self.broker.blocked:
            reasons.append("RabbitMQ takes nothing from publishers: its memory or disk alarm is on")
        reasons += [
            ": ".join(filter(None, (f"{intake.lane.queue} is not subscribed", intake.refused)))
            for intake in self.intakes
            if not intake.subscribed
        ]
        away = self.scheduler.database_is_away if self._loops else None
        troubles = [trouble() for trouble in self.service.readiness]
        reasons += [reason for reason in (away, self.speaker.unsaid, *troubles) if reason]
        return reasons + [f"{name} has stopped" for name, task in self._loops.items() if task.done()]

    async def start(self) -> None:
        """Connect to both, waiting for what is not there, and begin.

        Raises:
            SettingsError: PostgreSQL refuses the user, the password or the database's name.

        """
        keep(self.database)
        connecting = asyncio.create_task(self.broker.start())
        try:
            await wait_until_up(self.database)
            self._database_answers = True
            await connecting
        finally:
            connecting.cancel()
            await asyncio.gather(connecting, return_exceptions=True)
        self._run("commit", self.committer.run)
        self._run("say", self.speaker.run)
        self._run("schedule", self.scheduler.run)
        self._run("leases", self.scheduler.renew_leases)
        self._run("listen", self.scheduler.listen)
        for intake in self.intakes:
            self._run(intake.lane.queue, intake.run)
        for work in self.background:
            self._run(f"background {work.name}", work.run)

    async def stop(self) -> None:
        """Stop taking, let running tries end, say what is committed; give back what is left."""
        await self._cancel(["schedule", *(intake.lane.queue for intake in self.intakes)])
        left = await self.actor.drain(GRACE)
        try:
            async with asyncio.timeout(FLUSH):
                while not (self.committer.idle and self.speaker.idle) and not self.broken.done():
                    self.speaker.remove_confirmed()
                    await asyncio.sleep(0.01)
        except TimeoutError:
            log.warning("stopped before everything was said; the outbox keeps it")
        await self._cancel(list(self._loops))
        if left:
            try:
                async with asyncio.timeout(CLOSE_TIMEOUT), begin(self.database) as transaction:
                    await release(transaction, [step.fence for step in left])
            except DATABASE_ERRORS:
                log.warning("leases end by themselves", steps=len(left))
        with suppress(*CONNECTION_ERRORS):
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self.broker.stop()
        with suppress(*DATABASE_ERRORS):
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await give_back(self.database)

    def _run(self, name: str, loop: Callable[[], Coroutine[Any, Any, None]]) -> None:
        task = asyncio.create_task(loop(), name=name)
        task.add_done_callback(self._ended)
        self._loops[name] = task

    def _ended(self, task: asyncio.Task[None]) -> None:
        """None of the loops ends by itself: a kernel that has lost one must stop rather than limp."""
        if self._loops.get(task.get_name()) is not task or self.broken.done():
            return
        error = None if task.cancelled() else task.exception()
        log.error("the kernel is broken", loop=task.get_name(), exc_info=error)
        self.broken.set_exception(error or RuntimeError(f"{task.get_name()} has ended"))

    async def _cancel(self, names: list[str]) -> None:
        tasks = [self._loops.pop(name) for name in names if name in self._loops]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def running(
    service: Service, database: Database, *, amqp_url: str, lease: float = 120.0, outbox_old_after: float = 30.0
) -> AsyncIterator[Runtime]:
    """Run `service` inside the block; on leaving it drains."""
    runtime = Runtime(service, database, amqp_url, lease=lease, outbox_old_after=outbox_old_after)
    try:
        await runtime.start()
        yield runtime
    finally:
        await runtime.stop()
