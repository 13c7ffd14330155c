"""Runs the reconcilers that services register: finds what is off, and has single findings repaired."""

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from ops.connection import connected
from ops.failure import CommandError
from ops.story import find_project
from shared.errors import PermanentError, TemporaryError
from shared.reconcile.finding import ENTRY_POINTS, Finding, OpenReconciler, RepairRefusedError
from shared.reconcile.finding import repair as repair_one
from shared.settings import SettingsError


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be looked at: services by name, a project by slug or id, findings by id; everything if empty."""

    services: tuple[str, ...] = ()
    project: str | None = None
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a repair; `said` is what was done, or why not."""

    finding: Finding
    repaired: bool
    said: str

    def as_json(self) -> dict[str, Any]:
        """Without the finding."""
        return {"repaired": self.repaired, "said": self.said}


async def find(wanted: Wanted) -> list[Finding]:
    """Compare, and return the findings, by service and project.

    Raises:
        SettingsError: a service's settings are missing.
        CommandError: there is no such service, project or finding, or a vendor does not answer.

    """
    known = _registered(wanted.services)
    found: list[Finding] = []
    async with connected() as database:
        project_id = await find_project(database.engine, wanted.project) if wanted.project else None
        for entry in known:
            try:
                async with _opened(entry)(database) as reconciler:
                    found += [finding async for finding in reconciler.look(project_id)]
            except (TemporaryError, PermanentError) as error:
                raise CommandError(f"{entry.name} could not be compared: {error}") from error
            except SettingsError as error:
                hint = f"where {entry.name} does not run, leave it out with --service"
                raise SettingsError(f"{error}; {hint}") from error
    if missing := [each for each in wanted.ids if each not in {finding.id for finding in found}]:
        raise CommandError(f"There is no finding {missing[0]} (any more); `vrs reconcile` lists them")
    chosen = [finding for finding in found if not wanted.ids or finding.id in wanted.ids]
    return sorted(chosen, key=lambda each: (each.service, each.project_id, each.thing))


async def mend(findings: Sequence[Finding], *, tell: Callable[[Outcome], None] | None) -> list[Outcome]:
    """Repair one after the other; `tell` hears of each at once."""
    outcomes = []
    async with connected() as database, AsyncExitStack() as stack:
        reconcilers = {
            entry.name: await stack.enter_async_context(_opened(entry)(database))
            for entry in _registered(tuple({finding.service.value for finding in findings}))
            if findings
        }
        for finding in findings:
            try:
                outcome = Outcome(finding, True, await repair_one(reconcilers[finding.service], finding))
            except (RepairRefusedError, TemporaryError, PermanentError) as error:
                outcome = Outcome(finding, False, str(error))
            outcomes.append(outcome)
            if tell is not None:
                tell(outcome)
    return outcomes


def _registered(names: Sequence[str]) -> list[EntryPoint]:
    known = sorted(entry_points(group=ENTRY_POINTS), key=lambda entry: entry.name)
    unknown = sorted(set(names) - {entry.name for entry in known})
    if unknown:
        there = ", ".join(entry.name for entry in known)
        raise CommandError(f"No service {unknown[0]!r} has a vendor; there are {there}", exit_code=2)
    return [entry for entry in known if not names or entry.name in names]


def _opened(entry: EntryPoint) -> OpenReconciler:
    opened: OpenReconciler = entry.load()
    return opened
