"""How the operators' desk does with many dead letters: list, groups, replay, and a replay that is killed.

    python -m benchmarks.dead_letters                    10,000 letters
    python -m benchmarks.dead_letters --letters 600 --kills 3

The letters are made by real failures of a running service. Each command runs as people run it, in a process of its own;
its peak memory is the kernel's (``ru_maxrss``). With ``--kills`` the replay is killed (SIGKILL) so often, each
time after some more letters have taken effect, and begun anew; at the end each step has taken effect exactly once.
"""

import argparse
import asyncio
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import aiormq
import uvloop
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from contracts import (
    CloudEvent,
    Contact,
    DnsConfigured,
    DnsRecord,
    ProjectOrdered,
    RecordType,
    ServiceName,
    TargetServer,
)
from ops.schema import upgrade
from ops.stack import local_stack
from shared.database import Database, open_database
from shared.errors import PermanentError
from shared.messaging.publish import publish
from shared.messaging.runtime import running
from shared.messaging.topology import declare, queues_of
from shared.models import ProvisioningState
from shared.outbox import said
from shared.outcome import Done, Outcome
from shared.service import Consumer, Service
from shared.settings import Settings
from shared.step import Step

SECONDS_TO_READ, LETTERS_A_SECOND, MEGABYTES = 3.0, 500.0, 200.0
GROUP = 256
EVENTS = "deploy.dns-configured"
SERVER = TargetServer(id="srv1", name="tenants-1", region="fsn1", ipv4="203.0.113.10")


@dataclass(frozen=True, slots=True)
class Measured:
    """A command: wall seconds, seconds of CPU of its own, peak megabytes."""

    what: str
    seconds: float
    cpu: float
    megabytes: float


async def _refuse(event: ProjectOrdered, step: Step) -> Outcome:  # noqa: ARG001 - a handler's signature
    raise PermanentError(f"INWX 2303: the zone of {event.fqdn} is not in the account", code="inwx_2303")


async def _configure(event: ProjectOrdered, step: Step) -> Outcome:  # noqa: ARG001 - a handler's signature
    record = DnsRecord(name=event.fqdn, type=RecordType.A, content="203.0.113.10")
    configured = DnsConfigured(fqdn=event.fqdn, records=(record,), server=SERVER, placement_reason="the only one")
    return Done(message="configured", events=(configured,), state=ProvisioningState.DNS_CONFIGURED)


def service(*, fails: bool) -> Service:
    """dns, whose vendor refuses everything or nothing."""
    handler = _refuse if fails else _configure
    consumer = Consumer(
        event=ProjectOrdered, handler=handler, concurrency=256, introduces_project=True, needs_project=False
    )
    return Service(name=ServiceName.DNS, consumers=(consumer,), publishes=(DnsConfigured,))


def serve(amqp_url: str, database_url: str, *, fails: bool) -> None:
    """Run the service until SIGTERM, in a process of its own."""

    async def run() -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        database = opened(amqp_url, database_url)
        async with running(service(fails=fails), database, amqp_url=amqp_url):
            await stop.wait()
        await database.engine.dispose()

    os.environ["VRS_LOG_LEVEL"] = "CRITICAL"
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123 - for the life of the process
    uvloop.run(run())


@contextmanager
def serving(amqp_url: str, database_url: str, *, fails: bool) -> Iterator[None]:
    """Run the service beside us."""
    process = multiprocessing.get_context("spawn").Process(
        target=serve, args=(amqp_url, database_url), kwargs={"fails": fails}
    )
    process.start()
    try:
        yield
    finally:
        process.terminate()
        process.join()


def opened(amqp_url: str, database_url: str) -> Database:
    """The database."""
    settings = Settings(amqp_url=SecretStr(amqp_url), database_url=SecretStr(database_url))
    return open_database(settings, application_name="vrs benchmark")


async def bury(amqp_url: str, database_url: str, letters: int) -> None:
    """Have so many orders die."""
    async with await aiormq.connect(amqp_url) as connection:
        channel = await connection.channel(on_return_raises=False)
        await declare(channel, queues_of(service(fails=True)))
        with serving(amqp_url, database_url, fails=True):
            for start in range(0, letters, GROUP):
                group = [said(_order()) for _ in range(start, min(letters, start + GROUP))]
                await publish(channel, group)  # type: ignore[arg-type]  # aiormq's only channel class
            while await _count(connection, "dns.dead") < letters:  # noqa: ASYNC110 - another process's queue
                await asyncio.sleep(0.5)
        for queue in (EVENTS, "notify.provisioning-failed"):
            await (await connection.channel()).queue_purge(queue)


