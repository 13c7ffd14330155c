"""``vrs run``."""

# ruff: noqa: PLC0415 - imports on call, see the package
from importlib.metadata import entry_points
from typing import Annotated

import typer

from ops.failure import CommandError


def run(service: Annotated[str, typer.Argument(help="dns, deploy, bootstrap, notify or marketplace.")]) -> None:
    """Run one service until SIGTERM, as its container does.

    Settings come from the environment; one that is missing is named on one line, exit 2.

    Examples:
      vrs run dns
      VRS_LOG_FORMAT=json VRS_HEALTH_PORT=8080 vrs run deploy

    """
    known = entry_points(group="vrs.services")
    if service not in known.names:
        raise CommandError(f"There is no service {service!r}; there are {', '.join(sorted(known.names))}", exit_code=2)
    import uvloop

    from shared.messaging import run as kernel

    uvloop.run(kernel.run(known[service].load()))
