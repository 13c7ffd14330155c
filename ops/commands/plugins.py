"""``vrs plugins``: keys, signatures, the registry, and what a project is licensed for."""

# ruff: noqa: PLC0415 - imports on call, see the package
import asyncio
import getpass
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contracts.core import PluginRelease as SignedRelease
    from shared.models import PluginRelease

app = typer.Typer(
    help="""Publish plugins, take them back, and change what a project is licensed for.

    A plugin is a wheel, or a zip archive with a plugin.toml (docs/core.md). Its publisher signs it with a key that is
    on no server; the registry takes what a key of VRS_PLUGIN_KEYS has signed.

    Examples:
      vrs plugins keygen plugins.key
      vrs plugins sign opening-hours-1.3.0.zip --key plugins.key
      vrs plugins publish opening-hours-1.3.0.zip
      vrs plugins grant baeckerei-sommer opening-hours
    """,
    no_args_is_help=True,
)

Archive = Annotated[Path, typer.Argument(help="A wheel (.whl) or a zip archive.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
By = Annotated[str | None, typer.Option(help="Who asks for it; your user name if left out.")]
Project = Annotated[str, typer.Argument(help="The project's id or slug.")]


@app.command()
def keygen(
    file: Annotated[Path, typer.Argument(help="Where the private key goes.")], *, as_json: AsJson = False
) -> None:
    """Make an Ed25519 key pair: the private key goes to a file, the public key is printed.

    For plugins, and for the manifests that the marketplace signs (VRS_MANIFEST_KEY). Keep a plugin key away from
    servers. A file that is there is not written over.

    Examples:
      vrs plugins keygen plugins.key
      export VRS_PLUGIN_KEYS=$(vrs plugins keygen plugins.key)

    """
    from contracts.signatures import key_id, written
    from ops.plugins import make_key

    public = make_key(file)
    if as_json:
        typer.echo(json.dumps({"file": str(file), "public_key": written(public), "keyid": key_id(public)}))
    else:
        typer.echo(written(public))


@app.command()
def sign(
    archive: Archive,
    *,
    key: Annotated[Path, typer.Option(help="The file with the private key.")],
    as_json: AsJson = False,
) -> None:
    """Sign a plugin, wherever the key is: writes ARCHIVE.dsse.json beside it. Needs neither database nor settings.

    Signed again with another key, the envelope has both signatures: that is how keys are replaced.

    Examples:
      vrs plugins sign opening-hours-1.3.0.zip --key plugins.key

    """
    from ops.plugins import envelope_of, read_envelope, read_key, signed_release

    file = envelope_of(archive)
    known = read_envelope(file) if file.exists() else None
    envelope = signed_release(archive, read_key(key), known)
    text = envelope.model_dump_json(by_alias=True, indent=2) + "\n"
    growing = file.with_name(file.name + ".new")
    growing.write_text(text, encoding="utf-8")
    growing.replace(file)
    if as_json:
        typer.echo(json.dumps({"envelope": str(file), "release": json.loads(envelope.content)}))
    else:
        typer.echo(f"{file}: signed by {', '.join(each.keyid for each in envelope.signatures)}")


@app.command()
def publish(
    archive: Archive,
    *,
    envelope: Annotated[Path | None, typer.Option(help="The signed release; ARCHIVE.dsse.json if left out.")] = None,
    key: Annotated[Path | None, typer.Option(help="Sign it now with this private key instead.")] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Publish a signed plugin: what the archive says of itself, its bytes, and the signatures.

    Refused, with nothing kept, unless a key of VRS_PLUGIN_KEYS has signed exactly this archive. A version that is
    published never changes; publishing it again adds signatures of other keys.

    Examples:
      vrs plugins publish opening-hours-1.3.0.zip
      vrs plugins publish contact_form-2.0.4-py3-none-any.whl --key plugins.key

    """
    from ops.connection import connected
    from ops.failure import CommandError
    from ops.plugins import RegistrySettings, envelope_of, publish_archive, read_envelope, read_key, signed_release
    from shared.settings import load

    if key is not None and envelope is not None:
        raise CommandError("give --key or --envelope, not both", exit_code=2)
    signed = signed_release(archive, read_key(key)) if key else read_envelope(envelope or envelope_of(archive))

    trusted = load(RegistrySettings).trusted

    async def act() -> "SignedRelease":
        async with connected() as database:
            return await publish_archive(database, archive, signed, trusted=trusted, by=by or getpass.getuser())

    release = asyncio.run(act())
    typer.echo(release.model_dump_json() if as_json else f"{release.name} {release.version} is published.")


@app.command("list")
def list_releases(*, as_json: AsJson = False) -> None:
    """List every release: its size, what it works with and needs, and whether it was yanked.

    Examples:
      vrs plugins list
      vrs plugins list --json

    """
    from sqlalchemy.ext.asyncio import AsyncSession

    from ops.connection import connected
    from shared.plugins.registry import releases

    async def read() -> "Sequence[PluginRelease]":
        async with connected() as database, AsyncSession(database.engine) as session:
            return await releases(session)

    found = asyncio.run(read())
    if as_json:
        typer.echo(json.dumps([_as_json(release) for release in found]))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("plugin", "version", "bytes", "vrs-core", "needs", "published (UTC)", "yanked")
    for release in found:
        needs = ", ".join(f"{need['name']}{need['versions']}" for need in release.requires)
        published = f"{release.published_at:%Y-%m-%d %H:%M} {release.published_by}"
        row = (release.name, release.version, f"{release.size:,}", release.core, needs, published)
        table.add_row(*row, release.yanked_because or "")
    Console().print(table if found else "Nothing is published.")


@app.command("yank")
def yank_release(
    name: Annotated[str, typer.Argument(help="The plugin.")],
    version: Annotated[str, typer.Argument(help="The release that nobody may use any more.")],
    *,
    reason: Annotated[str, typer.Option(help="Why; case workers and customers' logs show it.")],
    as_json: AsJson = False,
) -> None:
    """Take a release back: no vrs-core installs it any more, and those that run it stop when they next look.

    They look every hour, and at once when the project's licences change. It stays listed, with the reason.

    Examples:
      vrs plugins yank opening-hours 1.3.0 --reason "shows other customers' hours"

    """
    from sqlalchemy.ext.asyncio import AsyncSession

    from ops.connection import connected
    from ops.failure import CommandError
    from shared.plugins.registry import RegistryError, yank

    if not reason.strip() or len(reason) > MOST_WORDS:
        raise CommandError(f"--reason: say why, in at most {MOST_WORDS} characters", exit_code=2)

    async def act() -> None:
        async with connected() as database, AsyncSession(database.engine) as session, session.begin():
            try:
                await yank(session, name, version, because=" ".join(reason.split()))
            except RegistryError as error:
                raise CommandError(str(error)) from error

    asyncio.run(act())
    done = {"name": name, "version": version, "yanked_because": reason}
    typer.echo(json.dumps(done) if as_json else f"{name} {version} is yanked.")


MOST_WORDS = 500


@app.command()
def grant(
    project: Project,
    plugin: Annotated[str, typer.Argument(help="PLUGIN, or PLUGIN==VERSION; the newest release without a version.")],
    *,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """License a live project for a plugin: its running vrs-core installs it, without a new deployment.

    A licence for another version of the plugin ends. `vrs log PROJECT --follow` tells how it goes on.

    Examples:
      vrs plugins grant baeckerei-sommer contact-form
      vrs plugins grant baeckerei-sommer contact-form==2.0.4 --by "Kundendienst"

    """
    name, _, version = plugin.partition("==")
    _change(project, name.strip(), version.strip() or None, by=by, as_json=as_json, is_granted=True)


@app.command("end")
def end_licence(
    project: Project,
    plugin: Annotated[str, typer.Argument(help="The plugin.")],
    *,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """End a live project's licence for a plugin: its running vrs-core removes it.

    Examples:
      vrs plugins end baeckerei-sommer contact-form

    """
    _change(project, plugin, None, by=by, as_json=as_json, is_granted=False)


def _change(project: str, name: str, version: str | None, *, by: str | None, as_json: bool, is_granted: bool) -> None:
    from ops.connection import connected
    from ops.licences import Change, end_plugin, grant_plugin
    from ops.story import find_project
    from shared.settings import Settings, load

    amqp_url = load(Settings).amqp_url.get_secret_value()
    who = by or getpass.getuser()

    async def act() -> Change:
        async with connected() as database:
            project_id = await find_project(database.engine, project)
            if is_granted:
                return await grant_plugin(database, amqp_url, project_id, name, version, by=who)
            return await end_plugin(database, amqp_url, project_id, name, by=who)

    change = asyncio.run(act())
    if as_json:
        plugins = [plugin.model_dump() for plugin in change.plugins]
        event_id = str(change.event_id) if change.event_id else None
        typer.echo(json.dumps({"project_id": str(change.project_id), "plugins": plugins, "event_id": event_id}))
        return
    licensed = ", ".join(f"{plugin.name} {plugin.version}" for plugin in change.plugins) or "nothing"
    changed = "is licensed for" if change.event_id else "was licensed before, and is, for"
    typer.echo(f"{change.project_id} {changed}: {licensed}")


def _as_json(release: "PluginRelease") -> dict[str, Any]:
    return {
        "name": release.name,
        "version": release.version,
        "sha256": release.sha256,
        "size": release.size,
        "core": release.core,
        "requires": release.requires,
        "keyids": [signature["keyid"] for signature in release.envelope["signatures"]],
        "published_by": release.published_by,
        "published_at": release.published_at.isoformat(),
        "yanked_at": release.yanked_at.isoformat() if release.yanked_at else None,
        "yanked_because": release.yanked_because,
    }
