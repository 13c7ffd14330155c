"""What a consumer would do with a dead letter now: nothing if it is settled, else what its service says of it.

A service registers its explanations as an entry point of `ENTRY_POINTS`; they read its rows, call nobody and need no
settings.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points
from typing import Any
from uuid import UUID

from contracts import EVENTS, CloudEvent, ContractError, Event, ProjectCancelled, decode
from shared.database import Database
from shared.dead_letters.room import Settled, Standing
from shared.messaging.given import project_facts
from shared.models import StepState
from shared.rows import rows_of
from shared.step import ProjectFacts, Row
from shared.transaction import begin

ENTRY_POINTS = "vrs.explain"


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What an explanation is given beside the event: the project's facts and its rows."""

    database: Database
    event_id: UUID
    project_id: UUID
    project: ProjectFacts | None

    async def rows(self, model: type[Row]) -> list[Row]:
        """Read the project's rows of a table, oldest key first."""
        return await rows_of(self.database, model, self.project_id)


Explain = Callable[[Any, Circumstances], Awaitable[list[str]]]
"""From an event's data to sentences that begin with "would": what the handler would do now, in its order."""


@dataclass(frozen=True, slots=True)
class Explanations:
    """What a service registers. `despite_cancellation`: the events that it handles for cancelled projects as well."""

    by_event: Mapping[type[Event], Explain]
    despite_cancellation: frozenset[type[Event]] = field(default_factory=frozenset)


@cache
def contract_of(consumer: str) -> type[Event] | None:
    """The event that a consumer hears, by its name; None if there is no such event."""
    hyphenated = consumer.partition(".")[2]
    return next((event for event in EVENTS.values() if event.hyphenated() == hyphenated), None)


async def explain(
    database: Database, *, consumer: str, body: bytes, standing: Standing, letter_death: int
) -> list[str]:
    """Say what a replay of this letter would do now. Nothing is changed and nobody is called."""
    contract = contract_of(consumer)
    service = _of_service(consumer.partition(".")[0])
    if (nothing := _nothing(standing, contract, service, letter_death)) is not None:
        return [f"nothing: {nothing}"]
    if contract is None:
        return [f"nothing can be said: no event of ours belongs to {consumer}"]
    try:
        event = decode(body, contract)
    except ContractError as error:
        return [f"would refuse it again, it breaks its contract: {problem}" for problem in error.problems]
    if service is None or contract not in service.by_event:
        return [f"would handle {contract.type}; {consumer.partition('.')[0]} does not say more"]
    return await service.by_event[contract](event.data, await _circumstances(database, event))


def _nothing(
    standing: Standing, contract: type[Event] | None, service: Explanations | None, letter_death: int
) -> str | None:
    match standing.settled:
        case Settled.COMPLETED:
            return f"already done{_at(standing)}"
        case Settled.SUPERSEDED:
            return f"an edited copy has replaced it{_at(standing)}"
        case Settled.CANCELLED:
            return f"closed{_at(standing)}, the project is cancelled"
    despite = contract is ProjectCancelled or (service is not None and contract in service.despite_cancellation)
    if standing.cancelled and not despite:
        return "the project is cancelled"
    if standing.state is not None and standing.state is not StepState.DEAD:
        return f"its step goes on already, it is {standing.state}"
    if standing.state is StepState.DEAD and letter_death not in (0, standing.deaths):
        return "it is an older letter of a step that has died again since"
    return None


def _at(standing: Standing) -> str:
    return f" at {standing.settled_at:%Y-%m-%d %H:%M:%S}" if standing.settled_at else ""


async def _circumstances(database: Database, event: CloudEvent[Any]) -> Circumstances:
    async with begin(database) as transaction:
        facts = await project_facts(transaction, event.subject)
    return Circumstances(database, event.id, event.subject, facts)


@cache
def _of_service(name: str) -> Explanations | None:
    found = [entry.load() for entry in entry_points(group=ENTRY_POINTS) if entry.name == name]
    return found[0] if found else None
