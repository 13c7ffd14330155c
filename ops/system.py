"""The whole system on one machine: stack, simulators, and every service in a process of its own."""

import asyncio
import os
import shlex
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from pydantic import SecretStr

from ops.failure import CommandError
from ops.market import LocalMarket
from ops.places import SEED
from ops.schema import upgrade
from ops.seed import read_seed
from ops.seeding import write_seed
from ops.services import ServiceProcess, preload, start_services, stop_services
from ops.stack import Stack, local_stack
from ops.vendors import Latencies, Simulators, running_simulators
from shared.database import Database, open_database, wait_until_up
from shared.settings import Settings

READY_SECONDS = 60.0
DEFAULTS = {
    "VRS_MAIL_FROM": "VRS <noreply@vrs.example>",
    "VRS_CASE_WORKERS": "case-work@vrs.example",
}
"""What a service needs and nobody has set."""

HASTE = {"VRS_CUSTOMER_LOOK_AFTER": "1"}
"""With simulated name servers, which nobody minds being asked often."""


@dataclass(frozen=True, slots=True)
class System:
    """Everything that runs."""

    stack: Stack
    database: Database
    simulators: Simulators
    market: LocalMarket
    services: list[ServiceProcess]
    logs: Path

    def check(self) -> None:
        """Raise CommandError if a service has ended."""
        for service in self.services:
            service.check()

    async def wait(self) -> None:
        """Return when each service says that it is ready.

        Raises:
            CommandError: one has ended, or is not ready in time.

        """
        await self.stack.wait()
        deadline = time.monotonic() + READY_SECONDS
        async with httpx.AsyncClient() as http:
            for service in self.services:
                while (problem := await service.problem(http)) is not None:
                    self.check()
                    if time.monotonic() > deadline:
                        raise CommandError(f"{service.name} is not ready: {problem}; see {service.log}")
                    await asyncio.sleep(0.1)

    def urls(self) -> list[str]:
        """What a person can open or use from another terminal, a line each."""
        settings = {name: value for name, value in DEFAULTS.items() if name not in os.environ}
        settings |= {"VRS_AMQP_URL": self.stack.amqp_url, "VRS_DATABASE_URL": self.stack.database_url}
        settings |= self.simulators.settings  # of simulators alone: nobody's credentials
        lines = [f"export {name}={shlex.quote(value)}" for name, value in settings.items()]
        if self.simulators.inwx is not None:
            lines.append(f"INWX        {self.simulators.inwx.url}  (simulated, demo/demo)")
        if self.simulators.brevo is not None:
            lines.append(f"Brevo       {self.simulators.brevo.control_url}/domains  (simulated)")
        if self.simulators.coolify is not None:
            lines.append(f"Coolify     {self.simulators.coolify.url}/_state  (simulated)")
        if self.simulators.core is not None:
            lines.append(f"vrs-core    {self.simulators.core.url}/_apps  (simulated)")
        if self.simulators.smtp is not None:
            lines.append(f"mail        {self.simulators.smtp.inbox_url}  (simulated)")
        lines += [
            f"marketplace {self.market.url}/api/v1/core  (plugins are published with {self.market.plugin_key})",
            *(f"export {name}='{key}'" for name, key in self.market.trusted().items() if name not in os.environ),
            f"export VRS_TRANSFER_KEY='{self.market.transfer_key.get_secret_value()}'",
        ]
        lines += [f"{service.name:<12}http://127.0.0.1:{service.port}/health/ready" for service in self.services]
        return lines


@asynccontextmanager
async def running_system(logs: Path, latencies: Latencies) -> AsyncIterator[System]:
    """Run everything as long as the block runs; `wait` tells when it is ready. Logs go to `logs`.

    Raises:
        CommandError: something could not be started.

    """
    preload()
    with local_stack(logs) as stack:
        async with running_simulators(latencies) as simulators:
            settings = {"VRS_AMQP_URL": stack.amqp_url, "VRS_DATABASE_URL": stack.database_url} | simulators.settings
            database = open_database(
                Settings(amqp_url=SecretStr(stack.amqp_url), database_url=SecretStr(stack.database_url)),
                application_name="vrs ops",
            )
            services: list[ServiceProcess] = []
            try:
                await wait_until_up(database)
                await upgrade(database.engine)
                if simulators.coolify is not None:
                    await write_seed(database.engine, read_seed(SEED))
                market = LocalMarket(logs)
                haste = HASTE if simulators.inwx is not None else {}
                environment = DEFAULTS | haste | market.settings() | dict(os.environ) | settings
                environment["VRS_TRANSFER_KEY"] = market.transfer_key.get_secret_value()  # the desk must have it, too
                await market.stock(database)
                services += await asyncio.to_thread(start_services, environment, logs, stack.guard)
                yield System(stack, database, simulators, market, services, logs)
            finally:
                await stop_services(services)
                await database.engine.dispose()
