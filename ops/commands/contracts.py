"""``vrs contracts``: what integrators rely on."""

# ruff: noqa: PLC0415 - imports on call, see the package
import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from ops.commands import conformance
from ops.failure import CommandError

app = typer.Typer(
    help="""The events as documents: generate them, hold the code to them, check an event against them, and who else
    says or hears events.

    docs/contracts.md tells what integrators may rely on.

    Examples:
      vrs contracts validate event.json
      vrs contracts rehearse --queue my-shop.provisioning
      vrs contracts watch
      vrs contracts docs --out site
      vrs contracts check
    """,
    no_args_is_help=True,
)


@app.command()
def export() -> None:
    """Write the documents of contracts/ from the running code: schemas, examples, AsyncAPI, changelog, picture.

    Services are built with placeholder settings; nothing is connected to.

    Examples:
      vrs contracts export

    """
    from ops.contracts.documents import generate, write
    from ops.contracts.system import build_services
    from ops.places import CHECKOUT

    changed = write(generate(asyncio.run(build_services())), CHECKOUT)
    typer.echo("\n".join(changed) if changed else "Everything is current.")


@app.command()
def check(
    base: Annotated[str | None, typer.Option(help="A git revision, or a folder that has contracts/ in it.")] = None,
) -> None:
    """Refuse documents that are not current, and changes that break what is released; exit 1 if there are any.

    Released is the newest tag v… ; before the first one, what main has. On main, the commit before.

    Examples:
      vrs contracts check
      vrs contracts check --base v1.4.0

    """
    from ops.contracts.documents import differing, generate
    from ops.contracts.released import breaches, read_released
    from ops.contracts.system import build_services
    from ops.places import CHECKOUT

    documents = generate(asyncio.run(build_services()))
    released = read_released(base, CHECKOUT)
    problems = [str(breach) for breach in breaches(released, documents)] if released else []
    stale = differing(documents, CHECKOUT)
    if stale:
        problems.append(f"not what the code says: {', '.join(stale)}; run `vrs contracts export` and commit")
    if problems:
        since = f" (released: {released.name[:12]})" if released else ""
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        raise CommandError("\n".join([*problems, f"{count}{since}"]))
    held = f"nothing that {released.name[:12]} has is broken" if released else "nothing is released yet"
    typer.echo(f"ok: {len(documents)} documents are current, {held}")


@app.command()
def docs(out: Annotated[Path, typer.Option(help="A folder that is new, or an older site.")]) -> None:
    """Write the contracts as a static site that needs no server and no network.

    An older site in the folder is replaced; a folder with anything else in it is refused.

    Examples:
      vrs contracts docs --out site

    """
    from ops.contracts.site import write_site
    from ops.contracts.system import build_services
    from ops.places import CHECKOUT

    try:
        count = write_site(asyncio.run(build_services()), out, CHECKOUT)
    except OSError as error:
        raise CommandError(f"--out {out}: {error.strerror}", exit_code=2) from error
    typer.echo(f"{count} pages; open {(out / 'index.html').resolve().as_uri()}")


@app.command()
def validate(
    file: Annotated[str, typer.Argument(help="An event as JSON, or - for the standard input.")],
    *,
    contract: Annotated[
        str | None, typer.Option("--type", help="What it must be; without it, what it says it is.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check an event against its contract: exit 0 if every service would read it, 1 with the errors by path if not.

    A file that cannot be read, or a type that there is not, is exit 2.

    Examples:
      vrs contracts validate contracts/examples/project.ordered.v1.json
      vrs contracts validate - --type vrs.project.ordered.v1 < event.json

    """
    from contracts import ContractError
    from ops.contracts.validation import contract_named, validate

    wanted = contract_named(contract) if contract is not None else None
    try:
        body = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}", exit_code=2) from error
    try:
        event = validate(body, wanted)
    except ContractError as error:
        if as_json:
            typer.echo(json.dumps({"ok": False, "refusal": error.refusal, "problems": error.problems}))
            raise typer.Exit(1) from None
        raise CommandError("\n".join(error.problems)) from None
    typer.echo(
        json.dumps({"ok": True, "type": event.type}) if as_json else f"ok: {type(event.data).__name__} {event.type}"
    )


app.command()(conformance.rehearse)
app.command()(conformance.watch)
