"""``vrs secrets``."""

# ruff: noqa: PLC0415 - imports on call, see the package
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

    Passwords are made once and kept; what follows from them (URLs, RabbitMQ's definitions) is written anew each time.
    The vendors' secrets are yours to put there: exit 1 names those that are missing.

    Examples:
      vrs secrets
      vrs secrets --simulated
      vrs secrets /etc/vrs/secrets

    """
    from ops.secrets import write_secrets

    missing = write_secrets(folder, simulated=simulated)
    if missing:
        raise CommandError(
            f"Still missing in {folder}: {', '.join(missing)}. Put each vendor's secret into the file of that name "
            "(docs/containers.md says which is which)"
        )
    typer.echo(f"{folder} holds every secret that compose.yaml mounts.")
