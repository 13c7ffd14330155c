"""``vrs topology``."""

# ruff: noqa: PLC0415 - imports on call, see the package
import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ops.failure import CommandError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiormq.abc import AbstractConnection

    from ops.topology.expected import Expected

app = typer.Typer(
    help="""Make RabbitMQ's exchanges, queues and bindings what they should be.

    `vrs doctor --queues` compares them with what they are; docs/topology.md tells what to do when.

    Examples:
      vrs topology declare
      vrs topology definitions --secrets secrets
      vrs topology grants
      vrs topology migrate --dry-run
    """,
    no_args_is_help=True,
)


@app.command()
def declare() -> None:
    """Declare every exchange, queue and binding that is missing; what is there stays as it is.

    Each service does that for itself at start. Exit 1 if a queue has other arguments: then see `vrs topology migrate`.

    Examples:
      vrs topology declare

    """
    from aiormq.exceptions import ChannelPreconditionFailed

    from ops.topology.real import channel_of
    from shared.messaging import topology

    async def work(connection: "AbstractConnection", expected: "Expected") -> None:
        refused = []
        for _service, queue in expected.queues.values():
            async with channel_of(connection) as channel:
                try:
                    await topology.declare(channel, [queue])
                except ChannelPreconditionFailed:
                    refused.append(queue.name)
        if refused:
            raise CommandError(f"Other arguments have {', '.join(refused)}: run `vrs topology migrate --dry-run`")
        typer.echo(f"{len(expected.queues)} queues are there and bound.")

    _with_broker(work)


@app.command()
def definitions(
    secrets: Annotated[
        Path | None, typer.Option(help="The folder of `vrs secrets`: hashes of the passwords in it are put in.")
    ] = None,
) -> None:
    """Print RabbitMQ's definitions as JSON: exchanges, queues, bindings, and a user for each service.

    Each user may touch its own queues only, publish only the events that its service says, and hear only those that
    it consumes. Without --secrets the users have no password.

    Examples:
      vrs topology definitions --secrets secrets > definitions.json
      rabbitmqctl import_definitions definitions.json

    """
    from ops.contracts.system import build_services
    from ops.secrets import amqp_password
    from ops.topology.definitions import OPERATOR, password_hash, user_of
    from ops.topology.definitions import definitions as define

    services = asyncio.run(build_services())
    hashes = {}
    if secrets is not None:
        names = {OPERATOR: "operator"} | {user_of(service.name): service.name.value for service in services}
        hashes = {user: password_hash(amqp_password(secrets, name)) for user, name in names.items()}
    typer.echo(json.dumps(define(services, hashes), indent=2))


@app.command()
def grants() -> None:
    """Give each service's user in RabbitMQ what its code needs, and nothing else; passwords stay as they are.

    Say it after an upgrade, as a user who administers RabbitMQ; doing it again changes nothing. The management API does
    it: VRS_RABBITMQ_API_URL, else port 15672 where VRS_AMQP_URL leads.

    Examples:
      vrs topology grants

    """
    from ops.contracts.system import build_services
    from ops.topology.definitions import definitions as define
    from ops.topology.management import BrokerSettings, give_rights
    from shared.settings import load

    settings = load(BrokerSettings)

    async def give() -> int:
        return await give_rights(settings.usual_api_url, define(await build_services(), {}))

    typer.echo(f"{asyncio.run(give())} users may do what they need.")


@app.command()
def migrate(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
) -> None:
    """Make queues whose arguments have changed anew, with every message that is in them.

    A queue's messages go to a second queue (its name with .migrating), the queue is deleted and made anew, and they
    come back. Services may run, except those that consume such a queue with its old arguments. Interrupted at any
    point, say it again: it goes on. Without a difference nothing is done.

    Examples:
      vrs topology migrate --dry-run
      vrs topology migrate

    """
    from ops.topology.migration import Migration

    async def work(connection: "AbstractConnection", expected: "Expected") -> None:
        some = False
        for _, queue in expected.queues.values():
            migration = Migration(connection, queue, typer.echo)
            if dry_run:
                lines = await migration.plan()
                some |= bool(lines)
                typer.echo("\n".join(lines), nl=bool(lines))
            else:
                some |= await migration.run()
        if not some:
            typer.echo("Every queue that is there has the arguments that it should have.")

    _with_broker(work)


def _with_broker(work: "Callable[[AbstractConnection, Expected], Awaitable[None]]") -> None:
    from ops.examination import SERVICES
    from ops.topology.expected import expected_topology
    from ops.topology.real import only_one
    from shared.settings import Settings, load

    settings = load(Settings)

    async def connected() -> None:
        expected = await expected_topology(SERVICES)
        async with only_one(settings.amqp_url.get_secret_value()) as connection:
            await work(connection, expected)

    asyncio.run(connected())
