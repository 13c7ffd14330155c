"""``vrs dlq``: what changes dead letters."""

# ruff: noqa: PLC0415 - imports on call, see the package
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ops.commands.dlq import AsJson, app
from ops.failure import CommandError

if TYPE_CHECKING:
    from shared.dead_letters.replay import Report
    from shared.dead_letters.view import DeadLetter, View

__all__ = ["app"]  # whoever imports it has every command

Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="As `vrs dlq list` shows them.")]
Group = Annotated[str | None, typer.Option(help="A group, as `vrs dlq groups` shows it.")]
All = Annotated[bool, typer.Option("--all", help="Everything that is dead.")]
By = Annotated[str | None, typer.Option(envvar="VRS_OPERATOR", help="Who acts; you on this machine if not given.")]
Why = Annotated[str | None, typer.Option("--reason", help="Why, for the record.")]
WhyFirst = Annotated[str, typer.Option("--reason", help="Why, for the record.")]


@app.command()
def replay(
    names: Ids = None,
    *,
    group: Group = None,
    everything: All = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say for each what would happen; do nothing.")] = False,
    canary: Annotated[bool, typer.Option("--canary", help="Send 1, 2, 5, 20 …; stop when too many die again.")] = False,
    tolerate: Annotated[float, typer.Option(min=0, max=1, help="With --canary: the share that may die again.")] = 0.1,
    rate: Annotated[float | None, typer.Option(min=0.1, help="At most so many a second.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many, the oldest first.")] = None,
    wait: Annotated[float, typer.Option(min=0, help="Follow each stage for so many seconds.")] = 60.0,
    by: By = None,
    reason: Why = None,
    as_json: AsJson = False,
) -> None:
    """Send dead letters back to the consumers in which they died, and follow what becomes of them.

    Ctrl-C stops cleanly. If it is killed, do it again: nothing is lost and nothing is done twice.
    Exit 1 if some died again, the canary stopped, or no queue takes one.

    Examples:
      vrs dlq replay 2f0f6c1d8e42
      vrs dlq replay --group 3fa9c2 --canary --tolerate 0.05
      vrs dlq replay --all --dry-run
      vrs dlq replay --all --rate 20 --limit 500 --reason "INWX is back"

    """
    from ops import foreground
    from ops.desk.choice import picked
    from ops.desk.opened import amqp_url, at_the_desk, operator
    from ops.desk.progress import dry_run as say_what_would_happen
    from ops.desk.progress import watching
    from shared.dead_letters.replay import Plan
    from shared.dead_letters.replay import replay as send

    def choose(view: "View") -> "list[DeadLetter]":
        return picked(view.letters, names or (), group, everything=everything)[:limit]

    async def run() -> "Report | None":
        async with at_the_desk() as database:
            if dry_run:
                await say_what_would_happen(database, amqp_url(), choose, as_json=as_json)
                return None
            plan = Plan(rate=rate, limit=limit, canary=canary, tolerate=tolerate, wait=wait)
            with watching(as_json=as_json) as watch:
                return await send(database, amqp_url(), choose, operator(by, reason), plan, watch)

    report = foreground.run(run())
    if report is not None:
        from ops.desk.progress import print_report

        if not print_report(report, as_json=as_json):
            raise typer.Exit(1)


@app.command()
def edit(
    name: Annotated[str, typer.Argument(metavar="ID", help="As `vrs dlq list` shows it.")],
    *,
    values: Annotated[list[str] | None, typer.Option("--set", help="path=value, as in server.region=fsn1.")] = None,
    file: Annotated[Path | None, typer.Option(help="The whole data as JSON; - for the standard input.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before sending.")] = False,
    by: By = None,
    reason: Why = None,
) -> None:
    """Change the data of a dead letter's event and replay the copy in the original's place.

    Opens $EDITOR, or takes --set or --file. The data are checked against the event's contract, the difference is
    shown, and a reason asked for. The copy is a new event caused by the original, which is kept in the archive.

    Examples:
      vrs dlq edit 2f0f6c1d8e42
      vrs dlq edit 2f0f6c1d8e42 --set region=fsn1 --reason "the customer wants to stay in Germany"
      vrs dlq edit 2f0f6c1d8e42 --file data.json --reason "wrong slug" --yes

    """
    from ops import foreground
    from ops.desk.edit import edit_and_send

    foreground.run(edit_and_send(name, values or [], file, by=by, reason=reason, yes=yes))


