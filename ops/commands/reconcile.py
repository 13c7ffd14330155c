"""``vrs reconcile``."""

# ruff: noqa: PLC0415 - imports on call, see the package
import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from ops.failure import CommandError

if TYPE_CHECKING:
    from ops.reconciliation import Outcome
    from shared.reconcile.finding import Finding


def reconcile(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Only these findings, as shown.")] = None,
    *,
    services: Annotated[list[str] | None, typer.Option("--service", help="Only dns, or only deploy.")] = None,
    project: Annotated[str | None, typer.Option(help="Only this project: its slug or id.")] = None,
    repair: Annotated[bool, typer.Option("--repair", help="Repair what is shown, asking before each.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --repair: do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare the database with INWX and Coolify: what is missing there, doubled, orphaned, different.

    Nothing is changed without --repair; then each finding is looked at again right before it is repaired, under its
    project's lock, and a project that is being worked on is left alone. What could hit somebody else's work is
    repaired only if its ID is given. Exit 1 if anything is off and was not repaired.

    Examples:
      vrs reconcile
      vrs reconcile --service dns --project baeckerei-sommer
      vrs reconcile --repair --yes
      vrs reconcile 2f0f6c1d8e42 --repair

    """
    from ops import foreground
    from ops.reconciliation import Wanted, find, mend

    wanted = Wanted(tuple(services or ()), project, tuple(ids or ()))
    if repair and not yes and (as_json or not sys.stdin.isatty()):
        raise CommandError("--repair asks before each repair: add --yes where nobody can answer", exit_code=2)
    found = foreground.run(find(wanted))
    if not as_json:
        _print(found)
    outcomes: list[Outcome] = []
    if repair:
        chosen = [each for each in found if _is_wanted(each, wanted.ids) and (yes or _confirmed(each))]
        outcomes = foreground.run(mend(chosen, tell=None if as_json else _print_outcome))
    if as_json:
        done = {outcome.finding.id: outcome.as_json() for outcome in outcomes}
        said = [finding.as_json() | {"outcome": done.get(finding.id)} for finding in found]
        typer.echo(json.dumps({"off": sum(each.is_off for each in found), "findings": said}, ensure_ascii=False))
    repaired = {outcome.finding.id for outcome in outcomes if outcome.repaired}
    if any(finding.is_off and finding.id not in repaired for finding in found):
        raise typer.Exit(1)


def _is_wanted(finding: "Finding", ids: tuple[str, ...]) -> bool:
    from shared.reconcile.finding import Caution

    return finding.repair is not None and (finding.repair.caution is not Caution.NAMED or finding.id in ids)


def _confirmed(finding: "Finding") -> bool:
    words = finding.repair.words if finding.repair else ""
    return typer.confirm(f"{finding.id}: {finding.drift} {finding.thing}; {words}?")


def _print(found: "list[Finding]") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from shared.hosts import shown_in

    if not sys.stdout.isatty():
        for each in found:
            fields = (each.id, each.service, each.drift, each.project_id, each.thing, each.database, each.vendor)
            typer.echo("\t".join([*map(str, fields), _remedy(each)]))
        return
    table = Table("id", "service", "is", "project", "what", "the database says", "the vendor says", "repair")
    for each in found:
        style = "bold red" if each.is_off else "dim"
        table.add_row(
            each.id,
            each.service,
            Text(each.drift, style),
            str(each.project_id),
            *(Text(shown_in(words)) for words in (each.thing, each.database, each.vendor, _remedy(each))),
        )
    Console().print(table if found else "Nothing is off.")


def _remedy(finding: "Finding") -> str:
    from shared.reconcile.finding import Caution

    if finding.repair is None:
        return finding.advice
    named = " (only if its id is given)" if finding.repair.caution is Caution.NAMED else ""
    return finding.repair.words + named


def _print_outcome(outcome: "Outcome") -> None:
    sign = "repaired" if outcome.repaired else "not repaired"
    typer.echo(f"{outcome.finding.id} {sign}: {outcome.said}", err=not outcome.repaired)
