"""``vrs secrets``."""

# ruff: noqa: PLC0415 - imports on call, see the package
import asyncio
from pathlib import Path
from typing import Annotated

import typer

from ops.failure import CommandError


def secrets(
    folder: Annotated[Path, typer.Argument(help="Where the files go; made if it is not there.")] = Path("secrets"),
    *,
    simulated: Annotated[
        bool, typer.Option("--simulated", help="The vendors' secrets are those that the simulators know.")
    ] = False,
) -> None:
    """Write the secrets that compose.yaml mounts, one file each.

    Each service has a user and a role of its own. Their URLs, with passwords, are made once and kept; change them as
    you like, for TLS or another host. RabbitMQ's definitions and the roles' verifiers follow from them and are
    written anew each time: say it again after an update.
    The vendors' secrets are yours to put there: exit 1 names those that are missing.

    Examples:
      vrs secrets
      vrs secrets --simulated
      vrs secrets /etc/vrs/secrets

    """
    from ops.contracts.system import build_services
    from ops.secrets import write_secrets

    missing = write_secrets(folder, asyncio.run(build_services()), simulated=simulated)
    if missing:
        raise CommandError(
            f"Still missing in {folder}: {', '.join(missing)}. Put each vendor's secret into the file of that name "
            "(docs/containers.md says which is which)"
        )
    typer.echo(f"{folder} holds every secret that compose.yaml mounts.")