@app.command()
def discard(
    names: Ids = None, *, group: Group = None, everything: All = False, reason: WhyFirst, by: By = None
) -> None:
    """Take dead letters out of their queues and keep them in the archive: nobody needs to look at them any more.

    Examples:
      vrs dlq discard 2f0f6c1d8e42 --reason "ordered twice, the other one is live"
      vrs dlq discard --group 3fa9c2 --reason "a test customer"

    """
    from ops import foreground
    from ops.desk.choice import picked
    from ops.desk.opened import amqp_url, at_the_desk, operator
    from shared.dead_letters.archive import discard as take_out

    async def run() -> int:
        async with at_the_desk() as database:
            gone = await take_out(
                database,
                amqp_url(),
                lambda view: picked(view.letters, names or (), group, everything=everything),
                operator(by, reason),
            )
            return len(gone)

    typer.echo(f"{foreground.run(run())} discarded; `vrs dlq restore` brings them back.")


@app.command()
def restore(
    names: Ids = None, *, everything: All = False, by: By = None, reason: Why = None, as_json: AsJson = False
) -> None:
    """Bring discarded letters back into their queues; without an ID list what there is.

    Examples:
      vrs dlq restore
      vrs dlq restore 2f0f6c1d8e42 --reason "discarded by mistake"

    """
    from ops import foreground
    from ops.desk.choice import named
    from ops.desk.opened import amqp_url, at_the_desk, operator
    from ops.desk.tables import print_archived
    from shared.dead_letters.archive import archived
    from shared.dead_letters.archive import restore as bring_back

    async def run() -> None:
        async with at_the_desk() as database:
            found = await archived(database)
            if not names and not everything:
                print_archived(found, as_json=as_json)
                return
            letters = [each.letter for each in found]
            meant = {letter.key for letter in (named(letters, names) if names else letters)}
            wanted = [each for each in found if each.letter.key in meant]
            await bring_back(database, amqp_url(), wanted, operator(by, reason))
            typer.echo(f"{len(wanted)} restored.")

    foreground.run(run())


@app.command()
def note(
    words: Annotated[str, typer.Argument(metavar="TEXT", help="What others should know; empty takes it away.")],
    names: Ids = None,
    *,
    group: Group = None,
    by: By = None,
) -> None:
    """Note something on dead letters or on a group; `list`, `groups` and `show` tell it.

    Examples:
      vrs dlq note "asked INWX, ticket 4711" 2f0f6c1d8e42
      vrs dlq note "wait for the new server" --group 3fa9c2

    """
    from contracts import DeskActionKind
    from ops import foreground
    from ops.desk.notes import annotate

    count = foreground.run(annotate(names or [], group, DeskActionKind.NOTE, words or None, by=by))
    typer.echo(f"Noted on {count}.")


@app.command()
def take(
    names: Ids = None,
    *,
    group: Group = None,
    release: Annotated[bool, typer.Option("--release", help="You are no longer on it.")] = False,
    by: By = None,
) -> None:
    """Say that you are on it: `list`, `groups` and `show` tell who investigates.

    Examples:
      vrs dlq take --group 3fa9c2
      vrs dlq take 2f0f6c1d8e42 --release

    """
    from contracts import DeskActionKind
    from ops import foreground
    from ops.desk.notes import annotate
    from ops.desk.opened import operator

    owner = None if release else operator(by, None).name
    count = foreground.run(annotate(names or [], group, DeskActionKind.TAKE, owner, by=by))
    typer.echo(f"{owner or 'Nobody'} is on {count}.")


@app.command("import")
def import_letters(
    file: Annotated[str, typer.Argument(help="What `vrs dlq export` printed, or - for the standard input.")],
    *,
    by: By = None,
    reason: Why = None,
) -> None:
    """Put exported letters among the dead of this environment; those that are there already stay as they are.

    Examples:
      vrs dlq import dead.jsonl --reason "looking at production's letters"
      vrs dlq import - < dead.jsonl

    """
    from ops import foreground
    from ops.desk.opened import amqp_url, at_the_desk, operator
    from shared.dead_letters.transfer import TransferError, read_lines
    from shared.dead_letters.transfer import import_letters as put_there

    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        letters = read_lines(text.splitlines())
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}", exit_code=2) from error
    except (TransferError, UnicodeDecodeError) as error:
        raise CommandError("\n".join(f"{file}: {line}" for line in str(error).splitlines())) from error

    async def run() -> int:
        async with at_the_desk() as database:
            return len(await put_there(database, amqp_url(), letters, operator(by, reason)))

    new = foreground.run(run())
    typer.echo(f"{new} imported, {len(letters) - new} were there already.")
