"""Runs one service, with nothing imported that only people at a terminal need."""

import gc
from importlib.metadata import entry_points

import uvloop

from ops.failure import CommandError
from shared.messaging import run as kernel


def run_service(name: str) -> None:
    """Run the service until SIGTERM.

    Raises:
        CommandError: there is no such service.
        SettingsError: a setting is missing or wrong.

    """
    known = entry_points(group="vrs.services")
    if name not in known.names:
        raise CommandError(f"There is no service {name!r}; there are {', '.join(sorted(known.names))}", exit_code=2)
    build = known[name].load()
    gc.freeze()  # all that is imported stays: looking through it for garbage is a tenth of the way to being ready
    gc.enable()  # `ops.start` has switched it off for the imports
    uvloop.run(kernel.run(build))
