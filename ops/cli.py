"""The ``vrs`` command. Exit codes: 0 done, 1 failed, 2 used wrongly or a setting is missing."""

import inspect

import typer

from ops.commands import (
    cancel,
    contracts,
    coolify,
    database,
    demo,
    dlq_act,
    doctor,
    domains,
    forget,
    keys,
    order,
    plugins,
    projects,
    reconcile,
    recover,
    run,
    secrets,
    servers,
    simulate,
    topology,
    up,
    users,
)
from ops.failure import told
from shared.logging import configure_logging
from shared.settings import LogFormat

app = typer.Typer(
    name="vrs",
    help="""Takes a paid order and, minutes later, has the customer's project live under its own domain.

    Each command has --help with examples. Exit codes: 0 done, 1 failed, 2 used wrongly or a setting is missing.

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
app.command("cancel")(cancel.cancel)
app.command("forget")(forget.forget)
app.command("projects")(projects.projects)
app.command("log")(projects.log)
app.add_typer(keys.app, name="keys")
app.add_typer(users.app, name="users")
app.add_typer(servers.app, name="servers")
app.add_typer(domains.app, name="domains")
app.add_typer(database.app, name="db")
app.add_typer(plugins.app, name="plugins")
app.add_typer(contracts.app, name="contracts")
app.add_typer(dlq_act.app, name="dlq")
app.add_typer(coolify.app, name="coolify")
app.command("doctor")(doctor.doctor)
app.command("reconcile")(reconcile.reconcile)
app.command("recover")(recover.recover)
app.command("secrets")(secrets.secrets)
app.add_typer(topology.app, name="topology")
app.add_typer(simulate.app, name="simulate")


def _keep_examples_indented(group: typer.Typer) -> None:
    """Typer dedents what follows the first paragraph if every line is indented: one that shows nothing is not."""
    for command in group.registered_commands:
        command.help = f"{inspect.cleandoc(command.help or inspect.getdoc(command.callback) or '')}\n[dim][/dim]"
    for inner in group.registered_groups:
        if inner.typer_instance is not None:
            info = inner.typer_instance.info
            info.help = f"{inspect.cleandoc(info.help or '')}\n[dim][/dim]"
            _keep_examples_indented(inner.typer_instance)


_keep_examples_indented(app)


def main() -> None:
    """Run ``vrs``; what was to be expected ends in a line on stderr, not in a traceback."""
    configure_logging(LogFormat.CONSOLE, "WARNING")  # of a command; a service sets up its own
    told(app)
