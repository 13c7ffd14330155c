"""``vrs dlq``: looking at dead letters. What changes them stands in `ops.commands.dlq_act`."""

# ruff: noqa: PLC0415 - imports on call, see the package
import asyncio
import json
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

app = typer.Typer(
    help="""Dead letters: understand, replay, edit and discard what services gave up.

    An ID is what `list` shows; the id of a letter, an event or a project and a slug do as well.

    Examples:
      vrs dlq list
      vrs dlq groups
      vrs dlq replay --all --dry-run
    """,
    no_args_is_help=True,
)

Service = Annotated[str | None, typer.Option(help="Of this service only: dns, deploy, bootstrap, notify.")]
EventName = Annotated[str | None, typer.Option("--event", help="Of this event only, as in project-ordered.")]
Because = Annotated[str | None, typer.Option("--reason", help="A code like inwx_2303, or words of the reason.")]
Project = Annotated[str | None, typer.Option(help="Of this project only: its slug or id.")]
Since = Annotated[str | None, typer.Option(help="Died since then: 30m, 2h, 3d, or 2026-01-31T14:00 (UTC).")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_letters(
    *,
    service: Service = None,
    event: EventName = None,
    reason: Because = None,
    project: Project = None,
    since: Since = None,
    as_json: AsJson = False,
) -> None:
    """List what is dead, by order: where each waits, since when, why.

    Reads the waiting room and the queues and says where they differ. Without PostgreSQL the queues alone are read.
    Times are UTC. Nothing is changed, however often it is done.

    Examples:
      vrs dlq list
      vrs dlq list --service dns --since 2h
      vrs dlq list --reason inwx_2303 --json

    """
    from ops.desk.choice import wanted
    from ops.desk.opened import look_with_notes
    from shared.dead_letters.notes import note_of

    chosen = wanted(service, event, reason, project, since)

    view, notes, notices = asyncio.run(look_with_notes())
    letters = chosen.keep(view.letters)
    _say([*notices, *view.notices])
    if as_json:
        said = [letter.as_json() | {"note": str(note_of(letter, notes) or "") or None} for letter in letters]
        typer.echo(json.dumps(said, ensure_ascii=False))
        return
    from ops.desk.tables import print_letters

    print_letters(letters, notes)


@app.command()
def groups(
    *,
    service: Service = None,
    event: EventName = None,
    reason: Because = None,
    since: Since = None,
    as_json: AsJson = False,
) -> None:
    """Group what is dead by service, step and cause: how many, from when to when, who is on it.

    Examples:
      vrs dlq groups
      vrs dlq groups --service deploy --json

    """
    from ops.desk.choice import wanted
    from ops.desk.opened import look_with_notes
    from shared.dead_letters.selection import groups as grouped

    chosen = wanted(service, event, reason, None, since)

    view, notes, notices = asyncio.run(look_with_notes())
    found = grouped(letter for letter in chosen.keep(view.letters) if letter.waits)
    _say([*notices, *view.notices])
    if as_json:
        said = [group.as_json() | {"note": str(notes.get(group.id) or "") or None} for group in found]
        typer.echo(json.dumps(said, ensure_ascii=False))
        return
    from ops.desk.tables import print_groups

    print_groups(found, notes)


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="ID", help="As `vrs dlq list` shows it.")],
    *,
    traceback: Annotated[bool, typer.Option("--traceback", help="The whole traceback.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show one dead letter: event, headers, reason, the project's story, and what a replay would do now.

    Examples:
      vrs dlq show 2f0f6c1d8e42
      vrs dlq show baeckerei-sommer --traceback

    """
    from ops.desk.choice import the_one
    from ops.desk.letter import everything_about
    from ops.desk.opened import amqp_url, perhaps_connected, view_of
    from shared.dead_letters.edit import body_of

    async def read() -> tuple[dict[str, object], list[str]]:
        notices: list[str] = []
        async with perhaps_connected(notices) as database:
            view = await view_of(database)
            letter = the_one(view.letters, name)
            body = await body_of(database, amqp_url(), letter)
            return await everything_about(database, letter, body), [*notices, *view.notices]

    found, notices = asyncio.run(read())
    _say(notices)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, default=str))
        return
    from ops.desk.tables import print_letter

    print_letter(found, whole_traceback=traceback)


@app.command()
def export(
    names: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="All if none is named.")] = None,
    *,
    group: Annotated[str | None, typer.Option(help="A group, as `vrs dlq groups` shows it.")] = None,
) -> None:
    """Print dead letters as JSON Lines, with all that `vrs dlq import` needs elsewhere. Nothing is taken out.

    Without PostgreSQL the queues alone are read.

    Examples:
      vrs dlq export > dead.jsonl
      vrs dlq export 2f0f6c1d8e42 | VRS_AMQP_URL=amqp://staging vrs dlq import -

    """
    from ops.desk.choice import picked
    from ops.desk.export import export_lines
    from ops.desk.opened import perhaps_connected

    async def read() -> list[str]:
        async with perhaps_connected(notices) as database:
            return await export_lines(
                database, lambda letters: picked(letters, names or (), group, everything=not (names or group))
            )

    notices: list[str] = []
    lines = asyncio.run(read())
    _say(notices)
    for line in lines:
        typer.echo(line)


@app.command()
def history(*, as_json: AsJson = False) -> None:
    """List what was done at this desk, the newest first: who, when, what, why, and what became of it.

    Examples:
      vrs dlq history
      vrs dlq history --json

    """
    from ops.connection import connected
    from ops.desk.tables import action_as_json, print_history
    from shared.dead_letters.audit import PastAction
    from shared.dead_letters.audit import history as past

    async def read() -> list[PastAction]:
        async with connected() as database:
            return await past(database)

    actions = asyncio.run(read())
    if as_json:
        typer.echo(json.dumps([action_as_json(action) for action in actions], ensure_ascii=False))
        return
    print_history(actions)


def _say(notices: Sequence[str]) -> None:
    """What people must know beside the answer, on stderr: a pipe gets the answer alone."""
    for notice in notices:
        print(notice, file=sys.stderr)  # noqa: T201 - to a person