def _order() -> CloudEvent[ProjectOrdered]:
    customer = Contact(name="Erika Muster", email="erika@kunde-mit-domain.example")
    data = ProjectOrdered(slug=f"p-{uuid4().hex[:12]}", base_domain="vrs.example", plan="small", customer=customer)
    return CloudEvent.of(data, source="marketplace", project_id=uuid4())


async def _count(connection: aiormq.abc.AbstractConnection, queue: str) -> int:
    channel = await connection.channel()
    declared = await channel.queue_declare(queue, passive=True)
    await channel.close()
    return declared.message_count or 0


def command(environment: dict[str, str], *arguments: str) -> Measured:
    """Run ``vrs dlq …`` to its end."""
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "ops", "dlq", *arguments], env=environment, stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"vrs dlq {' '.join(arguments)} ended with {process.returncode}")
    return Measured(
        f"vrs dlq {' '.join(arguments)}",
        time.monotonic() - began,
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss / 1024,
    )


def killed(environment: dict[str, str], *, after: int) -> None:
    """Begin a replay and kill it in the middle: when so many events in all have been said."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ops", "dlq", "replay", "--all"], env=environment, stdout=subprocess.DEVNULL
    )
    said = asyncio.run(_wait_for(environment["VRS_AMQP_URL"], after, process))
    process.send_signal(signal.SIGKILL)
    process.wait()
    print(f"killed when {said} letters had taken effect")


async def _wait_for(amqp_url: str, events: int, process: subprocess.Popen[bytes]) -> int:
    async with await aiormq.connect(amqp_url) as connection:
        while (said := await _count(connection, EVENTS)) < events:
            if process.poll() is not None:
                raise RuntimeError(f"the replay ended by itself, after {said} letters")
            await asyncio.sleep(0.05)
    return said


async def effects(amqp_url: str, database_url: str) -> tuple[int, int, int, int]:
    """Completed steps, steps completed more than once, events said, letters left."""
    database = opened(amqp_url, database_url)
    async with database.engine.connect() as connection:
        completed = await connection.scalar(text("SELECT count(*) FROM provisioning_log WHERE status = 'completed'"))
        twice = await connection.scalar(
            text(
                "SELECT count(*) FROM (SELECT event_id FROM provisioning_log WHERE status = 'completed'"
                " GROUP BY event_id HAVING count(*) > 1) d"
            )
        )
    await database.engine.dispose()
    async with await aiormq.connect(amqp_url) as broker:
        return completed, twice, await _count(broker, EVENTS), await _count(broker, "dns.dead")


def main(letters: int, kills: int) -> bool:
    """Measure; return whether the targets are met."""
    with local_stack(Path(tempfile.mkdtemp(prefix="vrs-benchmark-"))) as stack:
        asyncio.run(stack.wait())
        urls = (stack.amqp_url, stack.database_url)
        asyncio.run(_migrate(*urls))
        print(f"burying {letters} letters …")
        asyncio.run(bury(*urls, letters))
        environment = os.environ | {"VRS_AMQP_URL": urls[0], "VRS_DATABASE_URL": urls[1]}
        measured = [command(environment, "list"), command(environment, "groups")]
        with serving(*urls, fails=False):
            for kill in range(kills):
                killed(environment, after=int((kill + random.random()) * letters / (kills + 1)) + 1)
            measured.append(command(environment, "replay", "--all", "--wait", "120"))
            completed, twice, events, left = asyncio.run(effects(*urls))
    return report(measured, letters, kills, completed, twice, events, left)


async def _migrate(amqp_url: str, database_url: str) -> None:
    database = opened(amqp_url, database_url)
    await upgrade(database.engine)
    await database.engine.dispose()


def report(
    measured: list[Measured], letters: int, kills: int, completed: int, twice: int, events: int, left: int
) -> bool:
    """Print what was measured; return whether it is as it should be."""
    table = Table("command", "seconds", "CPU seconds", "peak MB", title=f"{letters} dead letters")
    for each in measured:
        table.add_row(each.what, f"{each.seconds:.2f}", f"{each.cpu:.2f}", f"{each.megabytes:.0f}")
    Console().print(table)
    rate = letters / measured[-1].seconds
    print(f"replayed and followed to the end: {rate:.0f} a second" if not kills else f"killed {kills} times")
    print(f"completed {completed}, more than once {twice}, events said {events}, letters left {left}")
    fast = all(each.seconds < SECONDS_TO_READ for each in measured[:2]) and (kills > 0 or rate >= LETTERS_A_SECOND)
    small = all(each.megabytes < MEGABYTES for each in measured)
    return fast and small and (completed, twice, events, left) == (letters, 0, letters, 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--letters", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=0, help="kill the replay so often before the last one")
    arguments = parser.parse_args()
    sys.exit(0 if main(arguments.letters, arguments.kills) else 1)
