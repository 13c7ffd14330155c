"""``vrs servers``."""

# ruff: noqa: PLC0415 - imports on call, see the package
import asyncio
import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ops.failure import CommandError

if TYPE_CHECKING:
    from shared.servers import ServerLine
    from shared.what_if import Forecast

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[str, typer.Argument(help="The server's name.")]

app = typer.Typer(
    help="""See the servers and how full they are, add, drain and remove them, and ask what orders would do.

    Examples:
      vrs servers list
      vrs servers drain srv-tenants-1
      vrs servers what-if --orders 100
    """,
    no_args_is_help=True,
)


@app.command("list")
def list_servers(*, as_json: AsJson = False) -> None:
    """List the servers: what Coolify says of each, and what of it is promised to projects.

    A server takes new projects while it is active, usable and has places (and memory, where it is known) left.
    Not on a terminal: a line each, with tabs between.

    Examples:
      vrs servers list
      vrs servers list --json

    """
    from ops.connection import connected
    from ops.server_tables import print_servers
    from shared.servers import server_lines

    async def read() -> "tuple[list[ServerLine], int]":
        async with connected() as database:
            return await server_lines(database.engine)

    lines, waiting = asyncio.run(read())
    if as_json:
        typer.echo(json.dumps({"servers": [line.as_json() for line in lines], "waiting": waiting}))
    else:
        print_servers(lines, waiting)


@app.command()
def add(
    name: Name,
    *,
    coolify_uuid: Annotated[str, typer.Option(help="Its uuid at Coolify.")],
    region: Annotated[str, typer.Option(help="Where it stands, as orders may ask for.")],
    ipv4: Annotated[str, typer.Option(help="Its public IPv4 address.")],
    capacity: Annotated[int, typer.Option(help="The most projects that it may hold.")],
    ipv6: Annotated[str | None, typer.Option(help="Its public IPv6 address, if it has one.")] = None,
    ram_mb: Annotated[int | None, typer.Option(help="MiB of memory for projects; no limit if left out.")] = None,
    cpu_cores: Annotated[float | None, typer.Option(help="Cores for projects.")] = None,
) -> None:
    """Add a server. Orders that wait for a place go on within a second or two.

    Examples:
      vrs servers add srv-tenants-11 --coolify-uuid k8w0s4ck --region fsn1 --ipv4 203.0.113.20 --capacity 40
      vrs servers add big --coolify-uuid ok4s8w0g --region nbg1 --ipv4 203.0.113.21 --capacity 80 --ram-mb 262144

    """
    from pydantic import ValidationError

    from contracts.problems import field_problems
    from ops.connection import connected
    from shared.servers import NewServer, add_server

    given = {
        "name": name,
        "coolify_uuid": coolify_uuid,
        "region": region,
        "ipv4": ipv4,
        "ipv6": ipv6,
        "capacity": capacity,
        "ram_mb": ram_mb,
        "cpu_cores": cpu_cores,
    }
    try:
        server = NewServer.model_validate({key: value for key, value in given.items() if value is not None})
    except ValidationError as error:
        raise CommandError("\n".join(field_problems(error)), exit_code=2) from error

    async def write() -> None:
        async with connected() as database, database.engine.begin() as connection:
            await add_server(connection, server)

    asyncio.run(write())
    typer.echo(f"{name} is there with {capacity} places. `vrs doctor deploy` asks Coolify about its servers.")


@app.command()
def drain(name: Name) -> None:
    """Give a server no new projects. Those that it holds stay and run.

    Examples:
      vrs servers drain srv-tenants-1

    """
    changed, used = _move(name, "draining")
    was = "" if changed else " already"
    typer.echo(f"{name} takes no new projects{was}; it holds {used}, which stay.")


@app.command()
def undrain(name: Name) -> None:
    """Let a drained server take new projects again. Orders that wait for a place go on within a second or two.

    Examples:
      vrs servers undrain srv-tenants-1

    """
    changed, used = _move(name, "active")
    typer.echo(f"{name} takes new projects{' again' if changed else ' already'}; it holds {used}.")


@app.command()
def remove(name: Name) -> None:
    """Remove a server that holds no project any more. Nothing is changed at Coolify.

    Examples:
      vrs servers remove srv-tenants-1

    """
    from ops.connection import connected
    from shared.servers import remove_server

    async def write() -> None:
        async with connected() as database, database.engine.begin() as connection:
            await remove_server(connection, name)

    asyncio.run(write())
    typer.echo(f"{name} is removed.")


@app.command("what-if")
def what_if(
    *,
    orders: Annotated[int, typer.Option(min=1, max=100_000, help="How many orders come.")],
    plan: Annotated[str, typer.Option(help="The plan of each.")] = "starter",
    project_type: Annotated[str, typer.Option("--type", help="The project type of each.")] = "vrs-core",
    strategy: Annotated[str | None, typer.Option(help="least_loaded, round_robin, region or pack.")] = None,
    region: Annotated[str | None, typer.Option(help="The region that each asks for.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say where so many orders would go as things stand, and how many would wait. Changes nothing.

    Who waits already is served first. Without --strategy the type's own is used, else VRS_PLACEMENT; the weights are
    those of VRS_PLACEMENT_WEIGHT_… . Exit 0 also if some would wait.

    Examples:
      vrs servers what-if --orders 100
      vrs servers what-if --orders 20 --plan enterprise --strategy pack --region hel1 --json

    """
    from dataclasses import asdict
    from importlib.metadata import entry_points

    from contracts import PlacementStrategy
    from ops.connection import connected
    from ops.server_tables import print_forecast
    from shared.what_if import Question

    if strategy is not None and strategy not in list(PlacementStrategy):
        known = ", ".join(PlacementStrategy)
        raise CommandError(f"--strategy: there is no strategy {strategy!r}, there are {known}", exit_code=2)
    question = Question(
        orders=orders,
        plan=plan,
        project_type=project_type,
        strategy=PlacementStrategy(strategy) if strategy else None,
        region=region,
    )
    [entry] = entry_points(group="vrs.what_if")
    ask = entry.load()

    async def read() -> "Forecast":
        async with connected() as database, database.engine.connect() as connection:
            forecast: Forecast = await ask(connection, question)
            return forecast

    try:
        forecast = asyncio.run(read())
    except ValueError as error:
        raise CommandError(f"--plan: {error}", exit_code=2) from error
    if as_json:
        answer: dict[str, Any] = asdict(forecast)
        typer.echo(json.dumps(answer | {"orders": orders}))
    else:
        print_forecast(forecast, orders)


def _move(name: str, state: str) -> tuple[bool, int]:
    from ops.connection import connected
    from shared.models import ServerState
    from shared.servers import move_server

    async def write() -> tuple[bool, int]:
        async with connected() as database, database.engine.begin() as connection:
            return await move_server(connection, name, ServerState(state))

    return asyncio.run(write())
