"""``vrs domains mail``."""

# ruff: noqa: PLC0415 - imports on call, see the package
import asyncio
import getpass
import json
from typing import Annotated

import typer

from ops.host_names import stored


def mail(
    project: Annotated[str, typer.Argument(help="The project's id or slug.")],
    name: Annotated[str, typer.Argument(help="The domain, for example kunde.example.")],
    *,
    mx: Annotated[bool, typer.Option("--mx", help="Take mail to the domain, too.")] = False,
    by: Annotated[str | None, typer.Option(help="Who asks for it; your user name if left out.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Have a project's mail sent under its own domain: sender domain at Brevo, DKIM, SPF and DMARC.

    In a zone of ours the records are set; elsewhere the customer is told which to set. What stands there stays, but for
    one SPF and one DMARC record that get our part. `vrs log PROJECT --follow` tells how it goes on. Asking again does
    no harm; without --mx an MX that was set before goes.

    Examples:
      vrs domains mail baeckerei-sommer kunde.example
      vrs domains mail baeckerei-sommer kunde.example --mx --by "Kundendienst"

    """
    from contracts import MailDomainRequested
    from ops.connection import connected
    from ops.mail_domains import ask_for_mail
    from ops.story import find_project
    from shared.settings import Settings, load

    wish = MailDomainRequested(domain=stored(name), mx=mx, requested_by=by or getpass.getuser())
    amqp_url = load(Settings).amqp_url.get_secret_value()

    async def ask() -> dict[str, str]:
        async with connected() as database:
            project_id = await find_project(database.engine, project)
            event_id = await ask_for_mail(database, amqp_url, project_id, wish)
        return {"project_id": str(project_id), "domain": wish.domain, "event_id": str(event_id)}

    asked = asyncio.run(ask())
    typer.echo(json.dumps(asked) if as_json else f"Mail under {name} is asked for: `vrs log {project} --follow`.")
