"""The ``vrs`` command. Exit codes: 0 done, 1 failed, 2 used wrongly or a setting is missing."""

import os
import sys

import typer

from ops.commands import database, demo, doctor, order, projects, run, simulate, up
from ops.failure import CommandError
from shared.logging import configure_logging
from shared.settings import LogFormat, SettingsError

app = typer.Typer(
    name="vrs",
    help="""Takes a paid order and, minutes later, has the customer's project live under its own domain.

    Examples:
      vrs demo
      vrs order examples/orders/subdomain.json
      vrs doctor
    """,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("up")(up.up)
app.command("demo")(demo.demo)
app.command("run")(run.run)
app.command("order")(order.order)
app.command("projects")(projects.projects)
app.command("log")(projects.log)
app.add_typer(database.app, name="db")
app.command("doctor")(doctor.doctor)
app.add_typer(simulate.app, name="simulate")


def main() -> None:
    """Run ``vrs``; what was to be expected ends in a line on stderr, not in a traceback."""
    configure_logging(LogFormat.CONSOLE, "WARNING")  # of a command; a service sets up its own
    try:
        app()
    except CommandError as error:
        _end(str(error), error.exit_code)
    except SettingsError as error:
        _end(str(error), 2)
    except BrokenPipeError:  # of `vrs log … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _end(message: str, code: int) -> None:
    print(message, file=sys.stderr)  # noqa: T201 - the answer to a person
    sys.exit(code)
