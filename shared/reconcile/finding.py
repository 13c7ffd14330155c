"""What a comparison finds, and who may act on it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, Protocol, Self
from uuid import UUID

from contracts import ServiceName
from shared.database import Database

ENTRY_POINTS = "vrs.reconcile"


class Drift(StrEnum):
    """In which way the database and the vendor differ. Only the last one is nothing to worry about."""

    MISSING = "missing"  # written down, and the vendor does not have it
    DOUBLED = "doubled"  # the vendor has one more beside what is written down
    ORPHANED = "orphaned"  # ours, and no project needs it any more
    DIFFERENT = "different"  # the vendor has it otherwise than it is written down
    UNANSWERED = "unanswered"  # its create was written down and never answered, and its grace has passed
    IN_PROGRESS = "in progress"  # somebody works on it, or may still do


class Action(StrEnum):
    """What a repair does."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    ADOPT = "adopt"  # write down what the vendor has
    FORGET = "forget"  # delete the row about what is not there
    DEPLOY = "deploy"


class Caution(StrEnum):
    """Who may have a repair done."""

    CERTAIN = "certain"  # the service does it by itself
    ASKED = "asked"  # somebody who asks for all repairs
    NAMED = "named"  # somebody who names this very finding


class RepairRefusedError(Exception):
    """A repair was not done: what it was about has changed, or somebody works on it. Look again."""


@dataclass(frozen=True, slots=True)
class Repair:
    """What can be done about a finding. `run` checks again under the project's lock and returns what was done.

    `words` complete "would …". `run` raises `RepairRefusedError`, or the vendor's error.
    """

    action: Action
    words: str
    caution: Caution
    run: Callable[[], Awaitable[str]] = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One difference. `thing` is what it is about, named by the vendor's id or, if it has none, by ours.

    Without a `repair`, `advice` says what a person can do; it is empty for what goes on by itself.
    """

    service: ServiceName
    drift: Drift
    project_id: UUID
    thing: str
    database: str
    vendor: str
    repair: Repair | None = None
    advice: str = ""

    @property
    def id(self) -> str:
        """Names the finding as long as it stands: 12 hexadecimal digits of a hash."""
        named = "\0".join((self.service, self.drift, str(self.project_id), self.thing))
        return sha256(named.encode()).hexdigest()[:12]

    @property
    def is_off(self) -> bool:
        """Whether anything is wrong."""
        return self.drift is not Drift.IN_PROGRESS

    def left_to(self, why: str) -> Self:
        """The same difference, of which somebody else takes care, or nobody can judge yet."""
        return replace(self, drift=Drift.IN_PROGRESS, repair=None, advice=why)

    def as_json(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return {
            "id": self.id,
            "service": self.service.value,
            "drift": self.drift.value,
            "project_id": str(self.project_id),
            "thing": self.thing,
            "database": self.database,
            "vendor": self.vendor,
            "action": self.repair.action.value if self.repair else None,
            "repair": self.repair.words if self.repair else None,
            "caution": self.repair.caution.value if self.repair else None,
            "advice": self.advice,
        }


class Reconciler(Protocol):
    """How one service compares itself with its vendor."""

    @property
    def service(self) -> ServiceName:
        """Whose rows are compared."""

    def look(self, project_id: UUID | None = None) -> AsyncIterator[Finding]:
        """Compare everything, or one project with few calls. Changes nothing.

        Raises:
            TemporaryError, PermanentError: the vendor's.

        """

    async def expired(self) -> list[tuple[UUID, datetime]]:
        """Projects with a create intent past its grace that no step looks after, and when each was intended."""


OpenReconciler = Callable[[Database], AbstractAsyncContextManager[Reconciler]]
"""What a service registers: reads its settings, opens its client, gives its reconciler. Raises `SettingsError`."""


async def repair(reconciler: Reconciler, finding: Finding) -> str:
    """Look at the project anew and repair the finding if it still stands; return what was done.

    Raises:
        RepairRefusedError: it does not stand any more, or somebody works on the project.
        TemporaryError, PermanentError: the vendor's.

    """
    async for fresh in reconciler.look(finding.project_id):
        if fresh.id == finding.id and fresh.repair is not None:
            return await fresh.repair.run()
    raise RepairRefusedError("it is not so any more, nothing was done")


async def seen_twice(look: Callable[[], AsyncIterator[Finding]]) -> list[Finding]:
    """What two looks in a row find. One alone sees a project that is worked on at that moment half done."""
    first = {finding.id async for finding in look()}
    return [finding async for finding in look() if finding.id in first] if first else []
