"""``vrs simulate``: one simulator by itself, for trying things and for tests in any language."""

# ruff: noqa: PLC0415 - imports on call, see the package
import asyncio
import json
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from ops.failure import CommandError

app = typer.Typer(
    help="""Run one simulated vendor in the foreground. What it listens on is printed as one line of JSON.

    docs/simulators.md tells how to break each and look into it.

    Examples:
      vrs simulate inwx --port 8100
      vrs simulate core --port 8300
      vrs simulate coolify --port 8200 --core-url http://127.0.0.1:8301
      vrs simulate brevo --port 8500 --dns-servers 127.0.0.1:8101,127.0.0.1:8102
    """,
    no_args_is_help=True,
)

Port = Annotated[int, typer.Option(help="Where to listen; 0 takes a free port.", min=0, max=65533)]
Host = Annotated[str, typer.Option(help="The address to listen on.")]


@app.command()
def inwx(port: Port = 0, host: Host = "127.0.0.1") -> None:
    """INWX: JSON-RPC on the port, two authoritative name servers on the ports after it.

    Knows the accounts demo/demo and totp/totp-demo, the latter with a second factor.

    Examples:
      vrs simulate inwx --port 8100

    """
    from simulators.inwx import TOTP_SECRET, running_inwx

    _serve(running_inwx(host=host, port=port, dns_port=_after(port)), totp_secret=TOTP_SECRET)


@app.command()
def coolify(
    port: Port = 0,
    host: Host = "127.0.0.1",
    core_url: Annotated[str | None, typer.Option(help="The vrs-core simulator's url, where apps then run.")] = None,
) -> None:
    """Coolify: its API under /api/v1, what is stored under /_state.

    With --core-url, what is deployed runs in the vrs-core simulator.

    Examples:
      vrs simulate coolify --port 8200 --core-url http://127.0.0.1:8301

    """
    from simulators.coolify import running_coolify

    _serve(running_coolify(port, core_url, host=host))


@app.command()
def core(
    port: Port = 0,
    host: Host = "127.0.0.1",
    ca_folder: Annotated[
        Path | None, typer.Option(help="An empty folder for ca.pem, which clients must trust; else a temporary one.")
    ] = None,
) -> None:
    """vrs-core of all projects: HTTPS on the port, who starts containers talks to the port after it.

    One server answers for all; which project is asked, the host name tells.

    Examples:
      vrs simulate core --port 8300
      vrs simulate core --port 8300 --host 0.0.0.0 --ca-folder /ca

    """
    from simulators.core import running_core

    _serve(running_core(port, _after(port), host=host, folder=ca_folder))


@app.command()
def brevo(
    port: Port = 0,
    host: Host = "127.0.0.1",
    dns_servers: Annotated[
        str, typer.Option(help="Where it looks for records: host:port,…, the name servers of the INWX simulator.")
    ] = "",
) -> None:
    """Brevo: sender domains under /v3/senders/domains, verified when their records really stand in the DNS.

    Without --dns-servers nothing is ever verified.

    Examples:
      vrs simulate brevo --port 8500 --dns-servers 127.0.0.1:8101,127.0.0.1:8102

    """
    from simulators.brevo import running_brevo

    servers = [each.strip() for each in dns_servers.split(",") if each.strip()]
    for each in servers:
        if not each.rpartition(":")[0] or not each.rpartition(":")[2].isdecimal():
            raise CommandError(f"--dns-servers: {each!r} is no host:port", exit_code=2)
    _serve(running_brevo(host=host, port=port, dns_servers=servers))


@app.command()
def smtp(port: Port = 0, host: Host = "127.0.0.1") -> None:
    """A mail server that keeps all mail: SMTP on the port, the inbox over HTTP on the port after it.

    Nothing is ever sent on.

    Examples:
      vrs simulate smtp --port 8400

    """
    from simulators.smtp import running_smtp

    _serve(running_smtp(host=host, port=port, http_port=_after(port)))


def _after(port: int) -> int:
    return port + 1 if port else 0


def _serve(simulator: AbstractAsyncContextManager[Any], **more: str) -> None:
    from ops import foreground

    async def serve() -> None:
        async with simulator as running:
            typer.echo(json.dumps(asdict(running) | more, default=str))
            await asyncio.Event().wait()

    try:
        foreground.run(serve())
    except OSError as error:
        raise CommandError(f"cannot listen: {error.strerror}") from error
