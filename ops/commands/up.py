"""``vrs up``."""

# ruff: noqa: PLC0415 - imports on call, see the package
import typer

INTERRUPTED = 130
"""128 + SIGINT"""


def up() -> None:
    """Run the whole system in the foreground until Ctrl-C, and print its URLs and a login for the admin UI.

    Bus and database are those of VRS_AMQP_URL and VRS_DATABASE_URL, or throwaway ones. For each vendor without
    credentials (VRS_INWX_USER, VRS_COOLIFY_TOKEN, VRS_SMTP_URL) a simulator stands in.

    Examples:
      vrs up

    """
    import asyncio

    from ops import foreground
    from ops.places import new_log_folder
    from ops.system import running_system
    from ops.vendors import Latencies

    async def stay() -> None:
        logs = new_log_folder()
        typer.echo(f"Starting; logs in {logs}", err=True)
        async with running_system(logs, Latencies()) as system:
            await system.wait()
            for line in system.urls():
                typer.echo(line)
            typer.echo(f"admin UI    {await system.market.admin_ui(system.database)}")
            while True:
                system.check()
                await asyncio.sleep(1)

    try:
        foreground.run(stay())
    except SystemExit as end:  # the way to end it is no failure
        if end.code != INTERRUPTED:
            raise
