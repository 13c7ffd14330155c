"""``vrs run``."""

# ruff: noqa: PLC0415 - imports on call, see the package
from typing import Annotated

import typer


def run(service: Annotated[str, typer.Argument(help="dns, deploy, bootstrap, notify or marketplace.")]) -> None:
    """Run one service until SIGTERM, as its container does.

    Settings come from the environment; one that is missing is named on one line, exit 2.

    Examples:
      vrs run dns
      VRS_LOG_FORMAT=json VRS_HEALTH_PORT=8080 vrs run deploy

    """
    from ops.running import run_service

    run_service(service)
